package postgres

import (
	"context"
	"crypto/tls"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/orchmetrics/orchmetrics/domain"
)

// clean is an error with its code, and without the words of the server and the driver:
// they may name hosts, users, and what is in a cell.
func clean(err error) error {
	var refused *pgconn.PgError
	var distrusted *tls.CertificateVerificationError
	switch {
	case err == nil, err == io.EOF: //nolint:errorlint // the end of the rows is io.EOF itself
		return err
	case errors.As(err, &refused):
		if code := codeOf(refused.Code); code != "" {
			return fmt.Errorf("%w (SQLSTATE %s)", code, refused.Code)
		}
		return fmt.Errorf("%w (SQLSTATE %s)", domain.CodeSourceFailed, refused.Code)
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.Is(err, context.DeadlineExceeded), pgconn.Timeout(err):
		return context.DeadlineExceeded
	case errors.As(err, &distrusted):
		return fmt.Errorf("%w: the server's certificate is not one that sslmode and sslrootcert accept", domain.CodeSourceUnreachable)
	case errors.Is(err, driver.ErrBadConn):
		return driver.ErrBadConn // database/sql compares it
	default:
		return fmt.Errorf("%w: the connection failed", domain.CodeSourceUnreachable)
	}
}

// codeOf is the code of an SQLSTATE
// (https://www.postgresql.org/docs/current/errcodes-appendix.html).
func codeOf(state string) domain.Code {
	switch state {
	case "57014": // query_canceled, as by statement_timeout
		return domain.CodeTimeout
	case "55P03", "53300", "40001", "40P01": // lock_not_available, too_many_connections, a conflict with recovery, a deadlock
		return domain.CodeDBBusy
	case "42P01", "42703", "42883", "42804", "42704", "3F000": // no such table, column, operator, type, schema
		return domain.CodeSchemaDrift
	case "42501": // insufficient_privilege
		return domain.CodeDBPermission
	case "3D000": // no such database
		return domain.CodeDBMissing
	}
	for class, code := range map[string]domain.Code{
		"08": domain.CodeSourceUnreachable, // connection exception
		"57": domain.CodeSourceUnreachable, // operator intervention: it stops, starts, or recovers
		"28": domain.CodeDBPermission,      // invalid authorization
		"22": domain.CodeInvalidValue,      // data exception, as a number out of range
		"53": domain.CodeDBUnreadable,      // insufficient resources
		"58": domain.CodeDBUnreadable,      // system error
		"XX": domain.CodeDBCorrupt,         // internal error, data or index corrupted
	} {
		if strings.HasPrefix(state, class) {
			return code
		}
	}
	return ""
}
