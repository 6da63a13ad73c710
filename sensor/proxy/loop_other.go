//go:build !linux

package proxy

import (
	"errors"
	"net"
)

// Without epoll every connection has a goroutine of its own.
type loop struct{ index int }

func newLoops(int) ([]*loop, error) { return nil, nil }

func (*loop) stop()                                    {}
func (*loop) start(func(t *task))                      {}
func (*loop) adopt(*net.TCPConn, *task) (*sock, error) { return nil, errors.ErrUnsupported }

type task struct{ l *loop }

func (*task) block(f func()) { f() }

type sock struct {
	net.Conn
	task *task
	heed bool
}

func (*sock) release() (net.Conn, error)  { return nil, errors.ErrUnsupported }
func (*sock) stale() bool                 { return true }
func (*sock) readNow([]byte) (int, error) { return 0, errors.ErrUnsupported }
