package doctor

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/orchmetrics/orchmetrics"
)

// settings checks that the service would start with them, and that none is
// misspelt.
func (d *doctor) settings(context.Context) Result {
	result := ok("valid; " + setNames(d.in.Environ))
	_, err := orchmetrics.InitializeSnapshotter(d.cfg) // touches nothing yet
	for _, problem := range append(d.in.Refused, lines(errors.Join(d.cfg.Validate(), err))...) {
		result.Details = append(result.Details, Detail{Subject: "refused", Status: Failed, Message: problem})
	}
	refused := len(result.Details) > 0
	for _, unknown := range orchmetrics.UnknownSettings(d.in.Environ) {
		message := "no such setting"
		if unknown.Nearest != "" {
			message += "; did you mean " + unknown.Nearest + "?"
		}
		result.Details = append(result.Details, Detail{Subject: unknown.Name, Status: Warning, Message: message})
	}
	switch {
	case refused:
		result.Message = "the service would not start"
		result.Do = "correct what is refused; the checks below go on with its default"
	case len(result.Details) > 0:
		result.Message = "valid, but a variable looks like a setting and is none"
		result.Do = "correct its name in the environment or in .env, or take it out"
	case !bool(d.cfg.MetricsEnabled):
		return warning("valid, but ORCH_METRICS_ENABLED is off: the service touches no source and answers nothing",
			"set ORCH_METRICS_ENABLED=true to switch it on")
	}
	return result
}

// setNames names the settings of an environment, without their values.
func setNames(environ []string) string {
	var unknown []string
	for _, u := range orchmetrics.UnknownSettings(environ) {
		unknown = append(unknown, u.Name)
	}
	var set []string
	for _, variable := range environ {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "ORCH_") && !slices.Contains(unknown, name) {
			set = append(set, name)
		}
	}
	if len(set) == 0 {
		return "none is set in the environment"
	}
	slices.Sort(set)
	return strings.Join(set, ", ") + " set in the environment"
}

func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}
