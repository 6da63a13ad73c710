package rule

import (
	"testing"

	"vedette/detect/detecttest"
)

func TestCredentialStuffingFingerprint(t *testing.T) {
	detecttest.Run(t, CredentialStuffingFingerprint)
}
