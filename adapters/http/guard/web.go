package guard

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v2"
	"golang.org/x/time/rate"
)

// WebConfig is the file that gives a server TLS and passwords. Prometheus's
// exporter toolkit reads it: the certificate anew for each connection, the
// passwords anew for each request. What the file gave at the start it must go on
// giving: a file that is emptied, removed or broken while it is in use refuses
// all, rather than opening to all.
type WebConfig struct {
	path  string
	gives protection // at the start
	own   *certificate

	mu      sync.Mutex
	good    fs.FileInfo // the file when it was last found to be in order
	doubted bool        // it will be read again soon
	said    string      // what the log has of it
	seen    string      // what there was last to say of it
	changes int         // from the one to the other
	pace    *rate.Limiter
}

// sayBurst is how many changes of the file are logged at once, and sayPause when there
// may be another line after that.
const (
	sayBurst = 6
	sayPause = 10 * time.Second
)

// doubtPause bounds how often connections that fail have the file read.
const doubtPause = 200 * time.Millisecond

// protection is what a web config gives.
type protection struct {
	tls       bool
	passwords bool // it asks for them
	clients   bool // it asks for a client's certificate
}

// ReadWebConfig reads a file and what it names. The error says what is wrong with
// it, and repeats no secret of it.
func ReadWebConfig(path string) (*WebConfig, error) {
	c := &WebConfig{path: path, own: &certificate{}}
	gives, err := c.read()
	if err != nil {
		return nil, err
	}
	c.gives, c.pace = gives, rate.NewLimiter(rate.Every(sayPause), sayBurst)
	return c, nil
}

// regular refuses what is no file, such as a pipe, whose reading could take for ever.
func regular(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return fmt.Errorf("open %s: %w", path, errors.Unwrap(err))
	case info.IsDir():
		return fmt.Errorf("read %s: %w", path, syscall.EISDIR)
	case !info.Mode().IsRegular():
		return fmt.Errorf("read %s: it is no regular file; write the path of one", path)
	}
	return nil
}

// read reads the file, and tells what it gives.
func (c *WebConfig) read() (protection, error) {
	if err := regular(c.path); err != nil {
		return protection{}, err
	}
	if err := web.Validate(c.path); err != nil {
		return protection{}, errors.New(discreet(err.Error()))
	}
	content, err := os.ReadFile(filepath.Clean(c.path))
	if err != nil {
		return protection{}, err
	}
	var config web.Config
	if err := yaml.Unmarshal(content, &config); err != nil {
		return protection{}, errors.New(discreet(err.Error()))
	}
	if err := checkCosts(config.Users); err != nil {
		return protection{}, err
	}
	gives := protection{tls: config.TLSConfig.IsEnabled(), passwords: len(config.Users) > 0}
	if !gives.tls {
		return gives, nil
	}
	config.TLSConfig.SetDirectory(filepath.Dir(c.path))
	encryption, err := web.ConfigToTLSConfig(&config.TLSConfig)
	if err != nil {
		return protection{}, errors.New(discreet(err.Error()))
	}
	gives.clients = encryption.ClientAuth == tls.RequireAnyClientCert || encryption.ClientAuth == tls.RequireAndVerifyClientCert
	c.own.from(encryption)
	return gives, nil
}

// check returns the file as it is, or an error if it must not be used. A file
// that was in order and has not changed since is not read again.
func (c *WebConfig) check(log *slog.Logger) (fs.FileInfo, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now, err := os.Stat(c.path)
	if err == nil && unchanged(now, c.good) {
		c.say(log, nil)
		return now, nil
	}
	if err == nil {
		err = c.judge()
	}
	c.good = nil
	if err == nil {
		c.good = now
	}
	c.say(log, err)
	return now, err
}

// doubt soon has the file read again though it has not changed, since what it
// names may have.
func (c *WebConfig) doubt(log *slog.Logger) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.doubted {
		return
	}
	c.doubted = true
	time.AfterFunc(doubtPause, func() {
		c.mu.Lock()
		c.doubted, c.good = false, nil
		c.mu.Unlock()
		_, _ = c.check(log) // which logs what is wrong
	})
}

// judge tells whether the file still gives what it gave at the start.
func (c *WebConfig) judge() error {
	gives, err := c.read()
	switch {
	case err != nil:
		return err
	case c.gives.tls && !gives.tls:
		return errors.New("it gave TLS at the start and does not any more; restart to serve without")
	case c.gives.passwords && !gives.passwords:
		return errors.New("it asked for a password at the start and does not any more; restart to serve without")
	case c.gives.clients && !gives.clients:
		return errors.New("it asked for a client's certificate at the start and does not any more; restart to serve without")
	}
	return nil
}

// say logs what is wrong with the file once, and once that it is right again. If
// that changes without end, it is said now and then, with how often it did.
func (c *WebConfig) say(log *slog.Logger, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != c.seen {
		c.seen = text
		c.changes++
	}
	if text == c.said || !c.pace.Allow() {
		return
	}
	var suppressed []any
	if c.changes > 1 {
		suppressed = []any{"suppressed", c.changes - 1}
	}
	if text == "" {
		log.Info("the web config can be used again", suppressed...)
	} else {
		log.Error("the web config cannot be used, so every request is refused", append(suppressed, "cause", text)...)
	}
	c.said, c.changes = text, 0
}

// unchanged compares what changes when a file is written or replaced.
func unchanged(now, before fs.FileInfo) bool {
	return before != nil && os.SameFile(now, before) && now.Size() == before.Size() && now.ModTime().Equal(before.ModTime())
}

// TLS tells whether the file gives TLS.
func (c *WebConfig) TLS() bool { return c.gives.tls }

// Passwords tells whether it asks for passwords.
func (c *WebConfig) Passwords() bool { return c.gives.passwords }

// Serve runs a server with what the file gives. The toolkit puts its handler
// around the server's; the guard goes around both.
func (c *WebConfig) Serve(server *http.Server, listener net.Listener, hosts *Hosts, log *slog.Logger) error {
	around := &guard{config: c, tries: newTries(), log: log}
	server.Handler = around.inside(server.Handler)
	// net/http calls this when it is about to accept: the toolkit has changed the
	// handler by then, and no request has come yet.
	server.BaseContext = func(net.Listener) context.Context {
		server.Handler = recovering(hosts.Guard(around.outside(server.Handler)), log)
		return context.Background()
	}
	server.ErrorLog = slog.NewLogLogger(&connectionLog{Handler: log.Handler(), config: c, log: log}, slog.LevelDebug)
	flags := &web.FlagConfig{WebConfigFile: &c.path}
	return web.Serve(listener, server, flags, slog.New(slog.DiscardHandler)) //nolint:wrapcheck // wrapped by the caller
}
