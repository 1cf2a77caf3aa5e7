package replay

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// readAnswer reads one answer and completes it. What the service could not have
// answered is refused.
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
	for _, check := range []func(*domain.Envelope) error{checkStatuses, checkValues, inUTC} {
		if err := check(&answer); err != nil {
			return answer, err
		}
	}
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

// checkStatuses refuses words that readers of the service need not know.
func checkStatuses(answer *domain.Envelope) error {
	for key, report := range answer.Sections {
		if !slices.Contains(domain.Statuses(), report.Status) {
			return fmt.Errorf("the status of section %s is %q, which is none", key, report.Status)
		}
	}
	for _, agent := range answer.Agents {
		if agent.Process != nil && !slices.Contains(domain.ProcessStatuses(), agent.Process.Status) {
			return fmt.Errorf("the status of the process of job %d is %q, which is none", agent.JobID, agent.Process.Status)
		}
	}
	return nil
}

// checkValues refuses what the envelope could not show, and would show as failed.
func checkValues(answer *domain.Envelope) error {
	seen := map[string]bool{}
	for _, extension := range answer.Extensions {
		if !domain.WellFormed(extension.Key) {
			return fmt.Errorf("no section can have the key %q", extension.Key)
		}
		if seen[extension.Key] {
			return fmt.Errorf("the key %q is there twice", extension.Key)
		}
		if err := domain.CheckValue(extension.Value); err != nil {
			return fmt.Errorf("section %s: %w", extension.Key, err)
		}
		seen[extension.Key] = true
	}
	if answer.Queue != nil {
		return answer.Queue.Validate()
	}
	return nil
}

// inUTC has the times of an answer as the service shows them, and refuses those that it
// could not show.
func inUTC(answer *domain.Envelope) (err error) {
	utc := func(key string, at **time.Time) {
		if *at == nil {
			return
		}
		if *at = new((*at).UTC()); !domain.Showable(**at) {
			err = fmt.Errorf("section %s has a time that JSON cannot show, such as one after the year 9999", key)
		}
	}
	if answer.Queue != nil {
		utc(domain.KeyQueue, &answer.Queue.WorkerUpdatedAt)
	}
	for _, agent := range answer.Agents {
		if agent.Process != nil {
			utc(domain.KeyAgents, &agent.Process.StartedAt)
		}
	}
	for key, report := range answer.Sections {
		utc(key, &report.RecountedAt)
		utc(key, &report.AsOf)
		answer.Sections[key] = report
	}
	return err
}
