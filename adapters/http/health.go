package httpapi

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/orchmetrics/orchmetrics/domain"
)

// livez answers that the process serves. It never asks a source.
func (*api) livez(c *gin.Context) {
	answer(c, http.StatusOK, map[string]string{"status": "ok"})
}

// readiness says for each section whether it can be read.
type readiness struct {
	Ready    bool                        `json:"ready"`
	Sections map[string]sectionReadiness `json:"sections"`
}

type sectionReadiness struct {
	Ready  bool          `json:"ready"`
	Status domain.Status `json:"status"`
	Code   *domain.Code  `json:"code"`
}

// readyz answers 200 if every section can be read, at least in part, and 503 if
// one cannot. With ?verbose it answers in lines for people.
func (a *api) readyz(c *gin.Context) {
	scraped := a.whole.ask(c.Request.Context(), nil, form{})
	if scraped.err != nil {
		refuse(c, http.StatusInternalServerError, "internal", "the check failed; the log says why")
		return
	}
	ready := readinessOf(scraped.envelope)
	status := http.StatusOK
	if !ready.Ready {
		status = http.StatusServiceUnavailable
	}
	if c.Request.URL.Query().Has("verbose") {
		setHeaders(c)
		c.Data(status, "text/plain; charset=utf-8", []byte(a.verbose(ready)))
		return
	}
	answer(c, status, ready)
}

func readinessOf(envelope domain.Envelope) readiness {
	r := readiness{Ready: true, Sections: map[string]sectionReadiness{}}
	for key, report := range envelope.Sections {
		ready := report.Status != domain.StatusFailed && report.Status != domain.StatusTimeout
		r.Sections[key] = sectionReadiness{Ready: ready, Status: report.Status, Code: report.Code}
		r.Ready = r.Ready && (ready || !domain.WellFormed(key)) // what was refused is no section
	}
	return r
}

// verbose writes a line a section, in the order of the envelope, and then one for
// each that was refused.
func (a *api) verbose(r readiness) string {
	var text strings.Builder
	keys := a.snapshots.Keys()
	for _, key := range slices.Sorted(maps.Keys(r.Sections)) {
		if !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for _, key := range keys {
		section, asked := r.Sections[key]
		if !asked {
			continue
		}
		mark := "+"
		if !section.Ready {
			mark = "-"
		}
		line := fmt.Sprintf("[%s] %s %s", mark, key, section.Status)
		if section.Code != nil {
			line += fmt.Sprintf(" (%s)", *section.Code)
		}
		text.WriteString(domain.Printable(line) + "\n") // what was refused is named as its file is
	}
	if r.Ready {
		text.WriteString("ready\n")
	} else {
		text.WriteString("not ready\n")
	}
	return text.String()
}
