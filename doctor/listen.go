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

// listen checks that the address is free, or that an orchmetrics serves there
// already.
func (d *doctor) listen(ctx context.Context) Result {
	address := d.cfg.Listen
	err := httpapi.Probe(ctx, address)
	switch {
	case err == nil && exposed(address):
		return warning(address+" is free, and other hosts can reach it: there is neither TLS nor authentication",
			"put a proxy that has them in front, or listen on loopback")
	case err == nil:
		return ok(address + " is free")
	case !errors.Is(err, syscall.EADDRINUSE):
		return failed(fmt.Sprintf("%s: %s", address, reasonOf(err)), "set ORCH_LISTEN to another address")
	case answers(ctx, address):
		return ok(address + ": an orchmetrics serves there already")
	default:
		return failed(address+" is taken by another program", "stop it, or set ORCH_LISTEN to another address")
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
// description says so, and costs no scrape.
func answers(ctx context.Context, address string) bool {
	client, base := orchmetrics.Client(address)
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/openapi.json", nil)
	if err != nil {
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	var document struct {
		Info struct {
			Title string `json:"title"`
		} `json:"info"`
	}
	err = json.NewDecoder(http.MaxBytesReader(nil, response.Body, 1<<20)).Decode(&document)
	return err == nil && document.Info.Title == "orchmetrics"
}
