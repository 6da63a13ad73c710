package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestInjectionCredential(t *testing.T) { detecttest.Run(t, InjectionCredential) }
