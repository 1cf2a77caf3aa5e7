package procfs

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"
)

// childEnv makes this test binary play a process: the roles of a chain of
// processes, with commas between. Each says its pid and what the next one said,
// and lives until its standard input, which all of them share, is closed.
const childEnv = "PROCFS_TEST_CHILD"

func TestMain(m *testing.M) {
	role, rest, _ := strings.Cut(os.Getenv(childEnv), ",")
	if role == "" {
		goleak.VerifyTestMain(m)
		return
	}
	play, known := roles()[role]
	if !known {
		panic("unknown role " + role)
	}
	play(rest)
	untilClosed()
}

func roles() map[string]func(rest string) {
	return map[string]func(rest string){
		"sleep":        func(string) { say() },
		"busy":         func(string) { go burn(); say() },
		"threads":      func(string) { startThreads(); say() },
		"parent":       func(rest string) { cmd, said := begin(rest); go func() { _ = cmd.Wait() }(); say(said) },
		"neglect":      func(rest string) { _, said := begin(rest); say(said) }, // never waits
		"threadparent": beginOnThread,
		"exec":         execOnLine,
		"headless":     endFirstThread,
		"hidepid":      lookBehindHidePID,
		"pidone":       lookFromPIDOne,
		"sampler":      sampleOften,
	}
}

// sampleOften samples a process some times: "times,pid".
func sampleOften(rest string) {
	var times, pid int64
	_, err := fmt.Sscanf(rest, "%d,%d", &times, &pid)
	must(err)
	reader := New("/proc")
	for range times {
		_, err := reader.Sample(background(), []int64{pid})
		must(err)
	}
}

func say(more ...string) {
	fmt.Fprintln(os.Stdout, strings.Join(append([]string{strconv.Itoa(os.Getpid())}, more...), " "))
}

func untilClosed() { _, _ = io.Copy(io.Discard, os.Stdin) }

func burn() {
	for sum := 0; ; sum++ {
		runtime.KeepAlive(sum)
	}
}

// begin starts the rest of the chain and gives what it said.
func begin(rest string) (*exec.Cmd, string) {
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), childEnv+"="+rest)
	cmd.Stdin, cmd.Stderr = os.Stdin, os.Stderr
	out, err := cmd.StdoutPipe()
	must(err)
	must(cmd.Start())
	said, err := bufio.NewReader(out).ReadString('\n')
	must(err)
	return cmd, strings.TrimSpace(said)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

// startThreads starts three threads, each kept by a goroutine of its own.
func startThreads() {
	started := make(chan bool)
	for range 3 {
		go func() {
			runtime.LockOSThread()
			started <- true
			select {}
		}()
		<-started
	}
}

// keepFirstThread ties the caller to the first thread of the process, so that no
// other goroutine runs on it. Where the scheduler was quicker, it begins anew.
func keepFirstThread() {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		must(syscall.Exec("/proc/self/exe", os.Args, os.Environ()))
	}
}

// beginOnThread starts the rest of the chain from a thread that is not the first
// of its process, and keeps that thread.
func beginOnThread(rest string) {
	keepFirstThread()
	begun := make(chan string)
	go func() {
		runtime.LockOSThread()
		_, said := begin(rest)
		begun <- said
		select {}
	}()
	say(<-begun)
}

// execOnLine becomes another program in the same process when it is told to.
func execOnLine(string) {
	say()
	var line [1]byte
	if _, err := os.Stdin.Read(line[:]); err != nil {
		return
	}
	must(syscall.Exec("/proc/self/exe", []string{"another"}, append(os.Environ(), childEnv+"=sleep")))
}

// endFirstThread ends the first thread of the process while another burns.
func endFirstThread(string) {
	keepFirstThread()
	go burn()
	go func() {
		untilClosed()
		os.Exit(0)
	}()
	say()
	if _, _, errno := syscall.Syscall(unix.SYS_EXIT, 0, 0, 0); errno != 0 {
		panic(errno)
	}
}
