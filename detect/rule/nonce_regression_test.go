package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestNonceRegression(t *testing.T) { detecttest.Run(t, NonceRegression) }
