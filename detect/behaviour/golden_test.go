package behaviour

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestAnomaly(t *testing.T)        { detecttest.Run(t, Anomaly) }
func TestAccountAnomaly(t *testing.T) { detecttest.Run(t, AccountAnomaly) }
func TestSlowRamp(t *testing.T)       { detecttest.Run(t, SlowRamp) }
func TestBaselineMoved(t *testing.T)  { detecttest.Run(t, BaselineMoved) }
func TestFanOut(t *testing.T)         { detecttest.Run(t, FanOut) }
