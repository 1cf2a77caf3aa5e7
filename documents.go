package orchmetrics

import (
	"fmt"

	"github.com/orchmetrics/orchmetrics/adapters/http"
	"github.com/orchmetrics/orchmetrics/docs"
	"github.com/orchmetrics/orchmetrics/internal/contract"
	"github.com/orchmetrics/orchmetrics/internal/page"
)

// documents are what is served beside the envelope.
func documents(cfg Config, schema contract.Schema) ([]httpapi.Document, error) {
	all := []httpapi.Document{
		{Path: "/schema", ContentType: "application/schema+json", Body: schema},
		{Path: "/openapi.json", ContentType: "application/json; charset=utf-8", Body: []byte(docs.OpenAPI)},
	}
	files, err := page.Files(cfg.LinkTemplate)
	if err != nil {
		return nil, fmt.Errorf("wire page: %w", err)
	}
	for _, file := range files {
		all = append(all, httpapi.Document{Path: file.Path, ContentType: file.ContentType, Body: file.Body, Policy: page.Policy})
	}
	return all, nil
}
