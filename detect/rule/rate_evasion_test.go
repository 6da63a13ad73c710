package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestRateEvasion(t *testing.T) { detecttest.Run(t, RateEvasion) }
