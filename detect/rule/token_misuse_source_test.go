package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestTokenMisuseSource(t *testing.T) { detecttest.Run(t, TokenMisuseSource) }
