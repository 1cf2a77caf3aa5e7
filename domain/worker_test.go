package domain_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
)

func TestWorkerValidate(t *testing.T) {
	nested := func(levels int) json.RawMessage {
		return json.RawMessage(strings.Repeat(`{"a":`, levels) + "1" + strings.Repeat("}", levels))
	}
	west := time.FixedZone("west", -3600)
	cases := map[string]struct {
		worker domain.Worker
		valid  bool
	}{
		"nothing":                     {domain.Worker{}, true},
		"breaker null":                {domain.Worker{Breaker: json.RawMessage("null")}, true},
		"breaker object":              {domain.Worker{Breaker: json.RawMessage(" \n{} ")}, true},
		"breaker 59 levels deep":      {domain.Worker{Breaker: nested(59)}, true},
		"breaker 60 levels deep":      {domain.Worker{Breaker: nested(60)}, false},
		"breaker empty":               {domain.Worker{Breaker: json.RawMessage{}}, false},
		"breaker white space":         {domain.Worker{Breaker: json.RawMessage(" ")}, false},
		"breaker list":                {domain.Worker{Breaker: json.RawMessage("[]")}, false},
		"breaker text":                {domain.Worker{Breaker: json.RawMessage(`"open"`)}, false},
		"breaker number":              {domain.Worker{Breaker: json.RawMessage("1")}, false},
		"breaker true":                {domain.Worker{Breaker: json.RawMessage("true")}, false},
		"breaker cut short":           {domain.Worker{Breaker: json.RawMessage("{")}, false},
		"breaker with garbage behind": {domain.Worker{Breaker: json.RawMessage("{} x")}, false},
		"interval not a number":       {domain.Worker{PollInterval: new(math.NaN())}, false},
		"interval infinite":           {domain.Worker{PollInterval: new(math.Inf(-1))}, false},
		"interval negative":           {domain.Worker{PollInterval: new(-1.0)}, true},
		"last instant":                {domain.Worker{WorkerUpdatedAt: new(time.Date(9999, 12, 31, 23, 59, 59, 999, time.UTC))}, true},
		"year 10000":                  {domain.Worker{WorkerUpdatedAt: new(time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC))}, false},
		"year 10000 in UTC":           {domain.Worker{WorkerUpdatedAt: new(time.Date(9999, 12, 31, 23, 59, 59, 0, west))}, false},
		"year 0":                      {domain.Worker{WorkerUpdatedAt: new(time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC))}, true},
		"before year 0":               {domain.Worker{WorkerUpdatedAt: new(time.Date(-1, 12, 31, 0, 0, 0, 0, time.UTC))}, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			err := c.worker.Validate()
			if !c.valid {
				require.ErrorIs(t, err, domain.CodeWorkerStateInvalid)
				return
			}
			require.NoError(t, err)
			envelope := domain.Envelope{Queue: &domain.Queue{Worker: c.worker}, Sections: asked("queue")}
			fields := decode(t, encode(t, envelope))
			assert.NotNil(t, fields["queue"], "what is valid can be shown")
		})
	}
}
