package page

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(text)
}

// evalAll runs expressions, and returns of each what was wanted and what came.
func evalAll(b *tab, wanted map[string]string) map[string]struct{ want, got string } {
	b.t.Helper()
	calls := slices.Sorted(maps.Keys(wanted))
	results := eval[[]string](b, `[`+strings.Join(calls, `, `)+`].map(String)`)
	require.Len(b.t, results, len(calls))
	all := map[string]struct{ want, got string }{}
	for i, call := range calls {
		all[call] = struct{ want, got string }{wanted[call], results[i]}
	}
	return all
}

// TestFormats: how values read, at their borders.
func TestFormats(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open(serve(t, recorded(t, "idle")).URL)
	b.do(`import('./page/format.js').then((f) => { window.f = f; })`)
	for call, want := range evalAll(b, map[string]string{
		`f.duration(0)`: "0 s", `f.duration(59)`: "59 s", `f.duration(60)`: "1 min 0 s", `f.duration(3599)`: "59 min 59 s",
		`f.duration(3600)`: "1 h 0 min", `f.duration(86399)`: "23 h 59 min", `f.duration(86400)`: "1 d 0 h", `f.duration(-5)`: "−5 s",
		`f.duration(400 * 86400000)`: "400,000 d 0 h", `f.duration(9223372036854775807n)`: "9,223,372,036,854,775,807 s",
		`f.integer(0)`: "0", `f.integer(-1234)`: "−1,234", `f.integer(9223372036854775807n)`: "9,223,372,036,854,775,807",
		`f.bytes(0)`: "0 B", `f.bytes(1023)`: "1023 B", `f.bytes(1024)`: "1.0 KiB", `f.bytes(268435456)`: "256 MiB", `f.bytes(1.5 * 2 ** 40)`: "1.5 TiB",
		`f.usd(0)`: "$0.00", `f.usd(396.479)`: "$396.48", `f.usd(1234567.5)`: "$1,234,567.50", `f.usd(0.00012)`: "<$0.01", `f.usd(-0.0000042)`: "−<$0.01", `f.usd(0.005)`: "$0.01", `f.usd(9223372036854775807n)`: "$9,223,372,036,854,776,000.00", `f.compact(12345)`: "12.3K", `f.compact(999)`: "999", `f.rate(0)`: "0", `f.rate(0.04)`: "<0.1", `f.rate(5.04)`: "5", `f.rate(1234.5)`: "1,235", `f.usd(-1.25)`: "−$1.25",
		`f.share(0)`: "0 %", `f.share(0.005)`: "0.5 %", `f.share(0.0999)`: "10 %", `f.share(0.5)`: "50 %", `f.share(12.34)`: "1,234 %",
		`f.cpuTime(0, 100)`: "0.0 s", `f.cpuTime(175, 100)`: "1.8 s", `f.cpuTime(339000, 100)`: "56 min 30 s", `f.cpuTime(10, 0)`: "null",
		`f.milliseconds(0)`: "0.0 ms", `f.milliseconds(0.02)`: "under 0.1 ms", `f.milliseconds(1999.6)`: "2,000 ms",
		`f.instant('2026-06-01T11:59:58.5Z')`: "2026-06-01 11:59:58.5 UTC", `f.instant('soon')`: "soon",
		`f.timeOfDay('2026-06-01T11:50:00Z', '2026-06-01T12:00:00Z')`: "11:50:00 UTC",
		`f.timeOfDay('2026-05-31T11:50:00Z', '2026-06-01T12:00:00Z')`: "2026-05-31 11:50:00 UTC",
		`f.ago('2026-06-01T11:50:00Z', '2026-06-01T12:00:00Z')`:       "10 min 0 s ago",
		`f.ago('2026-06-01T12:00:05Z', '2026-06-01T12:00:00Z')`:       "in 5 s",
		`f.ago('soon', '2026-06-01T12:00:00Z')`:                       "null",
	}) {
		assert.Equal(t, want.want, want.got, call)
	}
	for _, name := range []string{"text", "integer", "duration", "seconds", "cpuTime", "milliseconds", "usd", "compact", "rate", "bytes", "share", "instant"} {
		assert.True(t, eval[bool](b, `f.`+name+`(null, 100) === null && f.`+name+`(undefined, 100) === null`), "%s: unknown stays unknown", name)
	}
}

// TestParse_KeepsEveryDigit: integers are of 64 bits, a number of JavaScript is not.
func TestParse_KeepsEveryDigit(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open(serve(t, recorded(t, "idle")).URL)
	assert.Equal(t, "-9223372036854775808 9007199254740993 1e+30 0.1234567890123456 9007199254740991 1234567890123456789 __proto__",
		eval[string](b, `import('./page/envelope.js').then(({ parse }) => {
			const { a, b, c, d, e, f, g } = parse('{"a":-9223372036854775808,"b":9007199254740993,"c":1e30,"d":0.1234567890123456,'
				+ '"e":9007199254740991,"f":"1234567890123456789","g":{"__proto__":1}}');
			return [a, b, c, d, e, f, Object.keys(g)].join(' ');
		})`))
}

