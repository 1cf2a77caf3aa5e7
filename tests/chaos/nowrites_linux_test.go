package chaos

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// makingCalls are the system calls that create, change or remove files by name, and
// those that open them, which may be for that.
const makingCalls = "open,openat,creat,unlink,unlinkat,rename,renameat,renameat2,mkdir,mkdirat,rmdir,mknod,mknodat," +
	"link,linkat,symlink,symlinkat,truncate,ftruncate,fallocate"

// crowd is how many tasks there are in a crowded database, and twice as many jobs. The
// fewer ones are 12 MB of texts, six times what SQLite sorts in its cache.
var crowd = often(20_000, 100_000)

// crowded makes a live database whose lists are long and whose texts are too: SQLite
// sorts what does not fit its cache into temporary files, if it is let.
func crowded(t *testing.T) *place {
	t.Helper()
	p := seeded(t)
	o := start(t, p)
	const numbers = "WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
	o.run("PRAGMA synchronous=OFF; BEGIN;")
	o.run("INSERT INTO tasks (id, work_item_id, repo, stage) "+numbers+
		"SELECT i, printf('%%.*c', 300, char(97 + i %% 26)), printf('%%.*c', 300, char(65 + i %% 26)), 'review' FROM n;", 99+crowd)
	o.run("INSERT INTO jobs (id, agent, status, attempts) "+numbers+"SELECT i, 'developer', 'queued', i %% 4 FROM n; COMMIT;", 99+2*crowd)
	return p
}

// readsCrowd scrapes, as JSON and as text.
func readsCrowd(t *testing.T, s *service) {
	t.Helper()
	for range 2 {
		e := s.metrics()
		for _, section := range []string{"stages", "queue", "agents", "cost"} {
			require.Equal(t, "ok", e.at("sections", section, "status"), "%s: %v", section, e.at("sections", section, "code"))
		}
		require.InDelta(t, 10_000, e.at("sections", "stages", "rows"), 0)
		require.InDelta(t, 2*crowd+1, e.at("queue", "counts", "queued"), 0)
		text, err := s.ask("GET", "/metrics/prometheus")
		require.NoError(t, err)
		require.Contains(t, string(text.body), fmt.Sprintf("\norchestrator_jobs{status=\"queued\"} %d\n", 2*crowd+1))
	}
}

// TestNoFileAnywhere: not one file is created, opened for writing or removed, beside
// the database or anywhere else, however much there is to sort.
func TestNoFileAnywhere(t *testing.T) {
	t.Parallel()
	nowhere.try(t, fmt.Sprintf("%d tasks of long texts and twice as many queued jobs", crowd), func(t *testing.T) {
		canTrace(t)
		p := crowded(t)
		out := newPlace(t, p.owner)
		s := launch{
			db: p.db, as: &p.owner, env: []string{within(time.Minute)},
			under: []string{ // the filter stops the program at these calls alone, not at every read
				"strace", "-ff", "--seccomp-bpf", "-s", "300", "-e", "trace=" + makingCalls, "-o", filepath.Join(out.dir, "thread"),
				"sh", "-c", `echo "pid $$" >&2; exec "$@"`, "sh",
			},
		}.start(t)
		readsCrowd(t, s)
		s.terminate()
		require.NoError(t, s.cmd.Wait())

		threads, err := filepath.Glob(filepath.Join(out.dir, "thread.*"))
		require.NoError(t, err)
		opened := 0
		for _, thread := range threads {
			text, err := os.ReadFile(thread)
			require.NoError(t, err)
			for call := range strings.Lines(string(text)) {
				require.Empty(t, makes(call, p.db), call)
				if strings.Contains(call, `"`+p.db+`"`) {
					opened++
				}
			}
		}
		require.Positive(t, opened, "the trace shows nothing of the database")
	})
}

// makes says what a call, as strace prints it, does to a file. SQLite opens a log that
// is there for writing, and may create none.
func makes(call, db string) string {
	name, arguments, found := strings.Cut(call, "(")
	switch {
	case !found, strings.HasPrefix(call, "---"), strings.HasPrefix(call, "+++"),
		// A thread that ended with its process before strace saw which call stopped it.
		strings.TrimSpace(call) == "???( <unfinished ...>":
		return ""
	case name != "open" && name != "openat":
		return name
	case strings.Contains(arguments, `"`+db+`-wal", O_RDWR`), strings.Contains(arguments, `"/dev/null"`):
		return ""
	}
	for _, flag := range []string{"O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"} {
		if strings.Contains(arguments, flag) {
			return "opens with " + flag
		}
	}
	return ""
}

// The tracer is worth only what it catches.
func TestNoFileAnywhere_CatchesFiles(t *testing.T) {
	t.Parallel()
	for call, caught := range map[string]bool{
		`openat(AT_FDCWD, "/db-wal", O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0644) = 9`: false,
		`openat(AT_FDCWD, "/db", O_RDONLY|O_NOFOLLOW|O_CLOEXEC) = 9`:                 false,
		`openat(AT_FDCWD, "/dev/null", O_RDWR) = 3`:                                  false,
		`+++ exited with 0 +++`:                                           false,
		"???( <unfinished ...>\n":                                         false,
		`unlink("/db-wal" <unfinished ...>`:                               true,
		`openat(AT_FDCWD, "/var/tmp", O_RDWR|O_EXCL|O_TMPFILE, 0600) = 9`: true,
		`openat(AT_FDCWD, "/var/tmp/etilqs_1", O_RDWR|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600) = 9`: true,
		`openat(AT_FDCWD, "/db-shm", O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0644) = 9`:                  true,
		`unlink("/var/tmp/etilqs_1") = 0`: true,
		`ftruncate(9, 0) = 0`:             true,
	} {
		require.Equal(t, caught, makes(call, "/db") != "", call)
	}
}

// nothingWritable makes every mount of a namespace read-only, and checks that.
const nothingWritable = `mount --make-rprivate / &&
while read -r _ where _; do mount -o remount,bind,ro "$where" 2>/dev/null; done < /proc/self/mounts
for where in / /tmp /var/tmp /dev/shm "$PLACE" .; do
	if [ -d "$where" ] && touch "$where/orchmetrics-probe" 2>/dev/null; then
		rm -f "$where/orchmetrics-probe"; echo "writable: $where" >&2; exit 1
	fi
done
exec "$@"`

// TestNothingIsWritable: it runs on a read-only root without one directory in which
// anybody could write.
func TestNothingIsWritable(t *testing.T) {
	t.Parallel()
	for _, live := range []bool{true, false} {
		name := map[bool]string{true: "live", false: "at rest"}[live]
		nowhere.try(t, "on a read-only root, "+name, func(t *testing.T) {
			t.Parallel()
			if self() != root || exec.Command("unshare", "--mount", "mount", "-o", "bind,ro", "/tmp", "/tmp").Run() != nil {
				nowhere.skip(t, "needs root, and a kernel that lets it mount")
			}
			p := crowded(t)
			if live {
				start(t, p).mark("committed")
			}
			s := launch{
				db: p.db, as: new(root), env: []string{"PLACE=" + p.dir},
				under: []string{"unshare", "--mount", "sh", "-c", nothingWritable, "sh"},
			}.start(t)
			readsCrowd(t, s)
		})
	}
}
