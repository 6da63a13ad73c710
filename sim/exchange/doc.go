// Package exchange matches spot orders by price-time priority over exact balances.
//
// It is deterministic: the same calls under the same clock give the same
// orders, fills and balances. All amounts are integers (see Units).
package exchange
