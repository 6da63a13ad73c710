package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestForgedSignature(t *testing.T) { detecttest.Run(t, ForgedSignature) }
