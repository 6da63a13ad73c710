// Package eval measures detection.
package eval
