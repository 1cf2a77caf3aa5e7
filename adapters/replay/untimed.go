package replay

import "github.com/orchmetrics/orchmetrics/domain"

// firstInstant is that of a recording in which no answer has one: 2026-06-01
// 12:00:00 UTC, in milliseconds since 1970.
const firstInstant = 1_780_315_200_000

// placeUntimed gives an instant to each answer that has none, as those of a
// service that was switched off: evenly between the answers around it, or a
// second apart where there are answers on one side only.
func placeUntimed(answers []domain.Envelope) {
	var before *domain.Envelope
	first := 0 // of the answers that wait for the next instant
	for i := range answers {
		if answers[i].Clock == (domain.Instant{}) {
			continue
		}
		spread(answers[first:i], before, &answers[i])
		before, first = &answers[i], i+1
	}
	spread(answers[first:], before, nil)
}

func spread(untimed []domain.Envelope, before, after *domain.Envelope) {
	const second = 1000
	gaps := int64(len(untimed)) + 1
	gap, last := int64(second), int64(firstInstant)
	switch {
	case before != nil && after != nil:
		last, gap = before.Clock.UnixMS, max(0, after.Clock.UnixMS-before.Clock.UnixMS)/gaps
	case before != nil:
		last = before.Clock.UnixMS
	case after != nil:
		last = after.Clock.UnixMS - gaps*gap
	}
	for i := range untimed {
		last += gap
		untimed[i].Clock.UnixMS = last
	}
}
