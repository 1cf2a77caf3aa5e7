package main

import (
	"net"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestExposed(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]bool{
		"127.0.0.1": false, "127.8.9.10": false, "::1": false,
		"0.0.0.0": true, "::": true, "192.0.2.7": true, "2001:db8::7": true,
	} {
		assert.Equal(t, want, exposed(&net.TCPAddr{IP: net.ParseIP(address)}), address)
	}
	assert.False(t, exposed(&net.UnixAddr{Name: "/run/metrics.sock"}))
}
