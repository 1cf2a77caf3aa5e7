package chaos

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// pipe is what a program writes to, as in `api serve 2>&1 | reader`.
type pipe struct {
	t        *testing.T
	reading  *os.File
	lines    *bufio.Reader // of what is read
	writing  *os.File      // the program's end, which stays open here until it is closed
	crawling sync.WaitGroup
}

func newPipe(t *testing.T) *pipe {
	t.Helper()
	var ends [2]int
	require.NoError(t, unix.Pipe2(ends[:], unix.O_CLOEXEC)) // the end that a program gets blocks; that of os.Pipe would not
	require.NoError(t, unix.SetNonblock(ends[0], true))
	p := &pipe{t: t, reading: os.NewFile(uintptr(ends[0]), "reading"), writing: os.NewFile(uintptr(ends[1]), "writing")}
	p.lines = bufio.NewReader(p.reading)
	t.Cleanup(func() {
		_ = p.reading.Close()
		_ = p.writing.Close()
		p.crawling.Wait()
	})
	return p
}

// wrongs is what may become of a pipe's reader.
var wrongs = map[string]func(*pipe){"gone": (*pipe).leave, "stalled": (*pipe).fill, "slow": (*pipe).crawl}

// leave closes the reading end: whoever writes then gets SIGPIPE and EPIPE.
func (p *pipe) leave() { require.NoError(p.t, p.reading.Close()) }

// fill writes until the pipe takes nothing more: whoever writes then waits.
func (p *pipe) fill() {
	p.t.Helper()
	// By an open file of its own, since the program's must go on to block.
	own, err := unix.Open("/proc/self/fd/"+strconv.Itoa(int(p.writing.Fd())), unix.O_WRONLY|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
	require.NoError(p.t, err)
	defer unix.Close(own)
	for _, size := range []int{unix.PathMax, 1} {
		for err = nil; err == nil; {
			_, err = unix.Write(own, bytes.Repeat([]byte("\n"), size))
		}
		require.ErrorIs(p.t, err, unix.EAGAIN)
	}
}

// crawl takes a byte now and then of a pipe that is full.
func (p *pipe) crawl() {
	p.fill()
	p.crawling.Go(func() {
		for {
			if _, err := p.reading.Read(make([]byte, 1)); err != nil {
				return // closed
			}
			time.Sleep(20 * time.Millisecond)
		}
	})
}

// find reads lines until one matches, and returns what its group matches.
func (p *pipe) find(pattern string) string {
	p.t.Helper()
	require.NoError(p.t, p.reading.SetReadDeadline(time.Now().Add(aLongTime)))
	wanted, seen := regexp.MustCompile(pattern), ""
	for {
		line, err := p.lines.ReadString('\n')
		if found := wanted.FindStringSubmatch(line); found != nil {
			return found[1]
		}
		seen += line
		require.NoError(p.t, err, "no line is %s: %s", pattern, seen)
	}
}

// rest reads to the end of the program.
func (p *pipe) rest() string {
	p.t.Helper()
	require.NoError(p.t, p.writing.Close())
	require.NoError(p.t, p.reading.SetReadDeadline(time.Now().Add(aLongTime)))
	rest, err := io.ReadAll(p.lines)
	require.NoError(p.t, err)
	return string(rest)
}