// TestHistory: whose ticks are measured against whose.
func TestHistory(t *testing.T) {
	t.Parallel()
	b := newTab(t)
	b.open(serve(t, recorded(t, "idle")).URL)
	b.do(`import('./page/cpu.js').then(({ History }) => {
		window.process = (start, at, own, tree) => ({ pid: 7, cpu_ticks: own, process: { start_ticks: start, sampled_boottime_ms: at, tree_cpu_ticks: tree } });
		window.play = (...steps) => {
			const history = new History();
			for (const [at, agent, over] of steps) {
				history.record({ clk_tck: 100, clock: { boot_id: 'b', boottime_ms: at }, instance: { id: 'i' }, ...over }, agent ? [agent] : []);
			}
			const agent = steps.at(-1)[1];
			return JSON.stringify(history.shares(agent).map((s) => [s.from, s.to, s.own, s.tree]));
		};
	})`)
	for script, want := range evalAll(b, map[string]string{
		`play([0, process(1, 0, 0, 0)])`:                                                                                   `[]`,
		`play([0, process(1, 1, 0, 0)], [2000, process(1, 2001, 100, 300)])`:                                               `[[1,2001,0.5,1.5]]`,
		`play([0, process(1, 0, 0, 0)], [1000, process(1, 1000, 0, 0)], [2000, process(1, 2000, 20, 30)])`:                 `[[0,1000,0,0],[1000,2000,0.2,0.3]]`,
		`play([0, process(1, 0, 0, 0)], [1000, process(2, 1000, 50, 50)])`:                                                 `[]`,                  // the pid was taken by another process
		`play([0, process(1, 0, 0, 0)], [1000, process(1, 1000, 50, null)])`:                                               `[[0,1000,0.5,null]]`, // the tree could not be read
		`play([0, process(1, 0, 0, 90)], [1000, process(1, 1000, 50, 80)])`:                                                `[[0,1000,0.5,null]]`, // a child ended that nobody waited for
		`play([0, process(1, 0, 0, 0)], [1000, process(1, 0, 0, 0)])`:                                                      `[]`,                  // the same sample
		`play([0, process(1, 0, 0, 0)], [1000, null], [2000, process(1, 2000, 50, 50)])`:                                   `[]`,                  // it was gone in between
		`play([0, process(1, 0, 0, 0)], [1000, process(1, 1000, 50, 50), { clock: { boot_id: 'c', boottime_ms: 1000 } }])`: `[]`,                  // another boot
		`play([0, process(1, 0, 0, 0)], [1000, process(1, 1000, 50, 50), { instance: { id: 'j' } }])`:                      `[]`,                  // another start of the service
		`play([0, process(1, 0, 0, 0)], [1000, process(1, 1000, 50, 50), { clk_tck: null }])`:                              `[]`,                  // no unit
		`play([5000, process(1, 5000, 0, 0)], [1000, process(1, 1000, 50, 50)])`:                                           `[]`,                  // a recording that begins again
		`play([0, process(1, 0, 0, 0)], [1000, process(null, null, null, null)])`:                                          `[]`,                  // gone
		`play([0, process(1, 0, 9007199254740993n, 0)], [1000, process(1, 1000, 9007199254740993n + 100n, 0)])`:            `[[0,1000,1,0]]`,      // 64 bits
	}) {
		assert.Equal(t, want.want, want.got, script)
	}
	assert.JSONEq(t, `["[[0,2000,0.5,1.5]]", "[[0,2000,0.5,1.5]]"]`, eval[string](b, `import('./page/cpu.js').then(({ History }) => {
		const history = new History(); // two jobs have one process, which was sampled for each
		const answers = [[process(1, 0, 0, 0), process(1, 1, 0, 1)], [process(1, 2000, 100, 300), process(1, 2001, 100, 301)]];
		answers.forEach((agents, i) => {
			history.record({ clk_tck: 100, clock: { boot_id: 'b', boottime_ms: i * 2000 }, instance: { id: 'i' } }, agents);
		});
		return JSON.stringify(answers[1].map((agent) => JSON.stringify(history.shares(agent).map((s) => [s.from, s.to, s.own, s.tree]))));
	})`), "each process counts once in an answer")
	assert.JSONEq(t, `{"first": 9698000, "spans": 150, "exact": true}`, eval[string](b, `(() => {
		const steps = Array.from({ length: 5000 }, (_, i) => [i * 2000, process(1, i * 2000, i * 100, i * 100)]);
		const shares = JSON.parse(play(...steps));
		return JSON.stringify({ first: shares[0][0], spans: shares.length, exact: shares.every(([, , own]) => own === 0.5) && shares.at(-1)[1] === 4999 * 2000 });
	})()`), "the last five minutes, in bounded space")
}
