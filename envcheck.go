package orchmetrics

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/orchmetrics/orchmetrics/domain"
)

// settingPrefix begins the name of every setting.
const settingPrefix = "ORCH_"

// SettingNames returns the environment variable of each setting.
func SettingNames() []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		if name := field.Tag.Get("env"); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// UnknownSetting is a variable that looks like a setting and is none.
type UnknownSetting struct {
	Name string
	// Nearest is the setting that was probably meant; empty if none is near.
	Nearest string
}

// String is the name and what was meant, for people. A value is never shown: it
// may be another program's secret.
func (u UnknownSetting) String() string {
	if u.Nearest == "" {
		return u.Name
	}
	return u.Name + " (did you mean " + u.Nearest + "?)"
}

// UnknownSettings returns the variables of an environment, as os.Environ gives
// it, that look like settings and are none, by name.
func UnknownSettings(environ []string) []UnknownSetting {
	known := SettingNames()
	var short []string
	for _, name := range known {
		short = append(short, strings.TrimPrefix(name, settingPrefix))
	}
	var unknown []UnknownSetting
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(variable, "=")
		rest, ours := strings.CutPrefix(name, settingPrefix)
		if !ours || slices.Contains(known, name) || linked(name, value) {
			continue
		}
		found := UnknownSetting{Name: name}
		if nearest := domain.Nearest(rest, short); nearest != "" {
			found.Nearest = settingPrefix + nearest
		}
		unknown = append(unknown, found)
	}
	return unknown
}

// linkedName is how Kubernetes names the variables that it gives each container
// for each Service, such as one named orch; see
// https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables.
var linkedName = regexp.MustCompile(`_SERVICE_HOST$|_SERVICE_PORT(_|$)|_PORT_[0-9]+_(TCP|UDP|SCTP)(_|$)`)

func linked(name, value string) bool {
	return linkedName.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}
