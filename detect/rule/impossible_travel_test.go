package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestImpossibleTravel(t *testing.T) { detecttest.Run(t, ImpossibleTravel) }
