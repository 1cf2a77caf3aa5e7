package main

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestVersion_Recorded(t *testing.T) {
	const revision = "461c529b12ab0123456789012345678901234567"
	git := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{
			{Key: "vcs.revision", Value: revision}, {Key: "vcs.time", Value: "2026-06-01T12:00:00Z"}, {Key: "vcs.modified", Value: modified},
		}
	}
	for name, test := range map[string]struct {
		version  string
		settings []debug.BuildSetting
		want     build
		whole    string
	}{
		"installed as a module": {
			"v1.2.3", nil, build{"v1.2.3", "", ""}, "v1.2.3",
		},
		"built at a tag": {
			"v1.2.3", git("false"),
			build{"v1.2.3", "461c529b12ab", "2026-06-01T12:00:00Z"},
			"v1.2.3+461c529b12ab.20260601T120000Z",
		},
		"built from files that are not committed": {
			"v1.2.3+dirty", git("true"),
			build{"v1.2.3", "461c529b12ab-dirty", "2026-06-01T12:00:00Z"},
			"v1.2.3+461c529b12ab-dirty.20260601T120000Z",
		},
		"built without git": {
			"(devel)", nil, build{"devel", "", ""}, "devel",
		},
		"a module from before modules": {
			"v2.0.0+incompatible", git("false"),
			build{"v2.0.0+incompatible", "461c529b12ab", "2026-06-01T12:00:00Z"},
			"v2.0.0+incompatible.461c529b12ab.20260601T120000Z",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := recorded(&debug.BuildInfo{Main: debug.Module{Version: test.version}, Settings: test.settings})
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.whole, got.String())
		})
	}
}

func TestVersion_Printed(t *testing.T) {
	isolated(t)
	status, stdout, _ := call(t, "version")
	assert.Equal(t, exitOK, status)
	assert.Regexp(t, `^orchmetrics \S+ \(commit \S+ of \S+, go1\.\S+, \w+/\w+\)\n$`, stdout)
}
