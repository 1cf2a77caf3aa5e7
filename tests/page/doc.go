// Package page tests the page for people in a real browser: that it shows what
// the envelope has, in every scenario and in every state of the service.
package page
