package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestInjection(t *testing.T) { detecttest.Run(t, Injection) }
