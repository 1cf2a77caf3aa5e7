package procfs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// line is the stat line as the kernel would write it, with each field that the
// package ignores set to a number of its own.
func line(st stat, comm string) string {
	exitSignal := 17
	if !st.leader {
		exitSignal = -1
	}
	flags := 0x400100
	if st.kernel {
		flags |= 0x200000
	}
	return fmt.Sprintf("%d (%s) %c %d 905 906 0 -1 %d 910 911 912 913 %d %d %d %d 20 0 %d 0 %d 923 %d "+
		"18446744073709551615 926 927 928 929 930 0 0 0 934 935 0 0 %d 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
		st.pid, comm, st.state, st.ppid, flags, st.utime, st.stime, st.cutime, st.cstime,
		st.threads, st.start, st.rssPages, exitSignal)
}

func sleeper() stat {
	return stat{
		pid: 4711, state: 'S', ppid: 1, utime: 14, stime: 15, cutime: 16, cstime: 17,
		threads: 20, start: 22, rssPages: 24, leader: true,
	}
}

// TestParseStatOfKernel uses a line as Linux 6.18 wrote it for "sleep 1000".
func TestParseStatOfKernel(t *testing.T) {
	const taken = "9588 (sleep) S 9575 9575 8697 0 -1 4194304 101 0 0 0 3 4 0 0 20 0 1 0 117563 2998272 417 " +
		"18446744073709551615 94354311204864 94354311228969 140730740394368 0 0 0 0 0 0 0 0 0 17 1 0 0 0 0 0 " +
		"94354311244816 94354311246432 94354404823040 140730740398768 140730740398796 140730740398796 140730740400106 0\n"
	got, err := parseStat([]byte(taken))
	require.NoError(t, err)
	assert.Equal(t, stat{
		pid: 9588, state: 'S', ppid: 9575, utime: 3, stime: 4, threads: 1,
		start: 117563, rssPages: 417, leader: true,
	}, got)
}

// TestParseStatOfKernelThread uses a line as Linux 6.18 wrote it for kthreadd.
func TestParseStatOfKernelThread(t *testing.T) {
	const taken = "2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0 0 1 0 0 20 0 1 0 14 0 0 18446744073709551615 0 0 0 0 0 0 0 " +
		"2147483647 0 1 0 0 0 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n"
	got, err := parseStat([]byte(taken))
	require.NoError(t, err)
	assert.Equal(t, stat{pid: 2, state: 'S', kernel: true, stime: 1, threads: 1, start: 14, leader: true}, got)
}

func TestParseStatEndsCommandAtLastParenthesis(t *testing.T) {
	for _, comm := range []string{"", " ", "a) R (b c", "a) R 1 (\nb c)", ")", "(", "))))", ") S 1 ", "\n", "é\xff\x00", "a\n1 (b) Z 1"} {
		got, err := parseStat([]byte(line(sleeper(), comm)))
		require.NoError(t, err, "%q", comm)
		assert.Equal(t, sleeper(), got, "%q", comm)
	}
}

func TestParseStatRefuses(t *testing.T) {
	good := line(sleeper(), "x")
	replaced := func(old, by string) string {
		require.Contains(t, good, old)
		return strings.Replace(good, old, by, 1)
	}
	for name, content := range map[string]string{
		"nothing":                 "",
		"a newline":               "\n",
		"no command":              "1 2 3 4\n",
		"closed before opened":    "1 )x( S 1\n",
		"no space behind command": replaced(") S", ")S"),
		"only a command":          "4711 (x)",
		"not a pid":               replaced("4711", "47x1"),
		"pid 0":                   replaced("4711", "0"),
		"pid above the limit":     replaced("4711", "4194305"),
		"state of two letters":    replaced(" S ", " SS "),
		"state not a letter":      replaced(" S ", " 5 "),
		"two spaces":              replaced("905", " "),
		"negative flags":          replaced(" 4194560 ", " -1 "),
		"flags beyond 32 bits":    replaced(" 4194560 ", " 4294967296 "),
		"negative start":          replaced(" 22 ", " -22 "),
		"start beyond 62 bits":    replaced(" 22 ", " 4611686018427387905 "),
		"negative utime":          replaced(" 14 ", " -14 "),
		"overflowing utime":       replaced(" 14 ", " 9223372036854775808 "),
		"utime of all ones":       replaced(" 14 ", " 18446744073709551615 "),
		"implausible stime":       replaced(" 15 ", " 281474976710657 "),
		"implausible cutime":      replaced(" 16 ", " -281474976710657 "),
		"hexadecimal":             replaced(" 17 ", " 0x11 "),
		"negative rss":            replaced(" 24 ", " -24 "),
		"exit signal missing":     strings.Split(good, " 17 1 0")[0],
		"exit signal below -1":    replaced(" 17 1 0", " -2 1 0"),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := parseStat([]byte(content))
			require.ErrorIs(t, err, errNotStat)
			assert.Zero(t, got)
		})
	}
}

