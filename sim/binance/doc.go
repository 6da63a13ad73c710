// Package binance serves a simulated spot venue that speaks Binance's dialect.
//
// It verifies signatures, times and permissions as the venue does, and answers with
// its error codes. As at the venue, a signature covers the parameters only and may
// be used again within its window: refusing that is the monitor's task.
package binance
