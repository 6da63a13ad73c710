// Package docs tests that the documents beside it say what the program does.
package docs
