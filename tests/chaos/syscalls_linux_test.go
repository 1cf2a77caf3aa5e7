package chaos

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// harmlessCalls are the system calls that may name a file of the orchestrator's,
// some of them only in a harmless way: see objection.
var harmlessCalls = []string{
	"access", "close", "faccessat", "faccessat2", "fcntl", "fstat", "getdents64", "lseek", "lstat", "mmap",
	"newfstatat", "open", "openat", "pread64", "read", "readlink", "readlinkat", "stat", "statx",
}

// TestNoSystemCallWrites traces the service while it reads a database in every
// state. Of all system calls that name a file of the orchestrator's, by its path
// or by an open descriptor, none can change it. SQLite may take its locks in the
// -shm, and it opens the -wal for writing, but only one that is there.
func TestNoSystemCallWrites(t *testing.T) {
	t.Parallel()
	for _, st := range states {
		if st.slow {
			continue
		}
		syscalls.try(t, st.name, func(t *testing.T) {
			t.Parallel()
			canTrace(t)
			p := seeded(t)
			st.arrange(t, p)
			calls := trace(t, p, st.want)
			require.NotEmpty(t, calls, "the trace shows nothing of the database")
			for _, call := range calls {
				assert.Empty(t, objection(call, p), call)
			}
		})
	}
}

func canTrace(t *testing.T) {
	t.Helper()
	if err := exec.Command("strace", "-f", "-o", os.DevNull, "true").Run(); err != nil {
		syscalls.skip(t, "strace is missing, or may not trace (Debian: apt-get install strace)")
	}
}

// trace scrapes a traced service, and returns its calls that concern the place.
func trace(t *testing.T, p *place, want string) []string {
	t.Helper()
	out := newPlace(t, p.owner) // one file for each thread, so that no line is torn
	s := launch{
		db: p.db, as: &p.owner,
		under: []string{
			"strace", "-ff", "-y", "-s", "0", "-e", "trace=%file,%desc", "-o", filepath.Join(out.dir, "thread"),
			"sh", "-c", `echo "pid $$" >&2; exec "$@"`, "sh",
		},
	}.start(t)
	for range 3 {
		require.Equal(t, want, s.metrics().summary())
	}
	s.terminate()
	require.NoError(t, s.cmd.Wait())

	threads, err := filepath.Glob(filepath.Join(out.dir, "thread.*"))
	require.NoError(t, err)
	var calls []string
	for _, thread := range threads {
		text, err := os.ReadFile(thread)
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if strings.Contains(line, p.dir) && !strings.HasPrefix(line, "execve(") {
				calls = append(calls, strings.TrimSpace(line))
			}
		}
	}
	return calls
}

// objection says what is wrong with a call, as strace prints it, that names a
// file of the place. All files that are there now were there before.
func objection(call string, p *place) string {
	name, _, _ := strings.Cut(call, "(")
	switch {
	case !slices.Contains(harmlessCalls, name):
		return name + " is no reading"
	case name == "mmap" && strings.Contains(call, "PROT_WRITE") && strings.Contains(call, "MAP_SHARED"):
		return "maps the file for writing"
	case name == "fcntl" && strings.Contains(call, "F_WRLCK") && strings.HasSuffix(call, " = 0") &&
		!strings.Contains(call, "F_GETLK") && !strings.Contains(call, p.db+"-shm>"):
		return "takes an exclusive lock outside the -shm" // to ask for one, or to be refused one, harms nobody
	case name != "open" && name != "openat":
		return ""
	}
	file := regexp.MustCompile(`"([^"]*)"`).FindStringSubmatch(call)
	if file == nil {
		return "opens a file without a name"
	}
	_, missing := os.Lstat(file[1])
	switch {
	case strings.Contains(call, "O_TRUNC"):
		return "opens with O_TRUNC"
	case strings.Contains(call, "O_CREAT") && missing != nil:
		return "may have created the file"
	case (strings.Contains(call, "O_RDWR") || strings.Contains(call, "O_WRONLY")) && file[1] != p.db+"-wal":
		return "opens for writing"
	}
	return ""
}

// The tracer is worth only what it catches.
func TestNoSystemCallWrites_CatchesWrites(t *testing.T) {
	t.Parallel()
	p := newPlace(t, self())
	p.write(t, p.db+"-wal", nil)
	for call, caught := range map[string]bool{
		`openat(AT_FDCWD</>, "DB-wal", O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0644) = 9<DB-wal>`:      false,
		`openat(AT_FDCWD</>, "DB-shm", O_RDWR|O_CREAT|O_NOFOLLOW|O_CLOEXEC, 0644) = 9<DB-shm>`:      true,
		`openat(AT_FDCWD</>, "DB", O_RDWR|O_CLOEXEC) = 9<DB>`:                                       true,
		`openat(AT_FDCWD</>, "DB-wal", O_RDONLY|O_TRUNC) = 9<DB-wal>`:                               true,
		`openat(AT_FDCWD</>, "DB", O_RDONLY|O_NOFOLLOW|O_CLOEXEC) = 5<DB>`:                          false,
		`pwrite64(9<DB-wal>, ""..., 32, 0) = 32`:                                                    true,
		`ftruncate(9<DB-wal>, 0) = 0`:                                                               true,
		`fchown(9<DB-wal>, 0, 0) = 0`:                                                               true,
		`unlink("DB-wal") = 0`:                                                                      true,
		`mmap(NULL, 32768, PROT_READ, MAP_SHARED, 11<DB-shm>, 0) = 0x7f`:                            false,
		`mmap(NULL, 32768, PROT_READ|PROT_WRITE, MAP_SHARED, 11<DB-shm>, 0) = 0x7f`:                 true,
		`fcntl(11<DB-shm>, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET}) = -1 EBADF`:                false,
		`fcntl(5<DB>, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=1, l_len=1}) = 0`:        true,
		`fcntl(5<DB>, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=1, l_len=1}) = -1 EBADF`: false,
		`fcntl(5<DB>, F_GETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=1, l_len=1}) = 0`:        false,
		`fcntl(5<DB>, F_SETLK, {l_type=F_RDLCK, l_whence=SEEK_SET, l_start=1, l_len=1}) = 0`:        false,
	} {
		assert.Equal(t, caught, objection(strings.ReplaceAll(call, "DB", p.db), p) != "", call)
	}
}
