package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"vedette/internal/durable"
)

// auditMark is the file that says up to where the audit of state.db stands in the
// ledger.
const auditMark = "audit.position"

// auditBatch bounds the audit entries read at once.
const auditBatch = 500

// recordAudit brings into the ledger what people did through state.db, while no
// monitor ran or just now. A crash between the two leaves an entry twice, with the
// same n, never out.
func (a *app) recordAudit(ctx context.Context) error {
	path := filepath.Join(a.config.Dir, auditMark)
	b, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cannot read audit position: %w", err)
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64) // unreadable: all of it once more
	for {
		list, err := a.store.LoadAudit(ctx, n, auditBatch)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, e := range list {
			if _, err := a.monitor.Act(e.Actor, e.Action, map[string]any{"n": e.N, "at": e.At, "subject": e.Subject, "detail": e.Detail}); err != nil {
				return err
			}
			n = e.N
		}
		if err := durable.Replace(durable.OS{}, path, strconv.AppendInt(nil, n, 10), 0o600); err != nil {
			return fmt.Errorf("cannot write audit position: %w", err)
		}
	}
}
