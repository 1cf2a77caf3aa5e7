package replay

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

// readAnswer reads one answer and completes it. What the service could not have
// answered is refused.
func readAnswer(raw json.RawMessage) (domain.Envelope, error) {
	var answer domain.Envelope
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
	if answer.Clock == (domain.Instant{}) && !answer.GeneratedAt.IsZero() { // written by hand
		answer.Clock.UnixMS = answer.GeneratedAt.UnixMilli()
	}
	if answer.Disabled {
		return domain.Envelope{SchemaVersion: answer.SchemaVersion, Disabled: true, Clock: answer.Clock}, nil
	}
	complete(&answer, shown)
	inUTC(&answer)
	return answer, check(answer)
}

// complete gives each section a report: one without is ok if it is shown, and a
// section of the core that is not shown is not recorded. A report of what is not
// shown goes, unless it is of something that was refused and is no section.
func complete(answer *domain.Envelope, shown map[string]json.RawMessage) {
	reports := maps.Clone(answer.Sections)
	if reports == nil {
		reports = map[string]domain.SectionReport{}
	}
	maps.DeleteFunc(reports, func(key string, _ domain.SectionReport) bool {
		_, isShown := shown[key]
		return !isShown && domain.WellFormed(key)
	})
	rows := map[string]int{domain.KeyStages: len(answer.Stages), domain.KeyAgents: len(answer.Agents)}
	if answer.Cost != nil {
		rows[domain.KeyCost] = len(answer.Cost.Running)
	}
	keys := coreKeys()
	for _, extension := range answer.Extensions {
		keys = append(keys, extension.Key)
	}
	for _, key := range keys {
		if _, reported := reports[key]; reported {
			continue
		}
		reports[key] = notRecorded()
		if _, isShown := shown[key]; isShown {
			report := domain.SectionReport{Status: domain.StatusOK}
			if count, isList := rows[key]; isList {
				report.Rows = new(int64(count))
			}
			reports[key] = report
		}
	}
	answer.Sections = reports
}

// notRecorded is the report of a section of which the recording has nothing.
func notRecorded() domain.SectionReport {
	return domain.SectionReport{Status: domain.StatusFailed, Code: new(domain.CodeNotRecorded)}
}

// inUTC shows the times of an answer as the service does.
func inUTC(answer *domain.Envelope) {
	utc := func(at *time.Time) *time.Time {
		if at == nil {
			return nil
		}
		return new(at.UTC())
	}
	if answer.Queue != nil {
		answer.Queue.WorkerUpdatedAt = utc(answer.Queue.WorkerUpdatedAt)
	}
	for _, agent := range answer.Agents {
		if agent.Process != nil {
			agent.Process.StartedAt = utc(agent.Process.StartedAt)
		}
	}
	for key, report := range answer.Sections {
		report.RecountedAt, report.AsOf = utc(report.RecountedAt), utc(report.AsOf)
		answer.Sections[key] = report
	}
}

// check refuses what readers of the service need not be ready for.
func check(answer domain.Envelope) error {
	for key, report := range answer.Sections {
		switch report.Status {
		case domain.StatusOK, domain.StatusDegraded, domain.StatusFailed, domain.StatusTimeout, domain.StatusDisabled:
		default:
			return fmt.Errorf("the status of section %s is %q, which is none", key, report.Status)
		}
	}
	for _, agent := range answer.Agents {
		if agent.Process != nil && !knownProcessStatus(agent.Process.Status) {
			return fmt.Errorf("the status of the process of job %d is %q, which is none", agent.JobID, agent.Process.Status)
		}
	}
	if answer.Queue != nil {
		if err := answer.Queue.Validate(); err != nil {
			return err
		}
	}
	if err := checkExtensions(answer.Extensions); err != nil {
		return err
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

func knownProcessStatus(status domain.ProcessStatus) bool {
	switch status {
	case domain.ProcessOK, domain.ProcessGone, domain.ProcessZombie, domain.ProcessHidden, domain.ProcessForeign, domain.ProcessRemote,
		domain.ProcessUnsupported:
		return true
	default:
		return false
	}
}

func checkExtensions(extensions []domain.Extension) error {
	seen := map[string]bool{}
	for _, extension := range extensions {
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

// maxBoottime bounds clock.boottime_ms: differences of such numbers are exact.
const maxBoottime = 1 << 53

// checkInstant refuses an instant that no clock of a host can show.
func checkInstant(answer domain.Envelope) error {
	at := answer.Clock
	switch {
	case !domain.Showable(at.Time()):
		return fmt.Errorf("its time, %d ms since 1970, is not in the years 0 to 9999", at.UnixMS)
	case at.BoottimeMS != nil && (*at.BoottimeMS < 0 || *at.BoottimeMS > maxBoottime):
		return errors.New("its clock.boottime_ms is not between 0 and 2^53")
	case !answer.GeneratedAt.IsZero() && !answer.GeneratedAt.Truncate(time.Second).Equal(at.Time()):
		return fmt.Errorf("its generated_at is %s, but its clock says %s",
			answer.GeneratedAt.Format(time.RFC3339), at.Time().Format(time.RFC3339))
	default:
		return nil
	}
}
