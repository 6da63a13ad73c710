package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"

	"vedette/internal/durable"
)

// Tile names a resource of C2SP tlog-tiles.
type Tile struct {
	Level   int // 0 to 63; not used for entries
	Entries bool
	Index   uint64
	Width   int // 1 to 256
}

var errTilePath = errors.New("this is no tile path")

// Path returns the path below the log's prefix.
func (t Tile) Path() string {
	level := "entries"
	if !t.Entries {
		level = strconv.Itoa(t.Level)
	}
	n := t.Index
	index := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		index = fmt.Sprintf("x%03d/%s", n%1000, index)
	}
	if t.Width != tileWidth {
		index += ".p/" + strconv.Itoa(t.Width)
	}
	return "tile/" + level + "/" + index
}

// ParseTile reads a path of C2SP tlog-tiles: tile/<L>/<N>[.p/<W>] or
// tile/entries/<N>[.p/<W>]. Only the one right spelling is accepted.
func ParseTile(path string) (Tile, error) {
	t := Tile{Width: tileWidth}
	rest, ok := strings.CutPrefix(path, "tile/")
	level, index, found := strings.Cut(rest, "/")
	if !ok || !found || len(path) > 64 {
		return Tile{}, errTilePath
	}
	var err error
	if t.Entries = level == "entries"; !t.Entries {
		if t.Level, err = strconv.Atoi(level); err != nil || t.Level < 0 || t.Level > 63 {
			return Tile{}, errTilePath
		}
	}
	if before, width, partial := strings.Cut(index, ".p/"); partial {
		index = before
		if t.Width, err = strconv.Atoi(width); err != nil || t.Width < 1 || t.Width >= tileWidth {
			return Tile{}, errTilePath
		}
	}
	parts := strings.Split(index, "/")
	for _, p := range parts {
		n, err := strconv.ParseUint(strings.TrimPrefix(p, "x"), 10, 16)
		if err != nil || n > 999 || t.Index > 1<<53 {
			return Tile{}, errTilePath
		}
		t.Index = t.Index*1000 + n
	}
	if t.Path() != path {
		return Tile{}, errTilePath
	}
	return t, nil
}

// Tile returns the bytes of a tile or an entry bundle. It returns an error that wraps
// fs.ErrNotExist if the committed tree does not have it, and ErrRemoved for entries that
// retention removed.
func (r *Reader) Tile(t Tile) ([]byte, error) {
	size := r.view.Load().head.Size
	if !t.Entries {
		size >>= min(63, tileLevel*t.Level)
	}
	first := t.Index * tileWidth
	if t.Width < 1 || t.Width > tileWidth || t.Level >= tileFiles || t.Index > 1<<55 || first+uint64(t.Width) > size {
		return nil, fmt.Errorf("cannot find %s: %w", t.Path(), fs.ErrNotExist)
	}
	if !t.Entries {
		return r.hashes.tile(t.Level, first, t.Width)
	}
	var b []byte
	err := r.Read(first, first+uint64(t.Width), func(_ uint64, record []byte) error {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(record))), record...)
		return nil
	})
	return b, err
}

// ServeHTTP serves the ledger as a C2SP tlog-tiles log: checkpoint, tile/<L>/<N> and
// tile/entries/<N>, below whatever prefix was stripped before.
func (r *Reader) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	path := strings.TrimPrefix(req.URL.Path, "/")
	if path == "checkpoint" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		fmt.Fprint(w, r.Checkpoint().Note)
		return
	}
	t, err := ParseTile(path)
	if err != nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	b, err := r.Tile(t)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, "not found", http.StatusNotFound)
	case errors.Is(err, ErrRemoved):
		http.Error(w, "removed by retention", http.StatusGone)
	case err != nil:
		http.Error(w, "the ledger cannot be read there", http.StatusInternalServerError)
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		w.Write(b)
	}
}

// Export writes the committed ledger as static files of C2SP tlog-tiles into a folder,
// the checkpoint last. Bundles of entries that retention removed are left out. It may be
// run again on the same folder after the ledger has grown.
func (r *Reader) Export(dir string) error {
	v := r.view.Load()
	for level := 0; level < tileFiles; level++ {
		n := v.head.Size >> (tileLevel * level)
		if n == 0 {
			break
		}
		if err := r.exportLevel(dir, Tile{Level: level}, n); err != nil {
			return err
		}
	}
	if err := r.exportLevel(dir, Tile{Entries: true}, v.head.Size); err != nil {
		return err
	}
	return durable.Replace(r.fs, filepath.Join(dir, "checkpoint"), []byte(v.head.Note), 0o644)
}

func (r *Reader) exportLevel(dir string, t Tile, n uint64) error {
	for t.Index = 0; t.Index*tileWidth < n; t.Index++ {
		t.Width = int(min(tileWidth, n-t.Index*tileWidth))
		name := filepath.Join(dir, filepath.FromSlash(t.Path()))
		if f, err := r.fs.OpenFile(name, 0, 0); err == nil {
			f.Close() // tiles never change
			continue
		}
		b, err := r.Tile(t)
		if errors.Is(err, ErrRemoved) {
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot export %s: %w", t.Path(), err)
		}
		if err := r.fs.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return fmt.Errorf("cannot export %s: %w", t.Path(), err)
		}
		if err := durable.Replace(r.fs, name, b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
