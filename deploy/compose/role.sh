#!/bin/sh
# Makes the role that orchmetrics reads with. What the orchestrator creates later is
# readable, too: it is the same user that makes its tables.
set -eu
psql -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -v password="$(cat /run/secrets/orchmetrics)" <<'SQL'
CREATE ROLE orchmetrics LOGIN PASSWORD :'password';
GRANT CONNECT ON DATABASE orchestrator TO orchmetrics;
GRANT USAGE ON SCHEMA public TO orchmetrics;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO orchmetrics;
ALTER ROLE orchmetrics SET default_transaction_read_only = on;
SQL
