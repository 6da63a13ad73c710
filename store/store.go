// Package store keeps the monitor's relational state: in a SQLite file, or in PostgreSQL where several
// monitors share it.
package store

import (
	"context"
	"errors"
	"time"

	"vedette"
	"vedette/incident"
)

// Kinds of failure that a caller may tell apart. The error's text says what, where
// and what to do.
var (
	// ErrCorrupt means that the data are damaged or are no database.
	ErrCorrupt = errors.New("the database is damaged")
	// ErrReadOnly means that the database cannot be written.
	ErrReadOnly = errors.New("the database cannot be written")
	// ErrFull means that the disk is full; nothing of the change was kept.
	ErrFull = errors.New("the disk is full")
	// ErrNewer means that a newer version of vedette has changed the tables.
	ErrNewer = errors.New("the database is of a newer version of vedette")
	// ErrBusy means that another process kept the database, or a row of it, locked.
	ErrBusy = errors.New("the database is in use by another process")
	// ErrUnreachable means that the database server does not answer, or refuses us. Whether a change
	// whose answer was lost was made is not known: make it again.
	ErrUnreachable = errors.New("the database cannot be reached")
	// ErrNotFound means that there is no such row.
	ErrNotFound = errors.New("not found")
	// ErrNoTables means that the database has no tables of vedette yet, and was not to get them.
	ErrNoTables = errors.New("the database has no state of vedette")
)

// Store is an open database. Package storetest holds every implementation to what is said here.
//
// Durability: a change is durable when its method returns nil, and made as a whole or not at all. With
// every change goes its audit: both or neither.
//
// Concurrency: methods may be called concurrently, also by several processes. A method that reads sees
// one state, never half of a change.
//
// Errors: any method can fail with an error that wraps ErrCorrupt, ErrReadOnly, ErrFull, ErrBusy or
// ErrUnreachable, or with the context's; what else it returns is said there. No error holds a secret.
//
// Whoever can write the database can remove keys, revocations and restrictions, make restrictions, close incidents
// and rewrite the audit; keys he can neither read nor make (see keyring.Sealer). The ledger holds the
// same human actions beyond his reach.
type Store interface {
	Keys
	Restrictions
	Revocations
	Incidents
	Audits

	// Watch calls changed after every change that anybody made, this process included, until the
	// context ends, from one goroutine. Changes may be told together, and more than there were, but none
	// is left out: after a time without connection everything is told as changed. It returns the context's error.
	Watch(ctx context.Context, changed func(Change)) error
	// String says where the database is, without a secret.
	String() string
	Close() error
}

// Change is what somebody changed.
type Change struct {
	Keys, Restrictions, Revocations, Incidents, Rules, Audit bool
	// Err is why changes cannot be seen now, nil if they can. All else is unset then.
	Err error
}

// Key is one credential at rest.
type Key struct {
	Venue, ID string
	Sealed    []byte // as keyring.Sealer made it; never empty
	Changed   time.Time
}

// Keys are the sealed credentials.
type Keys interface {
	// LoadKeys returns all keys by venue and id.
	LoadKeys(ctx context.Context) ([]Key, error)
	// Key returns one key. Its error wraps ErrNotFound if there is none.
	Key(ctx context.Context, venue, id string) (Key, error)
	// PutKeys writes the keys, in place of those with the same venue and id.
	PutKeys(ctx context.Context, keys []Key, audit ...Audit) error
	// DeleteKey removes a key. Its error wraps ErrNotFound if there is none.
	DeleteKey(ctx context.Context, venue, id string, audit ...Audit) error
	// RewriteKeys replaces the sealed form of every key by what f returns, as after a change of the
	// master key. An error of f is returned, and changes nothing. f must not use the store.
	RewriteKeys(ctx context.Context, f func(Key) ([]byte, error), audit ...Audit) error
}

