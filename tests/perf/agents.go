package perf

import (
	"errors"
	"os/exec"
)

// Agents are real processes that sleep, one for each running job, so that
// reading /proc is part of what is measured.
type Agents []*child

// StartAgents starts them. They end when this process does: they wait for
// standard input.
func StartAgents() (Agents, error) {
	var agents Agents
	for range runningJobs {
		agent, err := startChild(exec.Command("cat"))
		if err != nil {
			return nil, errors.Join(err, agents.Close())
		}
		agents = append(agents, agent)
	}
	return agents, nil
}

func (a Agents) pids() []int {
	pids := make([]int, len(a))
	for i, agent := range a {
		pids[i] = agent.cmd.Process.Pid
	}
	return pids
}

// Close ends them.
func (a Agents) Close() error {
	var errs []error
	for _, agent := range a {
		errs = append(errs, agent.close())
	}
	return errors.Join(errs...)
}
