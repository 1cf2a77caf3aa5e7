package perf

import "encoding/json"

// Complete tells whether an answer has all its sums: while a large history is
// counted for the first time, they are null.
func Complete(answer []byte) bool {
	var envelope struct {
		Queue *struct {
			Counts map[string]int64 `json:"counts"`
		} `json:"queue"`
		Cost *struct {
			Aggregate *json.RawMessage `json:"aggregate"`
		} `json:"cost"`
	}
	return json.Unmarshal(answer, &envelope) == nil && envelope.Queue != nil && envelope.Queue.Counts != nil &&
		envelope.Cost != nil && envelope.Cost.Aggregate != nil
}
