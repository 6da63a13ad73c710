package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestObjectWalk(t *testing.T) { detecttest.Run(t, ObjectWalk) }
