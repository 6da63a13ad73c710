package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestAllowlistChange(t *testing.T) { detecttest.Run(t, AllowlistChange) }
