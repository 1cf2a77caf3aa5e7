// Package tests holds the tests of the whole: the contract's goldens, the real
// program beside a real orchestrator, and the rules of the house.
package tests
