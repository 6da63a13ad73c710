package ledger_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"

	"golang.org/x/mod/sumdb/note"

	"vedette/ledger"
)

func Example() {
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	key, err := ledger.LoadOrCreateKey(dir, "vedette/example", rand.Reader)
	if err != nil {
		panic(err)
	}
	verifiers := note.VerifierList(key.Verifier)
	l, _, err := ledger.Open(ledger.Config{Dir: dir, Signer: key.Signer, Verifiers: verifiers, Sync: true})
	if err != nil {
		panic(err)
	}
	pos, err := l.Append([]byte(`{"kind":"call","verdict":"authentic"}`))
	if err == nil {
		err = l.Wait(context.Background(), pos)
	}
	if err != nil {
		panic(err)
	}
	proof, err := l.ProveInclusion(pos)
	if err != nil {
		panic(err)
	}
	fmt.Println("record", proof.Position, "of", proof.TreeSize, "proven:", proof.Check(verifiers) == nil)
	l.Close()

	report, err := ledger.Verify(dir, ledger.VerifyOptions{Origin: "vedette/example", Verifiers: verifiers})
	if err != nil {
		panic(err)
	}
	fmt.Println("verified", report.Records, "whole:", report.Whole(), report.Problems)
	// Output:
	// record 0 of 1 proven: true
	// verified 1 whole: true []
}
