package orchmetrics

import (
	"fmt"

	"github.com/orchmetrics/orchmetrics/internal/app"
	"github.com/orchmetrics/orchmetrics/internal/contract"
)

// newSchema returns the envelope's schema, with those of the service's sections.
func newSchema(service *app.Service) (contract.Schema, error) {
	declared, defaults, err := service.Schemas()
	if err != nil {
		return nil, fmt.Errorf("wire schema: %w", err)
	}
	schema, err := contract.New(declared, defaults)
	if err != nil {
		return nil, fmt.Errorf("wire schema: %w", err)
	}
	return schema, nil
}
