package tests

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics"
)

// described is the OpenAPI document as the service answers it, in one piece: what
// it refers to at /schema is put among its own schemas.
func described(t *testing.T, handler http.Handler) map[string]any {
	t.Helper()
	var document, schema map[string]any
	require.NoError(t, json.Unmarshal(answer(t, handler, "/openapi.json").Body.Bytes(), &document))
	text := strings.ReplaceAll(answer(t, handler, "/schema").Body.String(), "#/$defs/", "#/components/schemas/")
	require.NoError(t, json.Unmarshal([]byte(text), &schema))

	schemas := document["components"].(map[string]any)["schemas"].(map[string]any)
	for name, definition := range schema["$defs"].(map[string]any) {
		require.NotContains(t, schemas, name)
		schemas[name] = definition
	}
	delete(schema, "$defs")
	delete(schema, "$schema")
	schemas["Envelope"] = schema
	metrics := document["paths"].(map[string]any)["/metrics"].(map[string]any)["get"].(map[string]any)
	content := metrics["responses"].(map[string]any)["200"].(map[string]any)["content"].(map[string]any)["application/json"].(map[string]any)
	require.Equal(t, map[string]any{"$ref": "/schema"}, content["schema"], "the one place that refers to the schema")
	content["schema"] = map[string]any{"$ref": "#/components/schemas/Envelope"}
	return document
}

func answer(t *testing.T, handler http.Handler, target string) *httptest.ResponseRecorder {
	t.Helper()
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), http.MethodGet, target, nil))
	return recorder
}

func newValidator(t *testing.T, document any) validator.Validator {
	t.Helper()
	parsed, err := libopenapi.NewDocument([]byte(encode(t, document)))
	require.NoError(t, err)
	_, err = parsed.BuildV3Model()
	require.NoError(t, err)
	checker, errs := validator.NewValidator(parsed)
	require.Empty(t, errs)
	return checker
}

// TestOpenAPI_IsValid: the document is what OpenAPI 3.1 allows.
func TestOpenAPI_IsValid(t *testing.T) {
	t.Parallel()
	document := described(t, goldenHandler(t, newDatabase(t, "schema.sql"), "", nil))
	assert.Equal(t, "3.1.0", document["openapi"])
	valid, errs := newValidator(t, document).ValidateDocument()
	assert.True(t, valid, "%v", errs)

	document["paths"].(map[string]any)["/metrics"].(map[string]any)["get"] = map[string]any{"responses": "none"}
	parsed, err := libopenapi.NewDocument([]byte(encode(t, document)))
	require.NoError(t, err)
	checker, problems := validator.NewValidator(parsed)
	if len(problems) == 0 {
		valid, _ = checker.ValidateDocument()
		assert.False(t, valid, "the validator rejects what is wrong")
	}
}

// TestOpenAPI_DescribesEveryRoute: neither has a route that the other has not.
func TestOpenAPI_DescribesEveryRoute(t *testing.T) {
	t.Parallel()
	handler := goldenHandler(t, newDatabase(t, "schema.sql"), "", nil)
	var listed []string
	for path, operations := range described(t, handler)["paths"].(map[string]any) {
		for method, operation := range operations.(map[string]any) {
			for _, each := range expanded(path, operation.(map[string]any)) {
				listed = append(listed, strings.ToUpper(method)+" "+each)
			}
			assert.NotEmpty(t, operation.(map[string]any)["summary"], path)
		}
	}
	slices.Sort(listed)
	assert.Equal(t, handler.(interface{ Routes() []string }).Routes(), listed, "docs/openapi.json on the right")
}

// expanded are the paths that a path with a parameter stands for: one for each
// value that the parameter may have.
func expanded(path string, operation map[string]any) []string {
	parameters, _ := operation["parameters"].([]any)
	for _, parameter := range parameters {
		described := parameter.(map[string]any)
		if described["in"] != "path" {
			continue
		}
		var paths []string
		for _, value := range described["schema"].(map[string]any)["enum"].([]any) {
			paths = append(paths, strings.ReplaceAll(path, "{"+described["name"].(string)+"}", value.(string)))
		}
		return paths
	}
	return []string{path}
}

