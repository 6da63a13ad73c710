//go:build !unix

package durable

import (
	"errors"
	"os"
	"syscall"
)

// BUG: outside Unix the lock holds nobody back.
func flock(*os.File) error { return nil }

// Full tells whether an error says that the disk is used up.
func Full(err error) bool { return errors.Is(err, syscall.ENOSPC) }
