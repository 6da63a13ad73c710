package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestRateEvasionFingerprint(t *testing.T) { detecttest.Run(t, RateEvasionFingerprint) }
