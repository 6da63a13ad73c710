package store

import "time"

const (
	// lockTimeout is how long to wait for another process that writes.
	lockTimeout = 5 * time.Second
	// maxConns is how many connections a process has at most: SQLite has one writer anyway, and
	// PostgreSQL's are dear.
	maxConns = 4
	// sqliteWatch is how often to look for changes: who runs on one machine is told over the control
	// socket too.
	sqliteWatch = time.Second

	// connectTimeout is how long to wait for PostgreSQL to answer, unless the URL says otherwise.
	connectTimeout = 5 * time.Second
	// statementTimeout ends a statement that PostgreSQL does not finish: a million keys take 10 s.
	statementTimeout = time.Minute
	// connLife is how long a connection is used: a server that moved is found again.
	connLife = 30 * time.Minute
	// watchAgain is how long to wait before listening again, watchProbe how often to ask a silent
	// connection whether it lives.
	watchAgain = time.Second
	watchProbe = 20 * time.Second
)
