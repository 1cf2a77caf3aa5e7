package main

import (
	"fmt"
	"math"
	"slices"
	"time"
)

type number interface{ ~int64 | ~float64 }

// quantile is the value below which such a share of the samples lies.
func quantile[T number](samples []T, share float64) T {
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func median[T number](samples []T) T { return quantile(samples, 0.5) }

// spread is a median and how far the slowest were from it.
func spread(samples []time.Duration) string {
	return fmt.Sprintf("%s (p99 %s)", ms(median(samples)), ms(quantile(samples, 0.99)))
}

func ms(d time.Duration) string { return digits(d.Seconds()*1000) + " ms" }

// digits writes what of a number is significant.
func digits(x float64) string {
	switch size := math.Abs(x); {
	case size >= 100:
		return fmt.Sprintf("%.0f", x)
	case size >= 10:
		return fmt.Sprintf("%.1f", x)
	default:
		return fmt.Sprintf("%.2f", x)
	}
}

func ratio[T number](a, b T) float64 { return float64(a) / float64(b) }
