package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Hash is a SHA-256 hash of the tree.
type Hash = tlog.Hash

// Checkpoint is a signed tree head in the form of C2SP tlog-checkpoint.
type Checkpoint struct {
	Origin string
	Size   uint64
	Root   Hash
	Note   string // the signed note
}

// ErrSignature means that a checkpoint carries no valid signature of a known key.
var ErrSignature = errors.New("no valid signature of a known key")

// emptyRoot is the hash of a tree without records: SHA-256 of nothing, RFC 6962
// section 2.1.
func emptyRoot() Hash {
	h, err := tlog.TreeHash(0, nil)
	if err != nil {
		panic("BUG: the empty tree has no hash")
	}
	return h
}

func checkpointText(origin string, size uint64, root Hash) string {
	return origin + "\n" + strconv.FormatUint(size, 10) + "\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
}

func signCheckpoint(signer note.Signer, origin string, size uint64, root Hash) (*Checkpoint, error) {
	signed, err := note.Sign(&note.Note{Text: checkpointText(origin, size, root)}, signer)
	if err != nil {
		return nil, fmt.Errorf("cannot sign the checkpoint of size %d: %w", size, err)
	}
	return &Checkpoint{Origin: origin, Size: size, Root: root, Note: string(signed)}, nil
}

// ParseCheckpoint reads a checkpoint that somebody kept or that was downloaded. It
// must carry a valid signature of one of the verifiers; further signatures, such as
// those of witnesses, are not looked at. It returns ErrSignature if there is none.
func ParseCheckpoint(signed []byte, verifiers note.Verifiers) (*Checkpoint, error) {
	if len(signed) > maxTrusted {
		return nil, fmt.Errorf("cannot read checkpoint: longer than %d bytes", maxTrusted)
	}
	n, err := note.Open(signed, verifiers)
	if err != nil {
		var unsigned *note.UnverifiedNoteError
		var invalid *note.InvalidSignatureError
		if errors.As(err, &unsigned) || errors.As(err, &invalid) {
			return nil, fmt.Errorf("cannot trust checkpoint: %w", ErrSignature)
		}
		return nil, fmt.Errorf("cannot read checkpoint: %w", err)
	}
	c, err := parseText(n.Text)
	if err != nil {
		return nil, err
	}
	c.Note = string(signed)
	return c, nil
}

// parseText reads the note text. Extension lines may follow the root.
func parseText(text string) (*Checkpoint, error) {
	lines := strings.Split(text, "\n")
	if len(lines) < 4 || lines[len(lines)-1] != "" || lines[0] == "" {
		return nil, errors.New("cannot read checkpoint: it needs an origin, a size and a root")
	}
	size, err := strconv.ParseUint(lines[1], 10, 63)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] {
		return nil, errors.New("cannot read checkpoint: the size is no plain decimal")
	}
	c := &Checkpoint{Origin: lines[0], Size: size}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(c.Root) {
		return nil, errors.New("cannot read checkpoint: the root is no base64 of 32 bytes")
	}
	copy(c.Root[:], root)
	for _, l := range lines[3 : len(lines)-1] {
		if l == "" {
			return nil, errors.New("cannot read checkpoint: an extension line is empty")
		}
	}
	return c, nil
}

// peekCheckpoint reads one of our own checkpoints without checking its signature.
func peekCheckpoint(signed []byte) (*Checkpoint, error) {
	text, _, found := bytes.Cut(signed, []byte("\n\n"))
	if !found || len(signed) > maxNote {
		return nil, errors.New("cannot read checkpoint: it is no signed note")
	}
	c, err := parseText(string(text) + "\n")
	if err != nil {
		return nil, err
	}
	c.Note = string(signed)
	return c, nil
}

// parseOwn reads a checkpoint as this package writes it: our origin, one signature and
// no byte that a re-encoding would not give back, so that none can change unseen.
func parseOwn(signed []byte, origin string, verifiers note.Verifiers) (*Checkpoint, error) {
	n, err := note.Open(signed, verifiers)
	if err != nil {
		return nil, fmt.Errorf("cannot trust checkpoint: %w: %w", ErrSignature, err)
	}
	c, err := parseText(n.Text)
	if err != nil {
		return nil, err
	}
	if c.Origin != origin {
		return nil, fmt.Errorf("cannot accept checkpoint: its origin is %q, not %q", c.Origin, origin)
	}
	if len(n.Sigs) != 1 || len(n.UnverifiedSigs) != 0 {
		return nil, errors.New("cannot accept checkpoint: it has more than our signature")
	}
	sig, err := base64.StdEncoding.DecodeString(n.Sigs[0].Base64)
	if err != nil {
		return nil, fmt.Errorf("cannot read checkpoint: %w", err)
	}
	again := checkpointText(origin, c.Size, c.Root) + "\n— " + n.Sigs[0].Name + " " +
		base64.StdEncoding.EncodeToString(sig) + "\n"
	if again != string(signed) {
		return nil, errors.New("cannot accept checkpoint: it is not encoded as we encode")
	}
	c.Note = string(signed)
	return c, nil
}
