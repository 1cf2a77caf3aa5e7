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
	inUTC(&answer)
	for _, check := range []func(domain.Envelope) error{checkStatuses, checkExtensions, checkValues} {
		if err := check(answer); err != nil {
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
	for _, key := range coreKeys() {
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

// inUTC shows the times of an answer as the service does.
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

var statuses = [...]domain.Status{
	domain.StatusOK, domain.StatusDegraded, domain.StatusFailed, domain.StatusTimeout, domain.StatusDisabled,
}

var processStatuses = [...]domain.ProcessStatus{
	domain.ProcessOK, domain.ProcessGone, domain.ProcessZombie, domain.ProcessHidden, domain.ProcessForeign, domain.ProcessRemote,
	domain.ProcessUnsupported,
}

// checkStatuses refuses words that readers of the service need not know.
func checkStatuses(answer domain.Envelope) error {
	for key, report := range answer.Sections {
		if !slices.Contains(statuses[:], report.Status) {
			return fmt.Errorf("the status of section %s is %q, which is none", key, report.Status)
		}
	}
	for _, agent := range answer.Agents {
		if agent.Process != nil && !slices.Contains(processStatuses[:], agent.Process.Status) {
			return fmt.Errorf("the status of the process of job %d is %q, which is none", agent.JobID, agent.Process.Status)
		}
	}
	return nil
}

func checkExtensions(answer domain.Envelope) error {
	seen := map[string]bool{}
	for _, extension := range answer.Extensions {
		switch {
		case !domain.WellFormed(extension.Key):
			return fmt.Errorf("no section can have the key %q", extension.Key)
		case seen[extension.Key]:
			return fmt.Errorf("the key %q is there twice", extension.Key)
		case domain.TooDeep(extension.Value):
			return fmt.Errorf("section %s is nested too deep", extension.Key)
		case domain.Overflows(extension.Value):
			return fmt.Errorf("section %s has a number beyond a float", extension.Key)
		}
		seen[extension.Key] = true
	}
	return nil
}

// checkValues refuses what the envelope could not show, and would show as failed.
func checkValues(answer domain.Envelope) error {
	if answer.Queue != nil {
		if err := answer.Queue.Validate(); err != nil {
			return err
		}
	}
	encoded, err := answer.MarshalJSON()
	if err != nil {
		return fmt.Errorf("it has a time that JSON cannot show: %w", err)
	}
	var played domain.Envelope
	if err := json.Unmarshal(encoded, &played); err != nil {
		return err
	}
	for key, report := range answer.Sections {
		if played.Sections[key].Status != report.Status {
			return fmt.Errorf("section %s has a value that JSON cannot show, such as a time after the year 9999", key)
		}
	}
	return nil
}
