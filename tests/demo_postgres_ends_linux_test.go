package tests

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/orchmetrics/orchmetrics/internal/demo"
	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

const demoSchemas = "SELECT nspname::text FROM pg_namespace WHERE nspname LIKE 'orch%'"

// TestDemo_PostgresOddSettings: a database may write texts and letters otherwise than most.
func TestDemo_PostgresOddSettings(t *testing.T) {
	t.Parallel()
	db := postgrestest.Shared(t).NewDatabase(t)
	admin := db.Connect(t, "postgres", db.Name)
	for _, setting := range []string{"client_encoding = 'LATIN1'", "standard_conforming_strings = off", "search_path = public"} {
		postgrestest.Exec(t, admin, "ALTER DATABASE "+db.Name+" SET "+setting)
	}
	for _, profile := range demo.Profiles(demo.Postgres) {
		m, err := demo.StartMiniature(t.Context(), profile, demo.Options{Postgres: db.URL("orchestrator", db.Name)})
		require.NoError(t, err)
		require.Len(t, lines(t, admin, demoSchemas), 1)
		require.NoError(t, m.Stop())
		require.Empty(t, lines(t, admin, demoSchemas))
	}
}

// TestDemo_PostgresGivenUp: who ends the demo while its schema is made finds none afterwards.
func TestDemo_PostgresGivenUp(t *testing.T) {
	t.Parallel()
	server := postgrestest.Shared(t)
	db := server.NewDatabase(t)
	ctx, giveUp := context.WithCancel(t.Context())
	port := proxy(t, server.Port, "CREATE SCHEMA", func() {
		giveUp()
		time.Sleep(100 * time.Millisecond) // in which the demo takes notice, if it does
	})
	url := strings.Replace(db.URL("orchestrator", db.Name), fmt.Sprint(":", server.Port), fmt.Sprint(":", port), 1)
	_, err := demo.StartMiniature(ctx, "river", demo.Options{Postgres: url})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, lines(t, db.Connect(t, "postgres", db.Name), demoSchemas))
}

// TestDemo_PostgresInUse: who looks at the tables in a transaction does not keep the demo from
// its end, which says what is left.
func TestDemo_PostgresInUse(t *testing.T) {
	t.Parallel()
	db := postgrestest.Shared(t).NewDatabase(t)
	m, err := demo.StartMiniature(t.Context(), "river", demo.Options{Postgres: db.URL("orchestrator", db.Name)})
	require.NoError(t, err)
	other := db.Connect(t, "postgres", db.Name)
	schema := lines(t, other, demoSchemas)[0]
	postgrestest.Exec(t, other, "BEGIN", "SELECT FROM "+schema+".river_job")
	require.ErrorContains(t, m.Stop(), "drop schema "+schema+": ERROR: canceling statement due to lock timeout")
}

// proxy passes on what is said to a server on loopback, and calls held, once, before the
// server's answer to a statement.
func proxy(t *testing.T, server int, statement string, held func()) (port int) {
	t.Helper()
	var config net.ListenConfig
	listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	var asked atomic.Bool
	pass := func(to, from net.Conn, look func(said []byte)) {
		defer func() { _ = to.Close() }()
		_, _ = io.Copy(to, readerFunc(func(said []byte) (int, error) {
			n, err := from.Read(said)
			look(said[:n])
			return n, err
		}))
	}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			var dialer net.Dialer
			upstream, err := dialer.DialContext(context.Background(), "tcp", fmt.Sprint("127.0.0.1:", server))
			if err != nil {
				_ = client.Close()
				continue
			}
			go pass(upstream, client, func(said []byte) {
				if bytes.Contains(said, []byte(statement)) {
					asked.Store(true)
				}
			})
			go pass(client, upstream, func(_ []byte) {
				if asked.CompareAndSwap(true, false) {
					held()
				}
			})
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(into []byte) (int, error) { return f(into) }
