// Package sim runs a simulated venue with a population of seeded traders and labelled attackers.
//
// A World is made first: it holds the venue and knows every key, so that a monitor can
// be put in front of the venue. Start then lets traders and attackers loose on
// wherever the monitor listens. What they decide follows from the seed alone; when
// their calls arrive, and what the market answers, does not.
package sim
