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
		result = d.address(ctx, d.cfg.Listen, "ORCH_LISTEN", d.cfg.WebConfigFile != "")
	}
	if d.cfg.HealthListen != "" {
		health := d.address(ctx, d.cfg.HealthListen, "ORCH_HEALTH_LISTEN", false)
		result.Details = append(result.Details, Detail{"ORCH_HEALTH_LISTEN", health.Status, health.Message})
	}
	return result
}

// address checks one address; guarded is one that may have TLS or ask for a
// password.
func (d *doctor) address(ctx context.Context, address, setting string, guarded bool) Result {
	err := httpapi.Probe(ctx, address)
	switch {
	case err == nil && exposed(address) && !guarded:
		return warning(address+" is free, and other hosts can reach it: there is neither TLS nor authentication",
			"set ORCH_WEB_CONFIG_FILE, put a proxy that has them in front, or listen on loopback")
	case err == nil:
		return ok(address + " is free")
	case !errors.Is(err, syscall.EADDRINUSE):
		return failed(fmt.Sprintf("%s: %s", address, reasonOf(err)), "set "+setting+" to another address")
	case guarded:
		return warning(address+" is taken; by whom cannot be told behind TLS or a password",
			"if it is not this service, stop it or set "+setting+" to another address")
	case answers(ctx, address, setting):
		return ok(address + ": an orchmetrics serves there already")
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
// description says so, or where there are only probes how it says that it lives.
// Neither costs a scrape.
func answers(ctx context.Context, address, setting string) bool {
	path := "/openapi.json"
	if setting == "ORCH_HEALTH_LISTEN" {
		path = "/livez"
	}
	client, base := orchmetrics.Client(address)
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	var document struct {
		Status string `json:"status"`

		Info struct {
			Title string `json:"title"`
		} `json:"info"`
	}
	err = json.NewDecoder(http.MaxBytesReader(nil, response.Body, 1<<20)).Decode(&document)
	return err == nil && (document.Info.Title == "orchmetrics" || path == "/livez" && document.Status == "ok")
}
