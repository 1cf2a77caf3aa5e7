package perf

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// child is a process that plays a role. It is told lines, and answers lines.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Reader
}

// startRole starts this binary once more.
func startRole(role string, args ...string) (*child, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	return startChild(cmd)
}

func startChild(cmd *exec.Cmd) (*child, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if cmd.Stderr == nil {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &child{cmd: cmd, stdin: stdin, lines: bufio.NewReader(stdout)}, nil
}

// ask tells the child a line and returns what it answers.
func (c *child) ask(format string, args ...any) (string, error) {
	if _, err := fmt.Fprintf(c.stdin, format+"\n", args...); err != nil {
		return "", err
	}
	return c.line()
}

func (c *child) line() (string, error) {
	line, err := c.lines.ReadString('\n')
	if err != nil {
		return "", fmt.Errorf("hear from %s: %w", c.cmd.Path, err)
	}
	return strings.TrimSuffix(line, "\n"), nil
}

// close ends the child and waits for it.
func (c *child) close() error {
	_ = c.stdin.Close()
	return c.cmd.Wait()
}
