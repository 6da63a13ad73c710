// Package traffic makes up the judged calls of a venue's customers, and of attackers among them: call by
// call in the order of time, without sockets, so that weeks of thousands of keys pass in minutes.
package traffic
