package domain

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// maxBoottime bounds Instant.BoottimeMS: in JSON, and in differences, such numbers are exact.
const maxBoottime = 1 << 53

// Validate returns what is wrong with an answer that the service could not have given: a
// word that readers need not know, a key that no section can have, or a value or a time
// that JSON cannot show. Of several faults it says one.
func (e *Envelope) Validate() error {
	switch at := e.Clock; {
	case !Showable(at.Time()):
		return fmt.Errorf("its time, %d ms since 1970, is not in the years 0 to 9999", at.UnixMS)
	case at.BoottimeMS != nil && (*at.BoottimeMS < 0 || *at.BoottimeMS > maxBoottime):
		return errors.New("its clock.boottime_ms is not between 0 and 2^53")
	}
	if e.Queue != nil {
		if err := e.Queue.Validate(); err != nil {
			return err
		}
	}
	for _, agent := range e.Agents {
		if agent.Process == nil {
			continue
		}
		if !slices.Contains(ProcessStatuses(), agent.Process.Status) {
			return fmt.Errorf("the status of the process of job %d is %q, which is none", agent.JobID, agent.Process.Status)
		}
		if !showable(agent.Process.StartedAt) {
			return fmt.Errorf("the process of job %d started at a time that JSON cannot show", agent.JobID)
		}
	}
	for key, report := range e.Sections {
		if !slices.Contains(Statuses(), report.Status) {
			return fmt.Errorf("the status of section %s is %q, which is none", key, report.Status)
		}
		if !showable(report.RecountedAt) || !showable(report.AsOf) {
			return fmt.Errorf("the report of section %s has a time that JSON cannot show", key)
		}
	}
	return validateExtensions(e.Extensions)
}

func showable(at *time.Time) bool { return at == nil || Showable(*at) }

func validateExtensions(extensions []Extension) error {
	seen := map[string]bool{}
	for _, extension := range extensions {
		if !WellFormed(extension.Key) {
			return fmt.Errorf("no section can have the key %q", extension.Key)
		}
		if seen[extension.Key] {
			return fmt.Errorf("the key %q is there twice", extension.Key)
		}
		if err := CheckValue(extension.Value); err != nil {
			return fmt.Errorf("section %s: %w", extension.Key, err)
		}
		seen[extension.Key] = true
	}
	return nil
}
