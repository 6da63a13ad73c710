package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestKeyEnumeration(t *testing.T) { detecttest.Run(t, KeyEnumeration) }
