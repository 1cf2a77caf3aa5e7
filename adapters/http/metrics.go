package httpapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"github.com/gin-gonic/gin"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// metrics answers the envelope, narrowed to the sections of ?section=KEY, in the
// form that the client asks for.
func (a *api) metrics(c *gin.Context) {
	if a.text == nil {
		a.json(c)
		return
	}
	c.Writer.Header()["Vary"] = a.vary
	if format, wanted := textWanted(c.Request.Header["Accept"]); wanted {
		a.exposition(c, format)
		return
	}
	a.json(c)
}

func (a *api) json(c *gin.Context) {
	a.snapshot(c, "application/json; charset=utf-8", func(keys []string) ([]byte, error) {
		return a.snapshots.SnapshotJSON(c.Request.Context(), keys...)
	})
}

// snapshot answers what take returns for the sections that were asked for.
func (a *api) snapshot(c *gin.Context, contentType string, take func(keys []string) ([]byte, error)) {
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		refuse(c, http.StatusBadRequest, "malformed_query", "the query string cannot be read")
		return
	}
	body, err := take(query["section"])
	if errors.Is(err, ports.ErrUnknownSection) {
		refuse(c, http.StatusBadRequest, "unknown_section", a.unknown(query["section"]))
		return
	}
	if err != nil {
		a.log.Error("snapshot failed", "cause", err)
		refuse(c, http.StatusInternalServerError, "internal", "the snapshot failed; the log says why")
		return
	}
	writeAs(c, http.StatusOK, contentType, body)
}

// unknown says which of the keys is the first that no section has, which there
// are, and which was meant.
func (a *api) unknown(keys []string) string {
	known := a.snapshots.Keys()
	for _, key := range keys {
		if slices.Contains(known, key) {
			continue
		}
		return fmt.Sprintf("unknown section %q; %s", shorten(key), domain.Choices(known, key))
	}
	return "unknown section; " + domain.Choices(known, "")
}