func TestParseStatTellsThreads(t *testing.T) {
	thread := sleeper()
	thread.leader = false
	got, err := parseStat([]byte(line(thread, "x")))
	require.NoError(t, err)
	assert.False(t, got.leader)
}

func TestParseStatAllowsNegativeWaitedTimes(t *testing.T) {
	want := sleeper()
	want.cutime, want.cstime = -1, -maxTicks
	got, err := parseStat([]byte(line(want, "x")))
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

// randomStat is any process, under any name: the kernel lets it be any bytes
// but 0, and cuts it at 15 (63 for its own threads).
func randomStat(t *rapid.T) (st stat, comm string) {
	ticks := rapid.Int64Range(0, maxTicks)
	signed := rapid.Int64Range(-maxTicks, maxTicks)
	st = stat{
		pid:      rapid.Int64Range(1, maxPID).Draw(t, "pid"),
		state:    rapid.SampledFrom([]byte("RSDZTtXxKWPI")).Draw(t, "state"),
		ppid:     rapid.Int64Range(0, maxPID).Draw(t, "ppid"),
		kernel:   rapid.Bool().Draw(t, "kernel"),
		utime:    ticks.Draw(t, "utime"),
		stime:    ticks.Draw(t, "stime"),
		cutime:   signed.Draw(t, "cutime"),
		cstime:   signed.Draw(t, "cstime"),
		threads:  rapid.Int64Range(0, maxPID).Draw(t, "threads"),
		start:    rapid.Int64Range(0, maxStart).Draw(t, "start"),
		rssPages: rapid.Int64Range(0, maxPages).Draw(t, "rss"),
		leader:   rapid.Bool().Draw(t, "leader"),
	}
	hostile := rapid.StringOfN(rapid.SampledFrom([]rune("() \nRSZ019-é")), 0, 63, 63)
	raw := rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 63), func(b []byte) string { return string(b) })
	return st, rapid.OneOf(hostile, raw).Draw(t, "comm")
}

func TestParseStatRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, comm := randomStat(t)
		got, err := parseStat([]byte(line(want, comm)))
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// TestParseStatCutShort checks that no beginning of a line passes for another.
func TestParseStatCutShort(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want, _ := randomStat(t)
		content := line(want, "(a) b")
		for end := range len(content) {
			if got, err := parseStat([]byte(content[:end])); err == nil {
				require.Equal(t, want, got, "cut at %d", end)
				require.Greater(t, end, strings.LastIndex(content, " 935 "))
			}
		}
	})
}

func FuzzParseStat(f *testing.F) {
	f.Add([]byte(line(sleeper(), "x")))
	f.Add([]byte(line(sleeper(), "a) R 1 (\nb c)")))
	f.Add([]byte(line(stat{pid: 1, state: 'Z', utime: maxTicks, cutime: -maxTicks, start: maxStart}, "")))
	f.Add([]byte("17738 (a) R 1 (\nb c)) S"))
	f.Add([]byte(") ("))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := parseStat(content)
		if err != nil {
			assert.Zero(t, got)
			return
		}
		again, err := parseStat([]byte(line(got, "x")))
		require.NoError(t, err)
		assert.Equal(t, got, again)
		assert.True(t, validPID(got.pid))
	})
}
