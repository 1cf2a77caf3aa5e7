package domain

import (
	"encoding/json"
	"strconv"
	"time"
)

// The lists of the core are encoded by hand, since they are most of an answer,
// and reflection would be most of its cost. What is written is what encoding/json
// would write; a test compares the two.

// appendList writes a list whose elements append themselves. It is false if one
// of them cannot be written so.
func appendList[T any](dst []byte, list []T, appendTo func([]byte, *T) ([]byte, bool)) ([]byte, bool) {
	dst = append(dst, '[')
	for i := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		var ok bool
		if dst, ok = appendTo(dst, &list[i]); !ok {
			return nil, false
		}
	}
	return append(dst, ']'), true
}

func appendStage(dst []byte, s *Stage) ([]byte, bool) {
	dst = appendText(append(dst, `{"work_item":`...), s.WorkItem)
	dst = appendText(append(dst, `,"stage":`...), &s.Stage)
	dst = appendInt(append(dst, `,"age_in_stage_s":`...), s.AgeInStageS)
	dst = appendText(append(dst, `,"repo":`...), s.Repo)
	dst = appendInt(append(dst, `,"task_id":`...), &s.TaskID)
	dst = appendRef(dst, "task_ref", s.TaskRef)
	return append(dst, '}'), true
}

func appendAgent(dst []byte, a *Agent) (_ []byte, ok bool) {
	dst = appendText(append(dst, `{"agent":`...), a.Agent)
	dst = appendInt(append(dst, `,"run_id":`...), a.RunID)
	dst = appendInt(append(dst, `,"job_id":`...), &a.JobID)
	dst = appendText(append(dst, `,"repo":`...), a.Repo)
	dst = appendInt(append(dst, `,"pid":`...), a.PID)
	dst = appendInt(append(dst, `,"runtime_s":`...), a.RuntimeS)
	dst = appendText(append(dst, `,"model":`...), a.Model)
	dst = appendText(append(dst, `,"effort":`...), a.Effort)
	dst = appendInt(append(dst, `,"cpu_ticks":`...), a.CPUTicks)
	dst, ok = appendProcess(append(dst, `,"process":`...), a.Process)
	dst = appendInt(append(dst, `,"task_id":`...), a.TaskID)
	dst = appendText(append(dst, `,"work_item":`...), a.WorkItem)
	dst = appendText(append(dst, `,"host":`...), a.Host)
	dst = appendRef(dst, "job_ref", a.JobRef)
	dst = appendRef(dst, "run_ref", a.RunRef)
	dst = appendRef(dst, "task_ref", a.TaskRef)
	return append(dst, '}'), ok
}

func appendProcess(dst []byte, p *Process) (_ []byte, ok bool) {
	if p == nil {
		return append(dst, "null"...), true
	}
	dst = appendText(append(dst, `{"status":`...), (*string)(&p.Status))
	dst = appendText(append(dst, `,"state":`...), p.State)
	dst = appendInt(append(dst, `,"start_ticks":`...), p.StartTicks)
	dst, ok = appendTime(append(dst, `,"started_at":`...), p.StartedAt)
	dst = appendInt(append(dst, `,"threads":`...), p.Threads)
	dst = appendInt(append(dst, `,"rss_bytes":`...), p.RSSBytes)
	dst = appendInt(append(dst, `,"children_cpu_ticks":`...), p.ChildrenCPUTicks)
	dst = appendInt(append(dst, `,"tree_cpu_ticks":`...), p.TreeCPUTicks)
	dst = appendInt(append(dst, `,"tree_processes":`...), p.TreeProcesses)
	dst = appendInt(append(dst, `,"sampled_boottime_ms":`...), p.SampledBoottimeMS)
	dst = appendInt(append(dst, `,"started_after_job_s":`...), p.StartedAfterJobS)
	dst = appendInt(append(dst, `,"run_ns":`...), p.RunNS)
	dst = appendInt(append(dst, `,"time_slices":`...), p.TimeSlices)
	dst = appendInt(append(dst, `,"read_bytes":`...), p.ReadBytes)
	dst = appendInt(append(dst, `,"written_bytes":`...), p.WrittenBytes)
	dst = appendInt(append(dst, `,"tree_run_ns":`...), p.TreeRunNS)
	dst = appendInt(append(dst, `,"tree_time_slices":`...), p.TreeTimeSlices)
	dst = appendInt(append(dst, `,"tree_read_bytes":`...), p.TreeReadBytes)
	dst = appendInt(append(dst, `,"tree_written_bytes":`...), p.TreeWrittenBytes)
	return append(dst, '}'), ok
}

// appendRef leaves out what there is not.
func appendRef(dst []byte, key string, ref *string) []byte {
	if ref == nil {
		return dst
	}
	return appendText(append(append(append(dst, `,"`...), key...), `":`...), ref)
}

func appendInt(dst []byte, n *int64) []byte {
	if n == nil {
		return append(dst, "null"...)
	}
	return strconv.AppendInt(dst, *n, 10)
}

func appendTime(dst []byte, at *time.Time) ([]byte, bool) {
	switch {
	case at == nil:
		return append(dst, "null"...), true
	case at.Location() != time.UTC || !Showable(*at):
		return nil, false
	default:
		dst = at.AppendFormat(append(dst, '"'), time.RFC3339Nano)
		return append(dst, '"'), true
	}
}

// appendText leaves texts that need escaping to encoding/json.
func appendText(dst []byte, text *string) []byte {
	if text == nil {
		return append(dst, "null"...)
	}
	for i := range len(*text) {
		switch c := (*text)[i]; {
		case c < ' ', c == '"', c == '\\', c == '<', c == '>', c == '&', c > '~':
			escaped, err := json.Marshal(*text)
			if err != nil {
				return append(dst, `""`...) // a string can always be encoded
			}
			return append(dst, escaped...)
		}
	}
	dst = append(append(dst, '"'), *text...)
	return append(dst, '"')
}
