// Package sim lets seeded traders trade on a simulated venue while labelled attackers misuse it.
//
// A World is made first: it holds the venue and knows every key, so that a monitor can
// be put in front of the venue. Start then lets traders and attackers loose on
// wherever the monitor listens. What they decide follows from the seed alone; when
// their calls arrive, and what the market answers, does not.
package sim
