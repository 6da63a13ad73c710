package durable

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
)

// MaxJournalRecord bounds one record of a Journal, in bytes: a length beyond it is damage.
const MaxJournalRecord = 1 << 20

// TornSuffix ends the name of the file that keeps what OpenJournal cut off.
const TornSuffix = ".torn"

// Journal is an append-only file of records with checksums. What Append took survives the
// end of the process, and a power cut after Sync. Its methods must not run concurrently,
// but Read and Sync beside Append.
type Journal struct {
	fsys FS
	name string
	file File
	size int64
	// unplaced says that a power cut could bring the file before the last Replace back.
	unplaced bool
}

// Each record is its length and the CRC-32C of length and content, both of four bytes in
// little-endian order, then the content.
const frameHead = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func frame(record []byte) []byte {
	b := make([]byte, frameHead, frameHead+len(record))
	binary.LittleEndian.PutUint32(b, uint32(len(record)))
	sum := crc32.Update(crc32.Checksum(b[:4], castagnoli), castagnoli, record)
	binary.LittleEndian.PutUint32(b[4:], sum)
	return append(b, record...)
}

// OpenJournal opens the journal, making it if it is not there, and calls each with every
// record and its position. What a crash left half-written behind the last good record is moved
// to a file with TornSuffix; torn is its length in bytes.
func OpenJournal(fsys FS, name string, each func(at int64, record []byte) error) (j *Journal, torn int64, err error) {
	if err := settle(fsys, name); err != nil {
		return nil, 0, fmt.Errorf("cannot open %s: %w", name, err)
	}
	f, err := fsys.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err == nil {
		if err = fsys.SyncDir(filepath.Dir(name)); err != nil {
			f.Close()
		}
	}
	if err != nil {
		return nil, 0, fmt.Errorf("cannot open %s: %w", name, err)
	}
	j = &Journal{fsys: fsys, name: name, file: f}
	if torn, err = j.load(each); err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("cannot read %s: %w", name, err)
	}
	return j, torn, nil
}

// settle removes what a Replace that was cut short left behind.
func settle(fsys FS, name string) error {
	if err := fsys.Remove(name + TempSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (j *Journal) load(each func(int64, []byte) error) (torn int64, err error) {
	end, err := j.file.Size()
	if err != nil {
		return 0, err
	}
	for j.size < end {
		record, err := j.Read(j.size)
		if errors.Is(err, errDamaged) {
			break
		}
		if err == nil {
			err = each(j.size, record)
		}
		if err != nil {
			return 0, err
		}
		j.size += frameHead + int64(len(record))
	}
	if torn = end - j.size; torn == 0 {
		return 0, nil
	}
	rest := make([]byte, min(torn, 16*MaxJournalRecord))
	if _, err := j.file.ReadAt(rest, j.size); err != nil && !errors.Is(err, io.EOF) {
		return torn, err
	}
	if err := Replace(j.fsys, j.name+TornSuffix, rest, 0o600); err != nil {
		return torn, err
	}
	if err := j.file.Truncate(j.size); err != nil {
		return torn, err
	}
	return torn, j.file.Sync()
}

var errDamaged = errors.New("a record is cut or damaged")

// Read returns the record at a position that Append, Replace or OpenJournal gave.
func (j *Journal) Read(at int64) ([]byte, error) {
	var head [frameHead]byte
	if _, err := j.file.ReadAt(head[:], at); errors.Is(err, io.EOF) {
		return nil, errDamaged
	} else if err != nil {
		return nil, err
	}
	n := binary.LittleEndian.Uint32(head[:])
	if n > MaxJournalRecord {
		return nil, errDamaged
	}
	record := make([]byte, n)
	if m, err := j.file.ReadAt(record, at+frameHead); err != nil && !(errors.Is(err, io.EOF) && m == int(n)) {
		if errors.Is(err, io.EOF) {
			err = errDamaged
		}
		return nil, err
	}
	if crc32.Update(crc32.Checksum(head[:4], castagnoli), castagnoli, record) != binary.LittleEndian.Uint32(head[4:]) {
		return nil, errDamaged
	}
	return record, nil
}

// Append adds a record and returns its position. After an error the journal can be used
// on; the record may be there after a crash all the same.
func (j *Journal) Append(record []byte) (at int64, err error) {
	if len(record) > MaxJournalRecord {
		return 0, fmt.Errorf("cannot append to %s: a record of %d bytes, over %d", j.name, len(record), MaxJournalRecord)
	}
	b := frame(record)
	if _, err := j.file.WriteAt(b, j.size); err != nil {
		j.file.Truncate(j.size) // best effort: a record that was refused may turn up after a crash
		return 0, fmt.Errorf("cannot append to %s: %w", j.name, err)
	}
	at = j.size
	j.size += int64(len(b))
	return at, nil
}

// Sync makes what was appended outlast a power cut. After an error only Replace does so.
func (j *Journal) Sync() error {
	if err := j.place(); err != nil {
		return err
	}
	return j.file.Sync()
}

// Size returns the bytes of the file.
func (j *Journal) Size() int64 { return j.size }

// Replace puts a journal of the given records in place of this one, durably, and calls moved
// with the new position of each. After an error before that the old one stays; after one of the
// folder's sync the new one is in place, and Sync tries again.
func (j *Journal) Replace(records iter.Seq2[[]byte, error], moved func(at int64)) (err error) {
	temp := j.name + TempSuffix
	f, err := j.fsys.OpenFile(temp, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("cannot rewrite %s: %w", j.name, err)
	}
	next := &Journal{fsys: j.fsys, name: temp, file: f}
	var at []int64
	for record, rerr := range records {
		var pos int64
		if err = rerr; err == nil {
			pos, err = next.Append(record)
		}
		if err != nil {
			break
		}
		at = append(at, pos)
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = j.fsys.Rename(temp, j.name)
		if err != nil && errors.Is(j.file.InPlace(), fs.ErrNotExist) {
			err = nil // it took effect all the same
		}
	}
	if err != nil {
		f.Close()
		return fmt.Errorf("cannot rewrite %s: %w", j.name, err)
	}
	j.file.Close()
	j.file, j.size, j.unplaced = f, next.size, true
	if named, err := j.fsys.OpenFile(j.name, os.O_RDWR, 0o600); err == nil { // so that InPlace asks for the right name
		f.Close()
		j.file = named
	}
	for _, pos := range at {
		moved(pos)
	}
	return j.place()
}

// place makes the name of the file that Replace made durable, unless it is.
func (j *Journal) place() error {
	if j.unplaced {
		if err := j.fsys.SyncDir(filepath.Dir(j.name)); err != nil {
			return fmt.Errorf("cannot sync the folder of %s: %w", j.name, err)
		}
		j.unplaced = false
	}
	return nil
}

// Close syncs and closes the file.
func (j *Journal) Close() error { return errors.Join(j.Sync(), j.file.Close()) }
