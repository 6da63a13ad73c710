// Package behaviour learns how each credential and account behaves, and finds conduct unlike it.
//
// A subject's State is brought up to date with every call, and judged when a window of event time closes, when the
// calls of a window double, and when a client is new. Each signal gives a statistic; its Tail, learned from the
// subject's own windows, turns that into a probability; the probabilities are joined and calibrated once more.
//
// While far more credentials trade than usual, the calls of one that trades count as much less in its rates and gaps: the market
// moved it. Who does more than that is as odd as ever.
//
// What a subject does is learned late and little: a window waits in quarantine, is dropped if anything is found
// meanwhile, and at most three windows of an hour are taken, with six calls of each, however many there were.
package behaviour
