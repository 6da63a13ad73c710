package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vedette/keyring"
	"vedette/ledger"
)

// read prints records, one JSON object a line, and says which of those that were asked for are not there.
func (l *ledgers) read(context.Context) error {
	from, to := l.f.from, l.f.to
	if to != 0 && to < from {
		return usagef("-to %d lies before -from %d", to, from)
	}
	r, _, err := l.reader()
	if err != nil {
		return err
	}
	defer r.Close()
	size := r.Size()
	if from > size || from == size && to > size {
		fmt.Fprintf(l.stderr, "the ledger has %d records: %d is not there yet\n", size, from)
		return errNo
	}
	if to == 0 || to > size {
		to = size
	}
	sealer, err := l.sealer()
	if err != nil {
		return err
	}
	removed, err := r.Removed()
	if err != nil {
		return err
	}
	printed, gone := false, false
	print := func(pos uint64, record []byte) error {
		printed = true
		return l.print(sealer, pos, record)
	}
	for _, x := range removed {
		if from >= to || x.To <= from || to <= x.From {
			continue
		}
		if from < x.From {
			if err := l.present(r, from, x.From, print); err != nil {
				return err
			}
		}
		l.tellRemoved(r, x)
		from, gone = x.To, true
	}
	if from < to {
		if err := l.present(r, from, to, print); err != nil {
			return err
		}
	}
	if gone && !printed {
		return errNo
	}
	return nil
}

// print prints one record.
func (l *ledgers) print(sealer *keyring.Sealer, pos uint64, record []byte) error {
	if sealer != nil {
		record = opened(sealer, record)
	}
	if !json.Valid(record) {
		_, err := fmt.Fprintf(l.stdout, "{\"position\":%d,\"base64\":%q}\n", pos, base64.StdEncoding.EncodeToString(record))
		return err
	}
	_, err := fmt.Fprintf(l.stdout, "{\"position\":%d,\"record\":%s}\n", pos, record)
	return err
}

// present reads records that retention did not remove.
func (l *ledgers) present(r *ledger.Reader, from, to uint64, fn func(uint64, []byte) error) error {
	next := from
	err := r.Read(from, to, func(pos uint64, record []byte) error {
		next = pos + 1
		return fn(pos, record)
	})
	if errors.Is(err, ledger.ErrRemoved) {
		return fmt.Errorf("cannot read record %d: its segment is missing, and retention did not remove it: vedette ledger verify says more; the oldest record is %d", next, r.First())
	}
	return err
}

// tellRemoved says which records are gone, and what the ledger has after them, and since when.
func (l *ledgers) tellRemoved(r *ledger.Reader, x ledger.Range) {
	what := fmt.Sprintf("records %d to %d were", x.From, x.To-1)
	if x.To == x.From+1 {
		what = fmt.Sprintf("record %d was", x.From)
	}
	on := "goes on with"
	if x.From == 0 {
		on = "reaches back to"
	}
	since := ""
	if err := r.Read(x.To, x.To+1, func(_ uint64, record []byte) error {
		if at, ok := timeOf(record); ok {
			since = ", of " + at.UTC().Format(time.RFC3339)
		}
		return nil
	}); err != nil {
		since = ", which cannot be read"
	}
	fmt.Fprintf(l.stderr, "%s removed by retention: the ledger %s record %d%s\n", what, on, x.To, since)
}

// timeOf returns the time that a record says.
func timeOf(record []byte) (time.Time, bool) {
	if ev, ok := ledger.ParseEvent(record); ok {
		return ev.Time, true
	}
	var r struct {
		Time time.Time `json:"time"`
	}
	err := json.Unmarshal(record, &r)
	return r.Time, err == nil && !r.Time.IsZero()
}

// sealer returns what opens sealed bodies, nil if they are not to be opened.
func (l *ledgers) sealer() (*keyring.Sealer, error) {
	if !l.f.open {
		return nil, nil
	}
	c, err := loadConfig(l.f.config)
	if err != nil {
		return nil, err
	}
	c.Dir = l.f.dir
	master, err := masterKey(c, l.getenv)
	if err != nil {
		return nil, fmt.Errorf("cannot open sealed bodies: %w", err)
	}
	return keyring.NewSealer(master)
}

// opened puts the sealed query and body of a record in the clear. What does not open
// stays as it is.
func opened(sealer *keyring.Sealer, record []byte) []byte {
	var m map[string]any
	if !bytes.Contains(record, []byte("_sealed")) || json.Unmarshal(record, &m) != nil {
		return record
	}
	for _, name := range []string{"query", "body"} {
		s, _ := m[name+"_sealed"].(string)
		b, err := base64.StdEncoding.DecodeString(s)
		if s == "" || err != nil {
			continue
		}
		if plain, err := sealer.OpenBytes(nil, b); err == nil {
			m[name] = string(plain)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		return record
	}
	return b
}
