package tests

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/orchmetrics/orchmetrics/internal/postgres/postgrestest"
)

// TestCompose: the service of deploy/compose can write nothing, and has no password in
// its environment.
func TestCompose(t *testing.T) {
	t.Parallel()
	var compose struct {
		Services map[string]struct {
			Environment map[string]string
			Secrets     []string
			PID         string `yaml:"pid"`
			User        string
			ReadOnly    bool     `yaml:"read_only"` //nolint:tagliatelle // as compose has it
			CapDrop     []string `yaml:"cap_drop"`  //nolint:tagliatelle // the same
			Ports       []string
		}
		Secrets map[string]map[string]string
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, "deploy/compose/compose.yaml")), &compose))
	s := compose.Services["orchmetrics"]
	assert.True(t, s.ReadOnly)
	assert.Equal(t, []string{"ALL"}, s.CapDrop)
	assert.NotContains(t, []string{"", "0", "root", "0:0"}, s.User)
	assert.Equal(t, "service:orchestrator", s.PID, "the pids of the database are those of the orchestrator")
	assert.Equal(t, []string{"127.0.0.1:9099:9099"}, s.Ports)
	assert.NotContains(t, s.Environment["ORCH_DB"], ":@", "no password")
	assert.Equal(t, "/run/secrets/"+s.Secrets[0], s.Environment["ORCH_DB_PASSWORD_FILE"])
	assert.Contains(t, compose.Secrets, s.Secrets[0])
	known := settings()
	for name := range s.Environment {
		assert.Contains(t, known, name)
	}
}

// TestCompose_Role runs the script that makes the role on a real server.
func TestCompose_Role(t *testing.T) {
	t.Parallel()
	server := postgrestest.Shared(t)
	admin := server.Connect(t, "postgres", "postgres")
	postgrestest.Exec(t, admin, "CREATE DATABASE orchestrator")
	secret := filepath.Join(t.TempDir(), "orchmetrics")
	require.NoError(t, os.WriteFile(secret, []byte("it's secret\n"), 0o600))
	script := strings.ReplaceAll(read(t, "deploy/compose/role.sh"), "/run/secrets/orchmetrics", secret)
	cmd := exec.CommandContext(t.Context(), "sh")
	cmd.Stdin = strings.NewReader(script)
	cmd.Env = append(os.Environ(), "PGHOST=127.0.0.1", "PGPORT="+strconv.Itoa(server.Port), "POSTGRES_USER=postgres", "POSTGRES_DB=orchestrator")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	postgrestest.Exec(t, server.Connect(t, "postgres", "orchestrator"), "CREATE TABLE later (id bigint)")
	reader := server.Connect(t, "orchmetrics", "orchestrator")
	postgrestest.Exec(t, reader, "SELECT id FROM later", "SET default_transaction_read_only = off")
	_, err = reader.Exec(t.Context(), "INSERT INTO later VALUES (1)")
	require.ErrorContains(t, err, "42501", "a right that it lacks, whatever the session says")
}
