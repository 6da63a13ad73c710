package sim

import "time"

// Limits of the simulation.
const (
	// callTimeout is how long a trader waits for an answer.
	callTimeout = 5 * time.Second
	// impatience is how long a trader waits that retries: below loseTime.
	impatience = 300 * time.Millisecond
	// loseTime is how long the venue holds a request that it loses.
	loseTime = 2 * time.Second
	// lingerTime is how late the venue answers where it shall: long against the jitter
	// of a busy machine.
	lingerTime = 80 * time.Millisecond
	// tapped is how many requests of one key the wiretap remembers.
	tapped = 32
	// freshFor is how old a captured request may be to be used: well within recvWindow.
	freshFor = 2 * time.Second
	// maxErrors is how many error texts a report keeps.
	maxErrors = 20
	// restingOrders is how many orders a noise trader leaves open.
	restingOrders = 20
	// reconnectEvery is after how many calls a trader opens new connections.
	reconnectEvery = 250
	// walkStep is how often the reference price moves.
	walkStep = 250 * time.Millisecond
	// afterwards is how long attackers may go on once the traders have stopped.
	afterwards = 15 * time.Second
	// maxTraders bounds the population: each has an address of its own in 198.18.0.0/15.
	maxTraders = 5000
)
