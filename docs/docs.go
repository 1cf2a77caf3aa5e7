// Package docs holds the documents that the service serves as they are.
package docs

import _ "embed"

// Schema is the JSON Schema of the envelope, generated from package domain.
//
//go:embed schema/v1.json
var Schema string

// OpenAPI describes the routes over HTTP.
//
//go:embed openapi.json
var OpenAPI string
