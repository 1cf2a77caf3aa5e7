package tests

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// foundBy returns what a program says that it finds at its start, once it serves. A machine
// on which it finds nothing in time is asked again.
func foundBy(t *testing.T, env []string, args ...string) (found map[string]any) {
	t.Helper()
	for range 10 {
		if found = foundOnce(t, env, args...); !strings.Contains(fmt.Sprint(found), "no answer within") {
			break
		}
	}
	return found
}

func foundOnce(t *testing.T, env []string, args ...string) map[string]any {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program(t), append(args, "--listen=127.0.0.1:0", "--log-format=json")...)
	cmd.Dir, cmd.Env = t.TempDir(), append(os.Environ(), env...)
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	limit := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer limit.Stop()
	var found map[string]any
	serves := false // on a slow machine what was found is told after it
	for lines := bufio.NewScanner(stderr); (found == nil || !serves) && lines.Scan(); {
		var entry map[string]any
		require.NoError(t, json.Unmarshal(lines.Bytes(), &entry), lines.Text())
		assert.NotContains(t, lines.Text(), secret)
		if entry["msg"] == "found" {
			found = entry
		}
		serves = serves || entry["msg"] == "serving"
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_, _ = io.Copy(io.Discard, stderr)
	require.NoError(t, cmd.Wait())
	require.NotNil(t, found)
	for _, key := range []string{"time", "level", "msg"} {
		delete(found, key)
	}
	return found
}

// TestServe_SaysWhatItFound: the first lines of the log tell what there is to answer
// from, so that nobody has to ask for an answer to see that a path is wrong.
func TestServe_SaysWhatItFound(t *testing.T) {
	t.Parallel()
	db, env := wellHost(t)
	dir := filepath.Dir(db)
	says := func(database, worker, sections any) map[string]any {
		return map[string]any{
			"metrics_enabled": true, "tls": false, "password": false,
			"database": database, "worker_state": worker, "sections_dir": sections,
		}
	}
	check := func(what string, want, found map[string]any) {
		t.Helper()
		if proc, looked := found["proc"]; looked {
			assert.Regexp(t, `^/proc (sees all|hides other users') processes.*, (in|from) .* pid namespace`, proc, what)
		}
		delete(found, "proc")
		assert.Regexp(t, want["database"], found["database"], what)
		assert.Regexp(t, want["worker_state"], found["worker_state"], what)
		for _, of := range []map[string]any{want, found} {
			delete(of, "database")
			delete(of, "worker_state")
		}
		assert.Equal(t, want, found, what)
	}
	written := `^` + dir + `/worker.json: written \d+s ago, updated_at is \d+s ago$`
	check("stopped", says(`^`+db+`: stopped, WAL mode, [\d.]+ KiB$`, written, dir+"/sections: 1 files"), foundBy(t, env, "serve"))
	startWriter(t, db).run("UPDATE tasks SET repo = 'web';")
	env = append(env, "ORCH_DB=file:"+db+"?_auth_pass="+secret)
	check("live", says(`^`+db+`: live, WAL mode, `, written, dir+"/sections: 1 files"), foundBy(t, env, "serve"))
	check("nothing", says(`/orchestrator.db: there is no file$`, `^unset$`, "unset"), foundBy(t, nil, "serve"))
	check("demo", says(`/orch-demo-.*: live, WAL mode`, `: written \d+s ago`, "unset"), foundBy(t, nil, "demo", "--tick=1h"))
}

// TestServe_SaysWhatItFound_TouchesNothingElse: what is not asked is not looked at.
func TestServe_SaysWhatItFound_TouchesNothingElse(t *testing.T) {
	t.Parallel()
	web := filepath.Join(t.TempDir(), "web.yml")
	require.NoError(t, os.WriteFile(web, []byte("basic_auth_users:\n  reader: "+documentedHash(t)+"\n"), 0o600))
	env := []string{"ORCH_WEB_CONFIG_FILE=" + web}
	assert.Equal(t, map[string]any{"metrics_enabled": false, "tls": false, "password": true},
		foundBy(t, env, "serve", "--metrics-enabled=off"))
	assert.Equal(t, map[string]any{"metrics_enabled": true, "tls": false, "password": true, "fixture": "scenario:busy"},
		foundBy(t, env, "serve", "--fixture=scenario:busy"))
}

// TestServe_StartsBesideWhatHangs: no source keeps the service from its start.
func TestServe_StartsBesideWhatHangs(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var env []string
	for _, setting := range []string{"ORCH_DB", "ORCH_WORKER_STATE_FILE", "ORCH_SECTIONS_DIR", "ORCH_PROC_ROOT"} {
		path := filepath.Join(dir, setting)
		require.NoError(t, syscall.Mkfifo(path, 0o600)) // whoever opens it waits for a writer
		env = append(env, setting+"="+path)
	}
	s := startService(t, env, "serve")
	status, _ := s.get(t, "/livez")
	assert.Equal(t, 200, status)
	began := time.Now()
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	state, err := s.cmd.Process.Wait()
	require.NoError(t, err)
	assert.True(t, state.Success(), state)
	assert.Less(t, time.Since(began), 5*time.Second)
}
