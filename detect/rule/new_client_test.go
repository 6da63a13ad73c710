package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestNewClient(t *testing.T) { detecttest.Run(t, NewClient) }
