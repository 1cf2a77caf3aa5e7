package domain_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/orchmetrics/orchmetrics/domain"
)

func TestSameHost(t *testing.T) {
	for _, same := range [][2]string{{"a", "a"}, {"A", "a"}, {"a", "a.example.org"}, {"a.Example.org", "A.example.ORG"}} {
		assert.True(t, domain.SameHost(same[0], same[1]), same)
		assert.True(t, domain.SameHost(same[1], same[0]), same)
	}
	for _, other := range [][2]string{{"a", "b"}, {"a", "ab"}, {"a.example.org", "a.example.com"}, {"a.b", "b.a"}, {"10.0.0.1", "10.0.0.2"}} {
		assert.False(t, domain.SameHost(other[0], other[1]), other)
		assert.False(t, domain.SameHost(other[1], other[0]), other)
	}
}
