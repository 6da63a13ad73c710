package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestKeyEnumerationSubnet(t *testing.T) { detecttest.Run(t, KeyEnumerationSubnet) }
