package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestMFAAnomaly(t *testing.T) { detecttest.Run(t, MFAAnomaly) }
