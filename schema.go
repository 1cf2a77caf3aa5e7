package orchmetrics

import (
	"fmt"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/app"
	"github.com/orchmetrics/orchmetrics/contract"
	"github.com/orchmetrics/orchmetrics/docs"
)

// newSchema returns the envelope's schema, with those of the service's sections.
func newSchema(service *app.Service) (contract.Schema, error) {
	sections, err := service.Schemas()
	if err != nil {
		return nil, fmt.Errorf("wire schema: %w", err)
	}
	schema, err := contract.New(sections)
	if err != nil {
		return nil, fmt.Errorf("wire schema: %w", err)
	}
	return schema, nil
}

// documents are what is served beside the envelope.
func documents(schema contract.Schema) httpapi.Option {
	return httpapi.Documents(
		httpapi.Document{Path: "/schema", ContentType: "application/schema+json", Body: schema},
		httpapi.Document{Path: "/openapi.json", ContentType: "application/json; charset=utf-8", Body: []byte(docs.OpenAPI)},
	)
}
