package sqlstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/orchmetrics/orchmetrics/domain"
)

// classify adds the code that the envelope shows, unless the error has one.
func classify(err error) error {
	if err == nil {
		return nil
	}
	var code domain.Code
	if errors.As(err, &code) {
		return err
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return fmt.Errorf("%w: %w", domain.CodeTimeout, err)
	}
	if code = driverCode(err); code != "" {
		return fmt.Errorf("%w: %w", code, err)
	}
	return err
}

// unlessDrift is the error unless it only says that something is missing.
func unlessDrift(err error) error {
	if errors.Is(err, domain.CodeSchemaDrift) {
		return nil
	}
	return err
}
