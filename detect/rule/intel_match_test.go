package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestIntelMatch(t *testing.T) { detecttest.Run(t, IntelMatch) }
