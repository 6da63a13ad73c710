package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestTokenMisuse(t *testing.T) { detecttest.Run(t, TokenMisuse) }
