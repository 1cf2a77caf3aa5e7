package perf

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"time"
)

// patience is how long an answer may take. Reading ten million rows is slow.
const patience = time.Minute

// ErrRefused is an answer of 503.
var ErrRefused = errors.New("the server is overloaded")

var missing = regexp.MustCompile(`"status":"(failed|timeout|degraded)","code":"?(\w+)"?`)

// IncompleteError is the error of an answer with a section that could not be read, or
// not in time: a fast one of these is no merit. It is the section's code.
type IncompleteError string

// Error implements error.
func (i IncompleteError) Error() string { return "a section of the answer is missing: " + string(i) }

// Client polls over one connection. It does as little as a client can, since it
// shares the machine with what is measured.
type Client struct {
	conn net.Conn
	r    *bufio.Reader
	host string
	body []byte
	used time.Time
}

// idle is for how long a connection may rest: a server closes it after 20 seconds.
const idle = 5 * time.Second

// Dial connects to a server.
func Dial(address string) (*Client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return &Client{conn: conn, r: bufio.NewReaderSize(conn, 64<<10), host: address, used: time.Now()}, nil
}

// Close closes the connection.
func (c *Client) Close() error { return c.conn.Close() }

// Poll asks for the metrics, and returns how long the whole answer took.
func (c *Client) Poll() (time.Duration, error) {
	began := time.Now()
	body, err := c.Get("/metrics")
	took := time.Since(began)
	if err == nil {
		err = complaint(body)
	}
	return took, err
}

// complaint looks at the reports alone, which come last: it is asked of every
// answer, on the processors of what is measured.
func complaint(body []byte) error {
	reports := bytes.LastIndex(body, []byte(`"sections":{`))
	if reports < 0 {
		return IncompleteError("no_reports")
	}
	body = body[reports:]
	for _, status := range []string{"failed", "timeout", "degraded"} {
		if !bytes.Contains(body, []byte(`"status":"`+status+`"`)) {
			continue
		}
		if found := missing.FindSubmatch(body); found != nil {
			return IncompleteError(found[2])
		}
		return IncompleteError("unknown")
	}
	return nil
}

// Get returns the body at a path, which must be a 200 of known length. It is good
// until the next one.
func (c *Client) Get(path string) ([]byte, error) {
	if time.Since(c.used) > idle {
		fresh, err := Dial(c.host)
		if err != nil {
			return nil, errors.Join(err, c.Close())
		}
		_ = c.Close()
		c.conn, c.r = fresh.conn, fresh.r
	}
	defer func() { c.used = time.Now() }()
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: " + c.host + "\r\n\r\n")); err != nil {
		return nil, err
	}
	status, length, err := c.header()
	if err != nil {
		return nil, fmt.Errorf("get %s: %w", path, err)
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	for read := 0; read < length; {
		n, err := c.r.Read(c.body[read:])
		if err != nil {
			return nil, err
		}
		read += n
	}
	switch status {
	case "200":
		return c.body, nil
	case "503":
		return nil, fmt.Errorf("get %s: %w", path, ErrRefused)
	default:
		return nil, fmt.Errorf("get %s: answered %s: %s", path, status, c.body)
	}
}

// header reads up to the body, and returns how long that is.
func (c *Client) header() (status string, length int, err error) {
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return "", 0, err
	}
	if len(line) < len("HTTP/1.1 200 ") {
		return "", 0, fmt.Errorf("answered %q", line)
	}
	status = string(line[len("HTTP/1.1 "):][:3])
	length, err = c.length()
	return status, length, err
}

// length reads the fields of the header.
func (c *Client) length() (length int, err error) {
	length = -1
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		name, value, more := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		switch {
		case !more && length < 0:
			return 0, errors.New("no length")
		case !more:
			return length, nil
		case bytes.Equal(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(value)); err != nil {
				return 0, err
			}
		}
	}
}
