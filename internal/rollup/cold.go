package rollup

import (
	"context"
	"slices"
	"time"
)

const (
	// maxPortion is the most that is saved up for cold blocks between two scrapes.
	maxPortion = 50 * time.Millisecond
	// minPortion is what is saved up before any is spent, so that of fast scrapes most
	// read no cold block in turn.
	minPortion = 5 * time.Millisecond
	// sample is what of it a scrape spends itself, so that who edits much is found out
	// before the sums are shown. The rest can wait until then, unless that would take
	// another view.
	sample = 2 * time.Millisecond
	// doubtShare is the share of a core that reading all cold blocks again may take
	// when they are in doubt, over the time that doubtReserve is worth.
	doubtShare   = 0.1
	doubtReserve = 6 * time.Second // a tenth of a minute
	// habit is how many times in a row a sign may turn out to mean nothing before
	// it is no longer heeded.
	habit = 3
	// calm is how long there must be no sign for the next one to count again.
	calm = 10 * time.Minute
)

// ReadInTurn goes on with cold blocks whose turn it is, after a scrape that says that
// some are [Result.Due]: for the next one, so that none has to wait for it. After another
// scrape it does nothing.
func (r *Rollup[S]) ReadInTurn(ctx context.Context, cold Table[S], s Scrape) error {
	if s.Sequence != r.sequence {
		return nil
	}
	return r.readInTurn(ctx, cold, r.mark(s), s)
}

// readInTurn reads cold blocks again, oldest first, until the portion is used up or one
// has changed, which puts the others in doubt.
func (r *Rollup[S]) readInTurn(ctx context.Context, t Table[S], signatures []uint64, s Scrape) error {
	for range r.blocks {
		if r.doubt.since != 0 || !r.budget.portion() {
			break
		}
		r.next %= len(r.blocks)
		err, merged := r.check(ctx, t, r.next, signatures, s), false
		if err == nil {
			merged, err = r.merge(ctx, t, r.next, signatures, s)
		}
		switch {
		case err != nil: // that it cannot be read shows in each scrape until it can
			r.blocks[r.next].hotUntil = s.At.Add(Linger)
			return r.outOfTime(ctx, err)
		case merged:
			signatures = slices.Delete(signatures, r.next, r.next+1)
		default:
			r.next++
		}
	}
	return nil
}

// readDoubtful reads all cold blocks again that are in doubt, as far as the budget goes.
func (r *Rollup[S]) readDoubtful(ctx context.Context, t Table[S], signatures []uint64, s Scrape) error {
	for i := range r.blocks {
		if r.blocks[i].readIn >= r.doubt.since {
			continue
		}
		if r.doubt.since > s.Sequence || !r.budget.reserved() {
			return nil
		}
		if err := r.check(ctx, t, i, signatures, s); err != nil {
			return r.outOfTime(ctx, err)
		}
	}
	r.doubt.settle(s.Sequence)
	return nil
}

// check reads a cold block again and compares. In a later state one with unfinished
// rows may have changed in the ordinary course of work.
func (r *Rollup[S]) check(ctx context.Context, t Table[S], i int, signatures []uint64, s Scrape) error {
	began, doubted := r.budget.now(), r.doubt.since != 0
	changed, err := r.read(ctx, t, i, signatures, s)
	if r.budget.spend(began, doubted) {
		r.doubt.costly = true
	}
	if unfinished := signatures[i] != 0; changed && (!s.Later || !unfinished) {
		since := s.Sequence
		if s.Later {
			since++ // what this scrape read before may be of before the change
		}
		r.doubt.raise(since)
	}
	return err
}

// merge reads a cold block and the one before it as one, if both were just read and are
// small together, and tells whether it did: rows that are added make small blocks, of
// which there would be ever more.
func (r *Rollup[S]) merge(ctx context.Context, t Table[S], i int, signatures []uint64, s Scrape) (bool, error) {
	if i == 0 || signatures[i-1] != 0 || signatures[i] != 0 {
		return false, nil
	}
	first, second := &r.blocks[i-1], &r.blocks[i]
	if first.readIn != s.Sequence || second.readIn != s.Sequence || first.rows+second.rows > BlockRows || first.hot() || second.hot() {
		return false, nil
	}
	began := r.budget.now()
	sums, rows, err := t.Sum(ctx, Range{r.span(i - 1).From, second.upto})
	r.budget.spend(began, false)
	if err != nil {
		return false, err
	}
	first.upto, first.sums, first.rows, first.added = second.upto, sums, rows, false
	r.blocks = slices.Delete(r.blocks, i, i+1)
	return true, nil
}

