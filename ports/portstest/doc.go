// Package portstest has the suites that prove an adapter of a port. A suite says
// in code what the port's comments say in words: order, emptiness, nil, read-only
// values, concurrent use, contexts that end, and errors.
//
// To prove an adapter, write one test that gives the suite a function which opens
// it. A source is opened over Data, the little world that the suite knows the
// answers to:
//
//	func TestStageSource(t *testing.T) {
//		portstest.StageSource(t, func(t testing.TB, data portstest.Data) ports.StageSource {
//			db := newTestDatabase(t)
//			for _, task := range data.Tasks {
//				db.insert(task)
//			}
//			return mystore.New(db)
//		})
//	}
//
// The function is called anew for each check, and cleans up with t.Cleanup. Only
// what the port shows must be stored: the suite for stages does not look at
// data.Jobs. Data comes in no particular order.
//
// What a suite cannot bring about is proved beside it: Fails checks how a source
// answers that cannot be read at all.
//
// Run the suites with -race: that is how values shared between callers are found.
package portstest
