package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/ports"
)

// lister is a source of sections that come and go.
type lister struct {
	mu   sync.Mutex
	list func(context.Context) ([]ports.Listed, error)
}

func (*lister) Name() string { return "Lister" }

func (l *lister) Sections(ctx context.Context) ([]ports.Listed, error) {
	l.mu.Lock()
	list := l.list
	l.mu.Unlock()
	return list(ctx)
}

func (l *lister) set(sections ...ports.Section) {
	l.answer(func(context.Context) ([]ports.Listed, error) { return listedOf(sections), nil })
}

func (l *lister) answer(list func(context.Context) ([]ports.Listed, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = list
}

func listedOf(sections []ports.Section) []ports.Listed {
	listed := make([]ports.Listed, len(sections))
	for i, s := range sections {
		listed[i] = ports.Listed{Section: s, Origin: s.Key() + ".json"}
	}
	return listed
}

func extensionKeys(envelope domain.Envelope) []string {
	var keys []string
	for _, extension := range envelope.Extensions {
		keys = append(keys, extension.Key)
	}
	return keys
}

func TestListed_ComeAndGo(t *testing.T) {
	l := &lister{}
	l.set()
	w := newWorld(t)
	w.extra = []ports.Section{section{"fixed", nil, returns(1, nil)}}
	w.opts.Listers = []ports.SectionLister{l}
	service := w.service(t)
	assert.Equal(t, []string{"fixed"}, extensionKeys(scrape(t, service)))
	_, err := service.Snapshot(t.Context(), "gpu")
	require.ErrorIs(t, err, ports.ErrUnknownSection)

	l.set(section{"gpu", nil, returns(2, nil)}, section{"disks", nil, returns(nil, domain.CodeDBBusy)})
	envelope := scrape(t, service)
	assert.Equal(t, []string{"fixed", "gpu", "disks"}, extensionKeys(envelope), "after the fixed ones, in their order")
	assert.Equal(t, domain.StatusFailed, envelope.Sections["disks"].Status)
	assert.Equal(t, domain.StatusOK, envelope.Sections["stages"].Status)
	assert.Equal(t, []string{"stages", "queue", "agents", "cost", "fixed", "gpu", "disks"}, service.Keys())
	narrowed := scrape(t, service, "gpu", "queue")
	assert.Equal(t, []string{"gpu"}, extensionKeys(narrowed))
	assert.Len(t, narrowed.Sections, 2)

	l.set()
	assert.Equal(t, []string{"fixed"}, extensionKeys(scrape(t, service)))
}

// Whatever is dropped, the section that has the key is as it was.
func TestListed_RefusedKeys(t *testing.T) {
	l := &lister{}
	w := newWorld(t)
	w.extra = []ports.Section{section{"fixed", nil, returns(1, nil)}}
	w.opts.Listers = []ports.SectionLister{l, &lister{list: func(context.Context) ([]ports.Listed, error) {
		return listedOf([]ports.Section{section{"gpu", nil, returns("second", nil)}}), nil
	}}}
	var dropped []ports.Section
	for _, key := range []string{"stages", "sections", "schema_version", "fixed", "Bad-Key", "", "gpu"} {
		dropped = append(dropped, section{key, nil, returns("dropped", nil)})
	}
	l.set(dropped...)
	want := healthy()
	want.Extensions = []domain.Extension{{Key: "fixed", Value: json.RawMessage(`1`)}, {Key: "gpu", Value: json.RawMessage(`"dropped"`)}}
	want.Sections["fixed"], want.Sections["gpu"] = domain.SectionReport{Status: domain.StatusOK}, domain.SectionReport{Status: domain.StatusOK}
	for _, origin := range []string{"stages.json", "sections.json", "schema_version.json", "fixed.json", "Bad-Key.json", ".json", "gpu.json"} {
		want.Sections[origin] = domain.SectionReport{Status: domain.StatusFailed, Code: new(domain.CodeKeyRefused)}
	}
	assert.Equal(t, want, scrape(t, w.service(t)))
}

// An origin that looks like a key must not hide a section's report.
func TestListed_OriginLikeAKey(t *testing.T) {
	w := newWorld(t)
	w.opts.Listers = []ports.SectionLister{&lister{list: func(context.Context) ([]ports.Listed, error) {
		return []ports.Listed{{Section: section{"queue", nil, returns(1, nil)}, Origin: "stages"}, {Origin: ""}}, nil
	}}}
	envelope := scrape(t, w.service(t))
	assert.Equal(t, domain.StatusOK, envelope.Sections["stages"].Status)
	assert.Equal(t, domain.StatusOK, envelope.Sections["queue"].Status)
	assert.Equal(t, domain.CodeKeyRefused, *envelope.Sections["?stages"].Code)
	assert.Equal(t, domain.CodeKeyRefused, *envelope.Sections["?"].Code, "and no section at all")
}

func TestListed_ListingFails(t *testing.T) {
	gpu := listedOf([]ports.Section{section{"gpu", nil, returns(2, nil)}})
	for name, tc := range map[string]struct {
		list   func(context.Context) ([]ports.Listed, error)
		report domain.SectionReport
		shown  []string
	}{
		"an error": {
			func(context.Context) ([]ports.Listed, error) { return nil, errors.New("no") },
			domain.SectionReport{Status: domain.StatusFailed, Code: new(domain.CodeSourceFailed)},
			nil,
		},
		"part": {
			func(context.Context) ([]ports.Listed, error) { return gpu, domain.CodeTooMany },
			domain.SectionReport{Status: domain.StatusDegraded, Code: new(domain.CodeTooMany)},
			[]string{"gpu"},
		},
		"a panic": {
			func(context.Context) ([]ports.Listed, error) { panic("no") },
			domain.SectionReport{Status: domain.StatusFailed, Code: new(domain.CodePanic)},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.opts.Listers = []ports.SectionLister{&lister{list: tc.list}}
			envelope := scrape(t, w.service(t))
			assert.Equal(t, tc.report, envelope.Sections["Lister"])
			assert.Equal(t, tc.shown, extensionKeys(envelope))
			assert.Equal(t, domain.StatusOK, envelope.Sections["agents"].Status)
		})
	}
}

