package doctor

import (
	"context"

	"github.com/orchmetrics/orchmetrics/adapters/http/guard"
)

// webConfig checks the file that gives the service TLS and passwords, and what it
// names.
func (d *doctor) webConfig(context.Context) Result {
	path := d.cfg.WebConfigFile
	if path == "" {
		return ok("ORCH_WEB_CONFIG_FILE is unset: there is neither TLS nor a password")
	}
	if _, err := guard.ReadWebConfig(path); err != nil { // repeats no secret
		return failed(path+": "+err.Error(), "correct it, or the rights of it and of what it names")
	}
	return ok(path + ": in order")
}
