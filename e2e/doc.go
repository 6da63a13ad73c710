// Package e2e tests the program as its users meet it: the real binary, started as a process.
package e2e