// A source that could not be listed is in the log, and so is that it can be again.
func TestListed_RecoveryIsLogged(t *testing.T) {
	w, log := loggedWorld(t)
	source := &lister{}
	w.opts.Listers = []ports.SectionLister{source}
	service := w.service(t)
	source.answer(func(context.Context) ([]ports.Listed, error) { return nil, domain.CodeFileUnreadable })
	scrape(t, service)
	scrape(t, service, "stages") // has nothing of it, and says nothing
	source.set()
	scrape(t, service)
	scrape(t, service)
	entries := log.take(t)
	require.Len(t, entries, 2)
	assert.Equal(t, []any{"section not ok", "Lister"}, []any{entries[0]["msg"], entries[0]["section"]})
	assert.Equal(t, []any{"section recovered", "Lister"}, []any{entries[1]["msg"], entries[1]["section"]})
}

// A listing that hangs, and a listed section that hangs, cost one scrape its
// time and no goroutine more, though each listing brings new sections.
func TestListed_Hangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var begun atomic.Int64
		hanging := section{"gpu", nil, func(context.Context) (any, error) { begun.Add(1); <-release; return 1, nil }}
		l := &lister{}
		l.set(hanging)
		w := newWorld(t)
		w.opts.Listers = []ports.SectionLister{l}
		service := w.service(t)
		began := time.Now()
		assert.Equal(t, domain.CodeTimeout, *scrape(t, service).Sections["gpu"].Code)
		assert.Equal(t, timeout, time.Since(began))
		assert.Equal(t, domain.CodeStuck, *scrape(t, service).Sections["gpu"].Code)
		l.set()
		scrape(t, service)
		l.set(hanging)
		assert.Equal(t, domain.CodeStuck, *scrape(t, service).Sections["gpu"].Code, "though it was away in between")
		assert.Equal(t, int64(1), begun.Load())

		l.answer(func(context.Context) ([]ports.Listed, error) { <-release; return nil, nil })
		began = time.Now()
		envelope := scrape(t, service)
		assert.LessOrEqual(t, time.Since(began), timeout)
		assert.Equal(t, domain.CodeTimeout, *envelope.Sections["Lister"].Code)
		assert.Equal(t, domain.StatusOK, envelope.Sections["agents"].Status)
		close(release)
		synctest.Wait()
	})
}

