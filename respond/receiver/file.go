package receiver

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"vedette/respond"
	"vedette/respond/format"
)

// File appends one line an event. It opens the file for each delivery, so that it can be
// rotated by renaming.
type File struct {
	Name   string
	Format format.Format
}

// Batch implements Receiver.
func (*File) Batch() (int, time.Duration) { return syslogBatch, 0 }

// Close implements Receiver.
func (*File) Close() error { return nil }

// Deliver implements Receiver: the lines are on disk when it returns.
func (w *File) Deliver(_ context.Context, batch []respond.Event) (err error) {
	f, err := os.OpenFile(w.Name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("cannot open file: %w", err)
	}
	defer func() {
		if cerr := f.Close(); err == nil {
			err = cerr
		}
	}()
	var b []byte
	if cut, err := cutLine(f); err != nil {
		return err
	} else if cut {
		b = append(b, '\n')
	}
	for _, e := range batch {
		b = append(append(b, w.Format(e)...), '\n')
	}
	if _, err := f.Write(b); err != nil {
		return err
	}
	return f.Sync()
}

// cutLine reports whether the file ends within a line, as a full disk or a kill leaves it.
func cutLine(f *os.File) (bool, error) {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil || end == 0 {
		return false, err
	}
	var last [1]byte
	if _, err := f.ReadAt(last[:], end-1); err != nil {
		return false, err
	}
	return last[0] != '\n', nil
}
