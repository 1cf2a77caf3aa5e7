package domain_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

// Each fault alone is found in an answer that is otherwise what the service gives.
func TestEnvelope_Validate(t *testing.T) {
	t.Parallel()
	valid := full()
	require.NoError(t, valid.Validate())
	beyond := time.Date(12026, 1, 1, 0, 0, 0, 0, time.UTC)
	report := func(e *domain.Envelope, r domain.SectionReport) {
		e.Sections = map[string]domain.SectionReport{domain.KeyStages: r}
	}
	process := func(e *domain.Envelope, p domain.Process) { e.Agents = []domain.Agent{{JobID: 7, Process: &p}} }
	for says, breaks := range map[string]func(e *domain.Envelope){
		"is not in the years 0 to 9999": func(e *domain.Envelope) { e.Clock.UnixMS = beyond.UnixMilli() },
		"clock.boottime_ms is not":      func(e *domain.Envelope) { e.Clock.BoottimeMS = new(int64(1<<53 + 1)) },
		"the breaker is not an object": func(e *domain.Envelope) {
			e.Queue = &domain.Queue{Worker: domain.Worker{Breaker: json.RawMessage(`1`)}}
		},
		`the process of job 7 is "well"`: func(e *domain.Envelope) { process(e, domain.Process{Status: "well"}) },
		"the process of job 7 started":   func(e *domain.Envelope) { process(e, domain.Process{Status: domain.ProcessOK, StartedAt: &beyond}) },
		`of section stages is "fine"`:    func(e *domain.Envelope) { report(e, domain.SectionReport{Status: "fine"}) },
		"the report of section stages":   func(e *domain.Envelope) { report(e, domain.SectionReport{Status: domain.StatusOK, AsOf: &beyond}) },
		"section zz: nested too deep": func(e *domain.Envelope) {
			e.Extensions = []domain.Extension{{Key: "zz", Value: json.RawMessage(strings.Repeat("[", 61) + strings.Repeat("]", 61))}}
		},
		`no section can have the key "Z"`: func(e *domain.Envelope) { e.Extensions = []domain.Extension{{Key: "Z"}} },
		`the key "zz" is there twice`:     func(e *domain.Envelope) { e.Extensions = []domain.Extension{{Key: "zz"}, {Key: "zz"}} },
	} {
		broken := full()
		breaks(&broken)
		require.ErrorContains(t, broken.Validate(), says)
	}
	recounted := full()
	report(&recounted, domain.SectionReport{Status: domain.StatusOK, RecountedAt: &beyond})
	require.ErrorContains(t, recounted.Validate(), "the report of section stages")
}
