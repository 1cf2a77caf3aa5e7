package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"

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
	a.snapshot(c, a.whole, "application/json; charset=utf-8", func(ctx context.Context, keys []string) ([]byte, error) {
		return a.snapshots.SnapshotJSON(ctx, keys...)
	})
}

// taking returns an answer with the sections of the keys, or with all of them.
type taking func(ctx context.Context, keys []string) ([]byte, error)

// snapshot answers what take returns for the sections that were asked for. whole is
// for all of them.
func (a *api) snapshot(c *gin.Context, whole *coalescer, contentType string, take taking) {
	query, err := url.ParseQuery(c.Request.URL.RawQuery)
	if err != nil {
		refuse(c, http.StatusBadRequest, "malformed_query", "the query string cannot be read")
		return
	}
	keys, making := query["section"], whole
	if len(keys) > 0 {
		making = a.narrowed
	}
	ctx := context.WithoutCancel(c.Request.Context()) // others may wait for the same
	body, err := making.do(sameAnswer(contentType, keys), func() (any, error) { return take(ctx, keys) })
	switch {
	case errors.Is(err, errOverloaded):
		overloaded(c, err.Error())
	case errors.Is(err, ports.ErrUnknownSection):
		refuse(c, http.StatusBadRequest, "unknown_section", a.unknown(keys))
	case err != nil:
		a.log.Error("snapshot failed", "cause", err)
		refuse(c, http.StatusInternalServerError, "internal", "the snapshot failed; the log says why")
	default:
		a.send(c, contentType, body.([]byte)) //nolint:forcetypeassert // that is what take returns
	}
}

// sameAnswer is equal for those who ask the same.
func sameAnswer(contentType string, keys []string) string {
	return fmt.Sprintf("%s %q", contentType, slices.Compact(slices.Sorted(slices.Values(keys))))
}

// send writes an answer that may be long, and shared.
func (a *api) send(c *gin.Context, contentType string, body []byte) {
	setHeaders(c)
	c.Header("Content-Type", contentType)
	c.Header("Content-Length", strconv.Itoa(len(body)))
	c.Status(http.StatusOK)
	c.Writer.WriteHeaderNow()
	a.outgoing.send(c.Writer, body)
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
