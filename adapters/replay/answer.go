package replay

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// readAnswer reads one answer and completes it.
func readAnswer(raw json.RawMessage) (answer domain.Envelope, err error) {
	if err := json.Unmarshal(raw, &answer); err != nil {
		return answer, err
	}
	if answer.SchemaVersion != domain.SchemaVersion {
		return answer, fmt.Errorf("its schema_version is %d; this service knows %d", answer.SchemaVersion, domain.SchemaVersion)
	}
	var shown map[string]json.RawMessage
	if err := json.Unmarshal(raw, &shown); err != nil {
		return answer, err
	}
	if !timed(answer) && !answer.GeneratedAt.IsZero() { // written by hand
		answer.Clock.UnixMS = answer.GeneratedAt.UnixMilli()
	}
	if answer.Disabled {
		return domain.Envelope{SchemaVersion: answer.SchemaVersion, Disabled: true, Clock: answer.Clock}, nil
	}
	complete(&answer, shown)
	inUTC(&answer)
	return answer, nil
}

// complete gives each section a report: one without is ok if it is shown, and a
// section of the core that is not shown is not recorded. A report of what is not
// shown goes, unless it is of something that was refused and is no section.
func complete(answer *domain.Envelope, shown map[string]json.RawMessage) {
	reports := map[string]domain.SectionReport{}
	for _, key := range domain.CoreKeys() {
		reports[key] = notRecorded()
	}
	for key := range shown {
		if !domain.Reserved(key) {
			reports[key] = domain.SectionReport{Status: domain.StatusOK, Rows: rowsOf(answer, key)}
		}
	}
	for key, report := range answer.Sections {
		if _, isShown := shown[key]; isShown || !domain.WellFormed(key) {
			reports[key] = report
		}
	}
	answer.Sections = reports
}

// notRecorded is the report of a section of which the recording has nothing.
func notRecorded() domain.SectionReport {
	return domain.SectionReport{Status: domain.StatusFailed, Code: new(domain.CodeNotRecorded)}
}

// rowsOf is the length of a section's list; nil if it has none.
func rowsOf(answer *domain.Envelope, key string) *int64 {
	switch {
	case key == domain.KeyStages:
		return new(int64(len(answer.Stages)))
	case key == domain.KeyAgents:
		return new(int64(len(answer.Agents)))
	case key == domain.KeyCost && answer.Cost != nil:
		return new(int64(len(answer.Cost.Running)))
	default:
		return nil
	}
}

// inUTC has the times of an answer as the service shows them.
func inUTC(answer *domain.Envelope) {
	utc := func(at **time.Time) {
		if *at != nil {
			*at = new((*at).UTC())
		}
	}
	if answer.Queue != nil {
		utc(&answer.Queue.WorkerUpdatedAt)
	}
	for _, agent := range answer.Agents {
		if agent.Process != nil {
			utc(&agent.Process.StartedAt)
		}
	}
	for key, report := range answer.Sections {
		utc(&report.RecountedAt)
		utc(&report.AsOf)
		answer.Sections[key] = report
	}
}
