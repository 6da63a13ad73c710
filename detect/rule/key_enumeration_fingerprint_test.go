package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestKeyEnumerationFingerprint(t *testing.T) { detecttest.Run(t, KeyEnumerationFingerprint) }