// Restrictions are what the gate enforces.
type Restrictions interface {
	// LoadRestrictions returns all restrictions by id. Its error wraps ErrCorrupt if one is not
	// understood: its scope must not fall away.
	LoadRestrictions(ctx context.Context) ([]vedette.Restriction, error)
	// PutRestriction writes a restriction, in place of one with the same id.
	PutRestriction(ctx context.Context, r vedette.Restriction, audit ...Audit) error
	// LiftRestriction removes a restriction. Its error wraps ErrNotFound if there is none.
	LiftRestriction(ctx context.Context, id string, audit ...Audit) error
}

// Revocations are access tokens that ended before they expired. None is taken back.
type Revocations interface {
	// LoadRevocations returns all revocations by id, ended ones too. Its error wraps ErrCorrupt if one
	// is not understood: what it ended must not come back to life.
	LoadRevocations(ctx context.Context) ([]vedette.Revocation, error)
	// PutRevocation writes a revocation, in place of one with the same id.
	PutRevocation(ctx context.Context, r vedette.Revocation, audit ...Audit) error
	// PruneRevocations removes those that ended before the time, and returns how many.
	PruneRevocations(ctx context.Context, before time.Time) (int64, error)
}

// IncidentQuery says which incidents are wanted; its zero value all.
type IncidentQuery struct {
	Monitor string    // whose; "" for any
	Open    bool      // none that is closed
	Updated time.Time // only those with a finding or act since, to the millisecond
	Acted   time.Time // only those that a person did something to since
	Limit   int       // at most so many; 0 for all
}

// Incidents are what the monitors found, and what people did about it. Where one is named, its id may
// be shortened to the first 8 or more digits of the hash in it, if no other has them.
type Incidents interface {
	// PutIncidents writes what a monitor found. What people did stays, if the store knows more of it:
	// the higher revision wins. A record with MergedInto makes that id lead to the other incident.
	PutIncidents(ctx context.Context, records []incident.Record) error
	// Incident returns one, or the one that it was merged into. Its error wraps ErrNotFound.
	Incident(ctx context.Context, id string) (incident.Record, error)
	// Incidents returns those wanted that were not merged into others, the riskiest first.
	Incidents(ctx context.Context, q IncidentQuery) ([]incident.Record, error)
	// Act changes one, or the one that it was merged into, by what f does to it, and returns it. Nobody
	// else can change it between. An error of f is returned, and changes nothing; ErrNotFound is wrapped
	// if there is none. f must not use the store.
	Act(ctx context.Context, id string, f func(*incident.Record) error, audit ...Audit) (incident.Record, error)
	// Prune removes incidents updated last before the time that concern nobody known and that nobody
	// has touched, and returns how many: strangers can make such without end.
	Prune(ctx context.Context, before time.Time) (int64, error)

	// LoadRules returns all suppressions and expected changes by id, ended ones too.
	LoadRules(ctx context.Context) ([]incident.Rule, error)
	// PutRule writes a rule, in place of one with the same id.
	PutRule(ctx context.Context, r incident.Rule, audit ...Audit) error
	// DeleteRule removes a rule. Its error wraps ErrNotFound if there is none.
	DeleteRule(ctx context.Context, id string, audit ...Audit) error
}

// Audit is one human action. It holds no secret.
type Audit struct {
	N       int64 // position, given by the store: from 1, without gaps
	At      time.Time
	Actor   string // who: a name, or a user of the system
	Action  string // such as "key.rotate" or "restriction.set"
	Subject string // on what
	Detail  string // in words
}

// Audits are the human actions. The database refuses to change or remove one.
type Audits interface {
	// AppendAudit writes an action that changes nothing else here.
	AppendAudit(ctx context.Context, a Audit) error
	// LoadAudit returns up to limit actions after position n, the oldest first. No action appears
	// later before one that was returned.
	LoadAudit(ctx context.Context, n int64, limit int) ([]Audit, error)
}
