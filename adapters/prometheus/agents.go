package exposition

import (
	"github.com/orchmetrics/orchmetrics/domain"
)

const (
	ifNoAgent   = "the job does not run, or the section `agents` failed"
	ifNoProcess = "the job has no pid yet; the process is gone, hidden or not to be read; " + ifNoAgent
)

// agents are the families of the section of the same name.
func agents() []Family {
	return append([]Family{
		{
			Name: "orchestrator_agent_info", Kind: Info,
			Help: "A running job, and the agent that works on it.",
			Labels: []string{
				"job_id", "agent", "run_id", "repo", "pid", "model", "effort", "task_id", "work_item", "host", "job_ref", "run_ref", "task_ref",
			},
			From: "agents[]", Absent: ifNoAgent,
			collect: func(e *answer, s *series) {
				for _, a := range e.Agents {
					s.add(1, id(a.JobID), text(a.Agent), optionalID(a.RunID), text(a.Repo), optionalID(a.PID), text(a.Model), text(a.Effort),
						optionalID(a.TaskID), text(a.WorkItem), text(a.Host), text(a.JobRef), text(a.RunRef), text(a.TaskRef))
				}
			},
		},
		{
			Name: "orchestrator_agent_runtime_seconds", Kind: Gauge, Unit: "seconds",
			Help:   "Time since the job was started. Negative if two clocks disagree.",
			Labels: []string{"job_id", "agent"},
			From:   "agents[].runtime_s", Absent: "its timestamp is missing or unreadable; " + ifNoAgent,
			collect: func(e *answer, s *series) {
				for _, a := range e.Agents {
					s.ifKnown(a.RuntimeS, id(a.JobID), text(a.Agent))
				}
			},
		},
	}, processes()...)
}

// processes are the families of the agents' processes. The pid is among their
// labels, so that a job that gets another process gets other series.
func processes() []Family {
	all := domain.ProcessStatuses()
	status := Family{
		Name: "orchestrator_agent_process_status", Kind: StateSet,
		Help:   "What is known of the agent's process.",
		Labels: []string{"job_id", "agent", "pid", "status"},
		From:   "agents[].process.status", Absent: "the job has no pid yet; " + ifNoAgent,
		collect: eachProcess(func(_ *answer, a *domain.Agent, s *series, labels ...string) {
			addState(s, a.Process.Status, all, labels...)
		}),
	}
	started := ofProcess(Family{
		Name: "orchestrator_agent_start_time_seconds", Kind: Gauge, Unit: "seconds",
		Help: "When the agent's process started, since 1970. Another value for the same pid is another process.",
		From: "agents[].process.started_at",
	}, func(_ *answer, a *domain.Agent) (float64, bool) {
		if a.Process.StartedAt == nil {
			return 0, false
		}
		return unix(*a.Process.StartedAt), true
	})
	after := number(Family{
		Name: "orchestrator_agent_started_after_job_seconds", Unit: "seconds",
		Help: "How long after its job the agent's process started, below 0 if before. Far from 0, the pid is a stranger's.",
		From: "agents[].process.started_after_job_s",
	}, func(a *domain.Agent) *int64 { return a.Process.StartedAfterJobS })
	after.Absent = "when the job or the process started is unknown; " + ifNoProcess
	return append([]Family{
		status,
		started,
		after,
		ticks(Counter, "orchestrator_agent_cpu_seconds_total", "Processor time of the agent's process itself, user and system.",
			"agents[].cpu_ticks", func(a *domain.Agent) *int64 { return a.CPUTicks }),
		ticks(Counter, "orchestrator_agent_children_cpu_seconds_total", "Processor time of children that ended and were waited for.",
			"agents[].process.children_cpu_ticks", func(a *domain.Agent) *int64 { return a.Process.ChildrenCPUTicks }),
		ticks(Gauge, "orchestrator_agent_tree_cpu_seconds", "Processor time of the process, its ended children and all its living descendants. "+
			"It falls when a child ends that nobody waits for.",
			"agents[].process.tree_cpu_ticks", func(a *domain.Agent) *int64 { return a.Process.TreeCPUTicks }),
		number(Family{
			Name: "orchestrator_agent_tree_processes", Help: "Processes of which the tree consists, the agent's included.",
			From: "agents[].process.tree_processes",
		}, func(a *domain.Agent) *int64 { return a.Process.TreeProcesses }),
		number(Family{
			Name: "orchestrator_agent_threads", Help: "Threads of the agent's process.",
			From: "agents[].process.threads",
		}, func(a *domain.Agent) *int64 { return a.Process.Threads }),
		number(Family{
			Name: "orchestrator_agent_resident_memory_bytes", Unit: "bytes", Help: "Resident memory of the agent's process.",
			From: "agents[].process.rss_bytes",
		}, func(a *domain.Agent) *int64 { return a.Process.RSSBytes }),
	}, activity()...)
}