// outOfTime is no error: what is not read again now is so later.
func (*Rollup[S]) outOfTime(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // the sums are as they were read before
	}
	return err
}

// doubt is whether the sums of cold blocks are possibly wrong. Scrapes are told by
// their sequence.
type doubt struct {
	since uint64    // what was read before this scrape is in doubt; 0 if nothing is
	later uint64    // the last scrape since then that saw a sign
	sign  time.Time // when the last one of all was seen
	// founded is set if something was found changed, or is certain to have.
	founded bool
	// costly is set if what is saved up in the ordinary way did not suffice.
	costly bool
	// vain is how many signs in a row turned out to mean nothing, and cost much.
	vain int
}

// raise puts in doubt what was read before, for what was found in the table. While
// there is such doubt already, what else is found is taken to be of the same kind.
func (d *doubt) raise(scrape uint64) {
	if d.since == 0 || !d.founded {
		d.since = scrape
	}
	d.founded, d.vain = true, 0
}

// suspect puts in doubt what was read before, for a sign from elsewhere, unless such
// signs have come to nothing: some orchestrators give them at every operation.
func (d *doubt) suspect(s Scrape) {
	if s.At.Sub(d.sign) > calm {
		d.vain = 0
	}
	d.sign = s.At
	switch {
	case d.vain >= habit:
	case d.since != 0:
		d.later = s.Sequence
	default:
		d.since = s.Sequence
	}
}

// settle ends the doubt in a scrape, since everything was read again; unless that is for
// the next one to do, or there was a sign after it began. What is found out at once and
// at little cost harms nobody, so that it becomes no habit.
func (d *doubt) settle(scrape uint64) {
	if d.since > scrape {
		return
	}
	if !d.founded && (d.costly || d.since != scrape) {
		d.vain++
	}
	d.since, d.founded, d.costly = 0, false, false
	if d.vain < habit {
		d.since = d.later
	}
	d.later = 0
}

// budget is what reading again may cost.
type budget struct {
	share float64
	now   func() time.Time

	began  time.Time // of the scrape
	limit  time.Duration
	enough bool    // the credit was a portion when the scrape began
	after  float64 // of the credit, what is for after the scrape

	// In nanoseconds, of which a small table's part between fast scrapes is less than one.
	credit  float64 // for all cold blocks
	reserve float64 // for those in doubt besides
}

// begin saves up for the time since the last scrape began.
func (b *budget) begin(s Scrape) {
	now := b.now()
	part := func(share float64, of time.Duration) float64 { return s.Part * share * float64(of) }
	if b.began.IsZero() {
		b.reserve = part(1, doubtReserve)
	} else {
		b.credit = min(b.credit+part(b.share, now.Sub(b.began)), part(1, maxPortion))
		b.reserve = min(b.reserve+part(doubtShare, now.Sub(b.began)), part(1, doubtReserve))
	}
	b.began, b.limit, b.enough = now, s.Time, b.credit >= part(1, minPortion)
	if b.after = b.credit - part(1, sample); s.Later {
		b.after = 0
	}
}

// left tells whether the scrape still has time.
func (b *budget) left() bool { return b.now().Sub(b.began) < b.limit }

// portion tells whether there is something left for cold blocks in turn.
func (b *budget) portion() bool { return b.enough && b.credit > b.after && b.left() }

// reserved tells whether there is something left for those in doubt.
func (b *budget) reserved() bool { return (b.credit > 0 || b.reserve > 0) && b.left() }

// spend takes what was read off what is saved up, and tells whether it was off the
// reserve.
func (b *budget) spend(began time.Time, doubted bool) (reserve bool) {
	spent := float64(b.now().Sub(began))
	if doubted && b.credit <= 0 {
		b.reserve -= spent
		return true
	}
	b.credit -= spent
	return false
}
