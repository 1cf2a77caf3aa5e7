//go:build !cgo

package sqlite

import "github.com/orchmetrics/orchmetrics/domain"

// Without cgo the driver is a stub whose only error says so.

func driverCode(error) domain.Code { return "" }

func cannotOpen(error) bool { return false }
