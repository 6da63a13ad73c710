package bound

import "testing"

func TestCheck(t *testing.T) {
	if err := Check(3, "by", "ann", "reason", ""); err != nil {
		t.Error(err)
	}
	if err := Check(6, "by", "ann", "reason", "because", "id", "too long as well"); err == nil || err.Error() != "reason has 7 bytes, over 6" {
		t.Error(err)
	}
}
