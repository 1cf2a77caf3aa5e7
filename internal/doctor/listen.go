package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"
	"time"

	"github.com/orchmetrics/orchmetrics"
	"github.com/orchmetrics/orchmetrics/adapters/http"
)

// listen checks that the addresses are free, or that an orchmetrics serves there
// already.
func (d *doctor) listen(ctx context.Context) Result {
	result := ok("systemd passes the socket")
	if !bool(d.cfg.SystemdSocket) {
		result = d.address(ctx, d.cfg, d.cfg.Listen, "ORCH_LISTEN")
	}
	if d.cfg.HealthListen != "" {
		plain := d.cfg
		plain.WebConfigFile = ""
		health := d.address(ctx, plain, d.cfg.HealthListen, "ORCH_HEALTH_LISTEN")
		result.Details = append(result.Details, Detail{"ORCH_HEALTH_LISTEN", health.Status, health.Message})
	}
	return result
}

// address checks one address of a service of these settings.
func (d *doctor) address(ctx context.Context, cfg orchmetrics.Config, address, setting string) Result {
	guarded := cfg.WebConfigFile != ""
	err := httpapi.Probe(ctx, address)
	switch {
	case err == nil && exposed(address) && !guarded:
		return warning(address+" is free, and other hosts can reach it: there is neither TLS nor authentication",
			"set ORCH_WEB_CONFIG_FILE, put a proxy that has them in front, or listen on loopback")
	case err == nil:
		return ok(address + " is free")
	case !errors.Is(err, syscall.EADDRINUSE):
		return failed(fmt.Sprintf("%s: %s", address, reasonOf(err)), "set "+setting+" to another address")
	case answers(ctx, cfg, address, setting):
		return ok(address + ": an orchmetrics serves there already")
	case guarded:
		return warning(address+" is taken, and not by a service of this web config",
			"if it is not this service with another one, stop it or set "+setting+" to another address")
	default:
		return failed(address+" is taken by another program", "stop it, or set "+setting+" to another address")
	}
}

// reasonOf is the innermost of what the network said.
func reasonOf(err error) string {
	if failure, found := errors.AsType[*net.OpError](err); found {
		return failure.Err.Error()
	}
	return err.Error()
}

// exposed tells whether other hosts can reach an address.
func exposed(address string) bool {
	tcp, err := net.ResolveTCPAddr("tcp", address)
	return err == nil && !tcp.IP.IsLoopback()
}

// answers tells whether what serves at an address is this program: its
// description says so, or where there are only probes how it says that it lives, or
// how it asks for a password or a certificate. Neither costs a scrape.
func answers(ctx context.Context, cfg orchmetrics.Config, address, setting string) bool {
	client, url, err := orchmetrics.ClientOf(cfg, address, orchmetrics.Access{})
	if err != nil {
		return false
	}
	url.Path = "/openapi.json"
	if setting == "ORCH_HEALTH_LISTEN" {
		url.Path = "/livez"
	}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url.String(), nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return errors.Is(err, orchmetrics.ErrCertificateWanted)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	var document struct {
		Status string `json:"status"`

		Info struct {
			Title string `json:"title"`
		} `json:"info"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	err = json.NewDecoder(http.MaxBytesReader(nil, response.Body, 1<<20)).Decode(&document)
	return err == nil && (document.Info.Title == "orchmetrics" || url.Path == "/livez" && document.Status == "ok" ||
		document.Error.Code == "unauthorized" || document.Error.Code == "rate_limited")
}
