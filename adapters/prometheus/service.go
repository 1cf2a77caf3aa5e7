package exposition

import (
	"maps"
	"slices"
	"time"

	"github.com/orchmetrics/orchmetrics/domain"
)

const ifNotAsked = "`?section=` left the section out"

// enabled is all that an answer has while the kill switch is off.
func enabled() Family {
	return Family{
		Name: "orchmetrics_enabled", Kind: Gauge, Help: "1 if the service reads its sources, 0 if it is switched off.",
		From: "enabled", Absent: "never; while it is 0 there is nothing else",
		collect: func(e *answer, s *series) { s.add(truth(!e.Disabled)) },
	}
}

// service are the families of the service itself.
func service() []Family {
	return append([]Family{
		{
			Name: "orchmetrics_build_info", Kind: Info, Labels: []string{"version"},
			Help: "The version of the service.", From: "instance.version", Absent: "never",
			collect: func(e *answer, s *series) { s.add(1, e.Instance.Version) },
		},
		{
			Name: "orchmetrics_start_time_seconds", Kind: Gauge, Unit: "seconds",
			Help: "When the service started, since 1970.", From: "instance.started_at", Absent: "never",
			collect: func(e *answer, s *series) { s.add(unix(e.Instance.StartedAt)) },
		},
		{
			Name: "orchmetrics_snapshot_timestamp_seconds", Kind: Gauge, Unit: "seconds",
			Help: "The instant to which every age counts, since 1970.", From: "clock.unix_ms", Absent: "never",
			collect: func(e *answer, s *series) { s.add(float64(e.Clock.UnixMS) / 1000) },
		},
	}, sections()...)
}

// sections are the families that say how the reading of each section went.
func sections() []Family {
	all := domain.Statuses()
	return []Family{
		eachSection(Family{
			Name: "orchmetrics_section_up", Kind: Gauge,
			Help: "1 if the section was read, at least in part, 0 if nothing is known of it.",
			From: "sections.KEY.status", Absent: "the section is disabled, or " + ifNotAsked,
		}, func(r domain.SectionReport, s *series, key string) {
			if r.Status != domain.StatusDisabled {
				s.add(truth(!failed(r.Status)), key)
			}
		}),
		eachSection(Family{
			Name: "orchmetrics_section_status", Kind: StateSet, Labels: []string{"section", "status"},
			Help: "How the reading of the section went.", From: "sections.KEY.status",
		}, func(r domain.SectionReport, s *series, key string) {
			addState(s, r.Status, all, key)
		}),
		eachSection(Family{
			Name: "orchmetrics_section_code", Kind: Info, Labels: []string{"section", "code"},
			Help: "What is wrong with the section, in one word.", From: "sections.KEY.code",
			Absent: "nothing is wrong, or " + ifNotAsked,
		}, func(r domain.SectionReport, s *series, key string) {
			if r.Code != nil {
				s.add(1, key, string(*r.Code))
			}
		}),
		eachSection(Family{
			Name: "orchmetrics_section_duration_seconds", Kind: Gauge, Unit: "seconds",
			Help: "How long the section took.", From: "sections.KEY.duration_ms / 1000",
		}, func(r domain.SectionReport, s *series, key string) { s.add(r.DurationMS/1000, key) }),
		eachSection(Family{
			Name: "orchmetrics_section_rows", Kind: Gauge, Help: "The length of the section's list.",
			From: "sections.KEY.rows", Absent: "the section has no list, or none was read, or " + ifNotAsked,
		}, func(r domain.SectionReport, s *series, key string) { s.ifKnown(r.Rows, key) }),
		eachSection(Family{
			Name: "orchmetrics_section_truncated", Kind: Gauge,
			Help: "1 if the section's list was cut at ORCH_MAX_ROWS.", From: "sections.KEY.truncated",
		}, func(r domain.SectionReport, s *series, key string) { s.add(truth(r.Truncated), key) }),
		eachSection(Family{
			Name: "orchmetrics_section_anomalies", Kind: Gauge,
			Help: "Cells that were not of their type and became unknown.", From: "sections.KEY.anomalies",
		}, func(r domain.SectionReport, s *series, key string) { s.add(float64(r.Anomalies), key) }),
		eachSection(Family{
			Name: "orchmetrics_section_as_of_timestamp_seconds", Kind: Gauge, Unit: "seconds",
			Help: "Since when the section's value is what it is, since 1970.",
			From: "sections.KEY.as_of", Absent: "the value is of this scrape, or " + ifNotAsked,
		}, func(r domain.SectionReport, s *series, key string) { addTime(s, r.AsOf, key) }),
		eachSection(Family{
			Name: "orchmetrics_section_recounted_timestamp_seconds", Kind: Gauge, Unit: "seconds",
			Help: "Since when all of the history was read again, since 1970.",
			From: "sections.KEY.recounted_at", Absent: "the section keeps no sums, or " + ifNotAsked,
		}, func(r domain.SectionReport, s *series, key string) { addTime(s, r.RecountedAt, key) }),
	}
}

// eachSection completes a family with a series for each section, by key.
func eachSection(f Family, add func(r domain.SectionReport, s *series, key string)) Family {
	if f.Labels == nil {
		f.Labels = []string{"section"}
	}
	if f.Absent == "" {
		f.Absent = ifNotAsked
	}
	f.collect = func(e *answer, s *series) {
		for _, key := range slices.Sorted(maps.Keys(e.Sections)) {
			add(e.Sections[key], s, key)
		}
	}
	return f
}

func addTime(s *series, at *time.Time, labels ...string) {
	if at != nil {
		s.add(unix(*at), labels...)
	}
}
