package main

import (
	"bytes"
	"context"
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
	URL     string        `arg:"" optional:"" help:"http(s)://HOST:PORT or unix:/PATH. Unset: ORCH_HEALTH_LISTEN, or else ORCH_LISTEN."`
	Ready   bool          `help:"Ask /readyz: can every section be read?"`
	Timeout time.Duration `default:"3s" placeholder:"DURATION" help:"How long the answer may take."`
	Access  accessFlags   `embed:""`
}

// Help is what --help says besides.
func (healthcheckCmd) Help() string {
	return "For images without a shell: HEALTHCHECK CMD [\"/api\", \"healthcheck\"]. " +
		"Exit status 0 if it is well, 1 if not, with a line that says why. " +
		"It asks /livez unless told otherwise: whoever restarts what is unhealthy would gain nothing for a database that is not there yet, " +
		"as the service finds it by itself. With --ready it asks /readyz, to tell when others may begin to read. " +
		"A URL with a path is asked as it is. " +
		"Beside a web config (ORCH_WEB_CONFIG_FILE) it speaks TLS as that says, and trusts the certificate that it names. " +
		"A service that asks for a password, a client certificate or fewer requests lives: that is enough for /livez, not for --ready, " +
		"which needs --user and --password-file, or --cert and --key, or ORCH_HEALTH_LISTEN, where nothing is asked for."
}

// accessFlags are the flags of orchmetrics.Access. A password is in a file, since
// everybody on the host may read a command line.
type accessFlags struct {
	User         string `and:"user" placeholder:"NAME" help:"The user to say, where the service asks for a password."`
	PasswordFile string `and:"user" placeholder:"FILE" help:"A file whose first line is the user's password."`
	CAFile       string `name:"ca-file" placeholder:"FILE" help:"Whose certificates to trust instead of the host's, in PEM."`
	CertFile     string `name:"cert" and:"cert" placeholder:"FILE" help:"The certificate to show, in PEM."`
	KeyFile      string `name:"key" and:"cert" placeholder:"FILE" help:"Its key, in PEM."`
	Insecure     bool   `help:"Take any certificate."`
}

// Run implements the command.
func (h healthcheckCmd) Run(ctx context.Context, stdout io.Writer, cfg orchmetrics.Config) error {
	if h.Timeout <= 0 {
		return fmt.Errorf("--timeout is %s; it must be more than 0", h.Timeout)
	}
	client, address, err := h.target(cfg)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, h.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return fmt.Errorf("healthcheck: %w", err)
	}
	how, err := alive(client, request)
	if err != nil {
		return fmt.Errorf("healthcheck: %s %w", shown(address), err)
	}
	_, err = fmt.Fprintln(stdout, domain.Printable(shown(address)+" "+how))
	return err //nolint:wrapcheck // a closed standard output speaks for itself
}

// target is what is asked.
func (h healthcheckCmd) target(cfg orchmetrics.Config) (*http.Client, *url.URL, error) {
	where, access := h.URL, orchmetrics.Access(h.Access)
	switch {
	case where != "":
	case cfg.HealthListen != "":
		where, cfg.WebConfigFile, access = cfg.HealthListen, "", orchmetrics.Access{}
	default:
		where = cfg.Listen
	}
	client, address, err := orchmetrics.ClientOf(cfg, where, access)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // says what is wrong
	}
	if address.Path == "" || address.Path == "/" {
		address.Path = "/livez"
		if h.Ready {
			address.Path = "/readyz"
		}
	}
	return client, address, nil
}

// alive asks, and says how it was answered; the error says why that is not well.
func alive(client *http.Client, request *http.Request) (how string, err error) {
	lives := strings.HasSuffix(request.URL.Path, "/livez") // is all that is asked
	response, err := client.Do(request)
	switch failure, ok := errors.AsType[*url.Error](err); {
	case err != nil && lives && errors.Is(err, orchmetrics.ErrCertificateWanted):
		return "lives, and asks for a client certificate", nil
	case ok: // it repeats the address, with what that may hold
		return "", fmt.Errorf("does not answer: %w", failure.Err)
	case err != nil:
		return "", fmt.Errorf("does not answer: %w", err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read, or not wanted
	body, _ := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	switch {
	case response.StatusCode == http.StatusOK:
		return "answered " + response.Status, nil
	case lives && refused(body):
		return "lives: it answered " + response.Status, nil
	default:
		return "", fmt.Errorf("answered %s%s", response.Status, because(response.StatusCode, body))
	}
}

// refused tells whether an answer is this service's own, to somebody whom it does
// not know or who asks too often (docs/contract.md, "HTTP").
func refused(body []byte) bool {
	var answer struct {
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	return json.Unmarshal(body, &answer) == nil && slices.Contains([]string{"unauthorized", "rate_limited"}, answer.Error.Code)
}

// because says what is behind a status, if the answer tells, and what to do.
func because(status int, body []byte) string {
	switch {
	case status == http.StatusBadRequest && bytes.Contains(body, []byte("HTTP request to an HTTPS server")): // net/http's own answer
		return ": it speaks TLS; set ORCH_WEB_CONFIG_FILE as for the service, or write https://HOST:PORT"
	case status == http.StatusMisdirectedRequest:
		return ": it does not know that name as its own; ask by IP address, or add the name to the service's ORCH_ALLOWED_HOSTS"
	case status == http.StatusUnauthorized:
		return ": it asks for a password; give --user and --password-file, or set ORCH_HEALTH_LISTEN"
	default:
		return unready(body)
	}
}

// shown is an address without what may be a secret.
func shown(address *url.URL) string {
	return (&url.URL{Scheme: address.Scheme, Host: address.Host, Path: address.Path}).String()
}

// unready says which sections cannot be read, if the answer tells.
func unready(body []byte) string {
	var answer struct {
		Sections map[string]struct {
			Ready bool    `json:"ready"`
			Code  *string `json:"code"`
		} `json:"sections"`
	}
	if json.Unmarshal(body, &answer) != nil {
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