// activity are the families of what moves when an agent lives and uses no processor time
// worth a tick. What falls when a thread or a process ends is a gauge.
func activity() []Family {
	const ifUncounted = "the kernel does not count it, or it may not be read; " + ifNoProcess
	nanoseconds := func(f Family, value func(*domain.Agent) *int64) Family {
		f.Kind, f.Unit = Gauge, "seconds"
		return ofProcess(f, func(_ *answer, a *domain.Agent) (float64, bool) {
			if n := value(a); n != nil {
				return float64(*n) / 1e9, true
			}
			return 0, false
		})
	}
	total := func(f Family, value func(*domain.Agent) *int64) Family {
		f = number(f, value)
		f.Kind = Counter
		return f
	}
	families := []Family{
		nanoseconds(Family{
			Name: "orchestrator_agent_run_seconds", Help: "Processor time of the threads that live, to the nanosecond. It falls when one ends.",
			From: "agents[].process.run_ns / 1e9",
		}, func(a *domain.Agent) *int64 { return a.Process.RunNS }),
		nanoseconds(Family{
			Name: "orchestrator_agent_tree_run_seconds", Help: "The same of the agent's process and all its living descendants.",
			From: "agents[].process.tree_run_ns / 1e9",
		}, func(a *domain.Agent) *int64 { return a.Process.TreeRunNS }),
		number(Family{
			Name: "orchestrator_agent_time_slices", Help: "How often the threads that live were given a processor. It falls when one ends.",
			From: "agents[].process.time_slices",
		}, func(a *domain.Agent) *int64 { return a.Process.TimeSlices }),
		number(Family{
			Name: "orchestrator_agent_tree_time_slices", Help: "The same of the agent's process and all its living descendants.",
			From: "agents[].process.tree_time_slices",
		}, func(a *domain.Agent) *int64 { return a.Process.TreeTimeSlices }),
		total(Family{
			Name: "orchestrator_agent_read_bytes_total", Unit: "bytes",
			Help: "Read by read(2) and its like, whatever from; recv(2) is not counted.",
			From: "agents[].process.read_bytes",
		}, func(a *domain.Agent) *int64 { return a.Process.ReadBytes }),
		total(Family{
			Name: "orchestrator_agent_written_bytes_total", Unit: "bytes",
			Help: "Written by write(2) and its like, whatever to; send(2) is not counted.",
			From: "agents[].process.written_bytes",
		}, func(a *domain.Agent) *int64 { return a.Process.WrittenBytes }),
		number(Family{
			Name: "orchestrator_agent_tree_read_bytes", Unit: "bytes",
			Help: "Read by the agent's process and all its living descendants. It falls when one ends that nobody waits for.",
			From: "agents[].process.tree_read_bytes",
		}, func(a *domain.Agent) *int64 { return a.Process.TreeReadBytes }),
		number(Family{
			Name: "orchestrator_agent_tree_written_bytes", Unit: "bytes",
			Help: "Written by the agent's process and all its living descendants. It falls when one ends that nobody waits for.",
			From: "agents[].process.tree_written_bytes",
		}, func(a *domain.Agent) *int64 { return a.Process.TreeWrittenBytes }),
	}
	for i := range families {
		families[i].Absent = ifUncounted
	}
	return families
}

// eachProcess calls fn for each agent that has a process.
func eachProcess(fn func(e *answer, a *domain.Agent, s *series, labels ...string)) func(*answer, *series) {
	return func(e *answer, s *series) {
		for i := range e.Agents {
			if a := &e.Agents[i]; a.Process != nil {
				fn(e, a, s, id(a.JobID), text(a.Agent), optionalID(a.PID))
			}
		}
	}
}

// ofProcess completes a family with one series for each process.
func ofProcess(f Family, value func(*answer, *domain.Agent) (float64, bool)) Family {
	f.Labels, f.Absent = []string{"job_id", "agent", "pid"}, ifNoProcess
	f.collect = eachProcess(func(e *answer, a *domain.Agent, s *series, labels ...string) {
		if v, known := value(e, a); known {
			s.add(v, labels...)
		}
	})
	return f
}

// number is a gauge of one number of each process.
func number(f Family, value func(*domain.Agent) *int64) Family {
	f.Kind = Gauge
	return ofProcess(f, func(_ *answer, a *domain.Agent) (float64, bool) {
		if n := value(a); n != nil {
			return float64(*n), true
		}
		return 0, false
	})
}

// ticks is processor time of each process. Where the platform has no tick, there
// is none.
func ticks(kind Kind, name, help, from string, value func(*domain.Agent) *int64) Family {
	f := Family{Name: name, Kind: kind, Unit: "seconds", Help: help, From: from + " / clk_tck"}
	return ofProcess(f, func(e *answer, a *domain.Agent) (float64, bool) { return seconds(value(a), e.ClkTck) })
}
