package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/orchmetrics/orchmetrics/adapters/sqlstore"
	"github.com/orchmetrics/orchmetrics/domain"
	"github.com/orchmetrics/orchmetrics/internal/postgres"
)

func (d *doctor) location() postgres.Location {
	return postgres.Location{URL: d.cfg.DB, PasswordFile: d.cfg.DBPasswordFile}
}

// clocksApart is how far a server's clock may be from this host's: ages are whole seconds.
const clocksApart = 2 * time.Second

// server checks that the server answers, and says what it is.
func (d *doctor) server(ctx context.Context) Result {
	role, err := d.postgres.Role(ctx)
	if err != nil {
		return serverFailure(d.location().Place(), err)
	}
	kind := "a server of its own"
	if role.Standby {
		kind = "a standby"
	}
	found := fmt.Sprintf("%s: version %s, %s", d.location().Place(), role.Version, kind)
	if apart := role.Ahead.Round(time.Second); apart.Abs() >= clocksApart {
		where := "ahead of"
		if apart < 0 {
			where = "behind"
		}
		return warning(fmt.Sprintf("%s; its clock is %s %s this host's", found, apart.Abs(), where),
			"keep both by NTP: ages of what the server stamps are wrong by that, and below 0 if it is ahead")
	}
	return ok(found)
}

// serverFailure says what a code means of a server. docs/operations.md has it at length.
func serverFailure(place string, err error) Result {
	code := domain.CodeSourceFailed
	_ = errors.As(err, &code)
	text, known := map[domain.Code][2]string{
		domain.CodeDBMissing: {"the server has no database of that name", "check ORCH_DB"},
		domain.CodeDBPermission: {
			"the server refuses the role or its password", "check the user in ORCH_DB, ORCH_DB_PASSWORD_FILE or .pgpass, and pg_hba.conf",
		},
		domain.CodeDBBusy: {"the server takes no more connections, or something is locked", "raise max_connections, or try again"},
		domain.CodeSourceUnreachable: {
			"the server does not answer", "check the host, the port and TLS in ORCH_DB, the network, and that it runs",
		},
		domain.CodeTimeout: {"it was not opened in time", "look at the load of the server"},
	}[code]
	if !known {
		text = [2]string{"it cannot be read", "the server's log has the cause"}
	}
	return failed(place+": "+text[0], text[1]).as(code)
}

// role checks that the role can write nothing, whatever this program does.
func (d *doctor) role(ctx context.Context) Result {
	if d.unreadable {
		return notChecked()
	}
	role, err := d.postgres.Role(ctx)
	if err != nil {
		return serverFailure(d.location().Place(), err)
	}
	if role.ReadOnly() {
		return ok(fmt.Sprintf("the role %s may read, and write nothing", role.Name))
	}
	may := "write " + strings.Join(role.Writes, ", ")
	switch {
	case role.Superuser:
		may = "do everything: it is a superuser"
	case len(role.Writes) == 0:
		may = "make tables in the schema " + role.Schema
	}
	var tables []string
	if d.profile == nil { // its page says which
		for _, table := range sqlstore.Expected() {
			tables = append(tables, table.Name)
		}
	}
	return warning(fmt.Sprintf("the role %s may %s; this program does not, and a role that cannot is safer", role.Name, may),
		"as the owner of the database: "+strings.Join(role.Grants(tables...), "; "))
}
