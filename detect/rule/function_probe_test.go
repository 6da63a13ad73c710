package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestFunctionProbe(t *testing.T) { detecttest.Run(t, FunctionProbe) }