// TestOpenAPI_AnswersAreAsDescribed checks real answers, and their codes.
func TestOpenAPI_AnswersAreAsDescribed(t *testing.T) {
	t.Parallel()
	busy := goldenHandler(t, newDatabase(t, "schema.sql", "busy.sql"), workerFile(t), nil)
	gone := goldenHandler(t, filepath.Join(t.TempDir(), "missing.db"), "", nil)
	off := goldenHandler(t, filepath.Join(t.TempDir(), "missing.db"), "", func(cfg *orchmetrics.Config) { cfg.MetricsEnabled = false })
	checker := newValidator(t, described(t, busy))
	for _, tc := range []struct {
		handler http.Handler
		target  string
		status  int
		accept  string
	}{
		{busy, "/metrics", 200, ""},
		{gone, "/metrics", 200, ""},
		{off, "/metrics", 200, ""},
		{busy, "/metrics?section=queue&section=cost", 200, ""},
		{busy, "/metrics?section=disks", 400, ""},
		{busy, "/metrics?section=queue;", 400, ""},
		{busy, "/metrics", 200, "text/plain"},
		{off, "/metrics", 200, "application/openmetrics-text"},
		{busy, "/metrics/prometheus", 200, ""},
		{gone, "/metrics/prometheus?section=queue", 200, "application/openmetrics-text"},
		{busy, "/metrics/prometheus?section=disks", 400, "text/plain"},
		{busy, "/livez", 200, ""},
		{gone, "/livez", 200, ""},
		{busy, "/readyz", 200, ""},
		{gone, "/readyz", 503, ""},
		{gone, "/readyz?verbose=1", 503, ""},
		{busy, "/schema", 200, ""},
		{busy, "/openapi.json", 200, ""},
		{busy, "/", 200, ""},
		{off, "/", 200, ""},
		{busy, "/page/app.js", 200, ""},
		{busy, "/page/style.css", 200, ""},
		{busy, "/page/icon.svg", 200, ""},
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, tc.target, nil)
		if tc.accept != "" {
			request.Header.Set("Accept", tc.accept)
		}
		recorder := httptest.NewRecorder()
		tc.handler.ServeHTTP(recorder, request)
		require.Equal(t, tc.status, recorder.Code, tc.target)
		response := recorder.Result()
		ok, errs := checker.ValidateHttpResponse(request, response)
		for _, problem := range errs {
			t.Errorf("%s: %s: %s %v", tc.target, problem.Message, problem.Reason, problem.SchemaValidationErrors)
		}
		assert.True(t, ok, tc.target)
		require.NoError(t, response.Body.Close())
	}
}

// TestOpenAPI_RejectsOtherAnswers: the check above would see a wrong answer.
func TestOpenAPI_RejectsOtherAnswers(t *testing.T) {
	t.Parallel()
	checker := newValidator(t, described(t, goldenHandler(t, newDatabase(t, "schema.sql"), "", nil)))
	for name, body := range map[string]string{
		"a list for an envelope": `[]`,
		"a null list":            `{"schema_version":1,"generated_at":"2026-06-01T12:00:00Z","clk_tck":null,"stages":null,"queue":null,"agents":[],"cost":null}`,
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
		recorder := httptest.NewRecorder()
		recorder.Header().Set("Content-Type", "application/json; charset=utf-8")
		recorder.WriteHeader(http.StatusOK)
		_, _ = recorder.WriteString(body)
		response := recorder.Result()
		ok, _ := checker.ValidateHttpResponse(request, response)
		assert.False(t, ok, name)
		require.NoError(t, response.Body.Close())
	}
}
