package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestScopeProbe(t *testing.T) { detecttest.Run(t, ScopeProbe) }
