package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestDormantKey(t *testing.T) { detecttest.Run(t, DormantKey) }
