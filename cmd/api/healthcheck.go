package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/domain"
)

// healthcheckCmd asks a running service whether it is well.
type healthcheckCmd struct {
	URL      string        `arg:"" optional:"" placeholder:"URL" help:"http://HOST:PORT. Unset: ORCH_HEALTH_LISTEN, or else ORCH_LISTEN."`
	Ready    bool          `help:"Ask /readyz: can every section be read?"`
	Insecure bool          `help:"Take any certificate, as on loopback, whose name is in none."`
	Timeout  time.Duration `default:"3s" placeholder:"DURATION" help:"How long the answer may take."`
}

// Help is what --help says besides.
func (healthcheckCmd) Help() string {
	return "For images without a shell: HEALTHCHECK CMD [\"/api\", \"healthcheck\"]. " +
		"Exit status 0 if it is well, 1 if not, with a line that says why. " +
		"It asks /livez unless told otherwise: whoever restarts what is unhealthy would gain nothing for a database that is not there yet, " +
		"as the service finds it by itself. With --ready it asks /readyz, to tell when others may begin to read. " +
		"A URL with a path is asked as it is. Beside a web config set ORCH_HEALTH_LISTEN, which has neither TLS nor passwords."
}

// Run implements the command.
func (h healthcheckCmd) Run(ctx context.Context, stdout io.Writer, cfg orchmetrics.Config) error {
	client, address, err := h.target(cfg)
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	response, err := client.Do(request)
	if err != nil {
		if failure, ok := errors.AsType[*url.Error](err); ok { // it repeats the address, with what that may hold
			err = failure.Err
		}
		return fmt.Errorf("healthcheck: %s does not answer: %w", shown(address), err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read, or not wanted
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("healthcheck: %s answered %s%s", shown(address), response.Status, unready(response.Body))
	}
	_, err = fmt.Fprintln(stdout, domain.Printable(fmt.Sprintf("%s answered %s", shown(address), response.Status)))
	return err //nolint:wrapcheck // a closed standard output speaks for itself
}

// target is what is asked.
func (h healthcheckCmd) target(cfg orchmetrics.Config) (*http.Client, *url.URL, error) {
	listen := cfg.Listen
	if cfg.HealthListen != "" {
		listen = cfg.HealthListen
	}
	client, base := orchmetrics.Client(listen)
	if h.URL != "" {
		base = h.URL
		client, _ = orchmetrics.Client("")
	}
	address, err := url.Parse(base)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return nil, nil, errors.New("healthcheck: the address is no URL; write http://HOST:PORT")
	}
	if address.Path == "" || address.Path == "/" {
		address.Path = "/livez"
		if h.Ready {
			address.Path = "/readyz"
		}
	}
	if transport, known := client.Transport.(*http.Transport); known && h.Insecure {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true} //nolint:gosec // asked for
	}
	return client, address, nil
}

// shown is an address without what may be a secret.
func shown(address *url.URL) string {
	return (&url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}).String()
}

// unready says which sections cannot be read, if the answer tells.
func unready(body io.Reader) string {
	var answer struct {
		Sections map[string]struct {
			Ready bool    `json:"ready"`
			Code  *string `json:"code"`
		} `json:"sections"`
	}
	if json.NewDecoder(io.LimitReader(body, 1<<20)).Decode(&answer) != nil {
		return ""
	}
	var failing []string
	for key, section := range answer.Sections {
		if section.Ready {
			continue
		}
		if section.Code != nil {
			key += " (" + *section.Code + ")"
		}
		failing = append(failing, key)
	}
	if len(failing) == 0 {
		return ""
	}
	slices.Sort(failing)
	return ": not ready are " + strings.Join(failing, ", ")
}
