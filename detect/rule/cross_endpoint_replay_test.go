package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestCrossEndpointReplay(t *testing.T) { detecttest.Run(t, CrossEndpointReplay) }
