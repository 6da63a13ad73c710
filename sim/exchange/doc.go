// Package exchange is a spot matching engine with price-time priority and exact accounts.
//
// It is deterministic: the same calls under the same clock give the same
// orders, fills and balances. All amounts are integers (see Units).
package exchange
