package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestSharedKey(t *testing.T) { detecttest.Run(t, SharedKey) }