// While a source cannot be listed, a section that it had is known, and who asks for
// it is told why it is not there. What it never had stays unknown, and what it had no
// more when it was listed last.
func TestListed_KnownWhileTheSourceFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		hang := func(context.Context) ([]ports.Listed, error) { <-release; return nil, nil }
		gpu, disks := section{"gpu", nil, returns(1, nil)}, section{"disks", nil, returns(2, nil)}
		l, other := &lister{}, &lister{}
		l.set(gpu, disks)
		other.set(section{"other", nil, returns(3, nil)})
		w := newWorld(t)
		w.opts.Listers = []ports.SectionLister{l, other}
		service := w.service(t)
		scrape(t, service)
		l.set(gpu)
		scrape(t, service)

		failing := func(list func(context.Context) ([]ports.Listed, error), status domain.Status, code domain.Code) {
			l.answer(list)
			began := time.Now()
			envelope := scrape(t, service, "gpu", "other")
			assert.LessOrEqual(t, time.Since(began), 2*timeout)
			assert.Equal(t, domain.SectionReport{Status: status, Code: &code}, envelope.Sections["gpu"])
			assert.Equal(t, domain.StatusOK, envelope.Sections["other"].Status)
			assert.Equal(t, []domain.Extension{{Key: "other", Value: json.RawMessage(`3`)}, {Key: "gpu", Value: json.RawMessage(`null`)}}, envelope.Extensions)
			assert.Contains(t, service.Keys(), "gpu")
			for _, never := range []string{"disks", "gpv"} {
				_, err := service.Snapshot(t.Context(), never)
				require.ErrorIs(t, err, ports.ErrUnknownSection)
			}
			assert.Equal(t, &code, scrape(t, service).Sections["Lister"].Code)
		}
		failing(func(context.Context) ([]ports.Listed, error) { return nil, domain.CodeFileUnreadable }, domain.StatusFailed, domain.CodeFileUnreadable)
		failing(func(context.Context) ([]ports.Listed, error) { panic("no") }, domain.StatusFailed, domain.CodePanic)
		failing(hang, domain.StatusTimeout, domain.CodeStuck) // the first to notice is whoever asks for the keys

		close(release)
		synctest.Wait()
		l.set()
		scrape(t, service)
		_, err := service.Snapshot(t.Context(), "gpu")
		require.ErrorIs(t, err, ports.ErrUnknownSection, "it was listed, and is not there any more")
	})
}

// A section that a source had before it failed is not missing where another has its key.
func TestListed_MissingIsListedByAnother(t *testing.T) {
	l, other := &lister{}, &lister{}
	l.set(section{"gpu", nil, returns(1, nil)})
	other.set()
	w := newWorld(t)
	w.opts.Listers = []ports.SectionLister{l, other}
	service := w.service(t)
	scrape(t, service)
	l.answer(func(context.Context) ([]ports.Listed, error) { return nil, domain.CodeFileUnreadable })
	other.set(section{"gpu", nil, returns(2, nil)})
	envelope := scrape(t, service, "gpu")
	assert.Equal(t, []domain.Extension{{Key: "gpu", Value: json.RawMessage(`2`)}}, envelope.Extensions)
	assert.Equal(t, domain.StatusOK, envelope.Sections["gpu"].Status)
}

// What could be listed before a slow source ran out of time is shown; the rest of
// what it had is known.
func TestListed_PartInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gpu, disks := section{"gpu", nil, returns(1, nil)}, section{"disks", nil, returns(2, nil)}
		l := &lister{}
		l.set(gpu, disks)
		w := newWorld(t)
		w.opts.Listers = []ports.SectionLister{l}
		service := w.service(t)
		scrape(t, service)
		l.answer(func(ctx context.Context) ([]ports.Listed, error) {
			<-ctx.Done()
			time.Sleep(timeout / 100) // until it notices
			return listedOf([]ports.Section{gpu}), ctx.Err()
		})
		envelope := scrape(t, service)
		assert.Equal(t, []string{"gpu"}, extensionKeys(envelope))
		assert.Equal(t, domain.SectionReport{Status: domain.StatusDegraded, Code: new(domain.CodeTimeout)}, envelope.Sections["Lister"])
		assert.Equal(t, domain.CodeTimeout, *scrape(t, service, "disks").Sections["disks"].Code)
	})
}

// However many sections a source had and lost, few of them are remembered.
func TestListed_KnownAreBounded(t *testing.T) {
	l := &lister{}
	w := newWorld(t)
	w.opts.Listers = []ports.SectionLister{l}
	service := w.service(t)
	for i := range 20 {
		l.answer(func(context.Context) ([]ports.Listed, error) {
			var found []ports.Section
			for j := range 64 {
				found = append(found, section{fmt.Sprintf("s%d_%d", i, j), nil, returns(1, nil)})
			}
			return listedOf(found), domain.CodeFileUnreadable
		})
		scrape(t, service)
	}
	assert.LessOrEqual(t, len(service.Keys()), 4+256)
}

func TestListed_DisabledAndSwitchedOff(t *testing.T) {
	l := &lister{}
	l.set(section{"gpu", nil, func(context.Context) (any, error) { panic("asked") }})
	w := newWorld(t)
	w.opts.Listers = []ports.SectionLister{l}
	w.opts.Disabled = []string{"gpu", "later"}
	assert.Equal(t, domain.SectionReport{Status: domain.StatusDisabled}, scrape(t, w.service(t)).Sections["gpu"])
	w.opts.Disabled = []string{"Not-A-Key"}
	_, err := w.build()
	require.ErrorIs(t, err, ports.ErrUnknownSection)

	w.opts.Disabled, w.opts.Enabled = nil, false
	l.answer(func(context.Context) ([]ports.Listed, error) { panic("the kill switch is off") })
	service := w.service(t)
	assert.Len(t, service.Keys(), 4)
	assert.True(t, scrape(t, service, "gpu").Disabled)
}
