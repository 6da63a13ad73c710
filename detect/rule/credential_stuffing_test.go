package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestCredentialStuffing(t *testing.T) { detecttest.Run(t, CredentialStuffing) }
