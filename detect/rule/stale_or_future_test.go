package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestStaleOrFuture(t *testing.T) { detecttest.Run(t, StaleOrFuture) }
