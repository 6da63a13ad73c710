// Package eval measures detection on data that others wrote.
package eval
