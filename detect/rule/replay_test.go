package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestReplay(t *testing.T) { detecttest.Run(t, Replay) }
