package proxy

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"vedette/internal/npmtest"
)

// TestSocketWithNode has the ws package of npm on both sides.
func TestSocketWithNode(t *testing.T) {
	home := npmtest.Install(t, "testdata/ws")
	node := func(args ...string) *exec.Cmd {
		cmd := exec.Command("node", append([]string{"testdata/ws/peer.cjs"}, args...)...)
		cmd.Env = append(os.Environ(), "NODE_HOME="+home)
		return cmd
	}
	server := node("server")
	out, err := server.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	buf := make([]byte, 64)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, "http://"+strings.TrimSpace(string(buf[:n])), nil)
	if b, err := node("client", "ws://"+r.addr+"/ws").CombinedOutput(); err != nil || string(b) != "ok\n" {
		t.Errorf("client: %s %v", b, err)
	}
	if n := len(r.m.Replies()); n != 15 {
		t.Errorf("%d replies shown", n)
	}
}
