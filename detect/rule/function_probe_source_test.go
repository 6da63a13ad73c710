package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestFunctionProbeSource(t *testing.T) { detecttest.Run(t, FunctionProbeSource) }
