package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/orchmetrics/orchmetrics/ports"
)

// GPU is one line of the file.
type GPU struct {
	Name       string `json:"name"`
	MemoryMiB  int64  `json:"memory_mib"`
	UsePercent int64  `json:"use_percent"`
}

// GPUs is the section. Its file is what some other program writes now and then:
//
//	nvidia-smi --query-gpu=name,memory.used,utilization.gpu --format=csv,noheader,nounits
type GPUs struct {
	Path string
}

var (
	_ ports.Section = (*GPUs)(nil)
	_ ports.Timed   = (*GPUs)(nil)
	_ ports.Paced   = (*GPUs)(nil)

	_ ports.Measured = (*GPUs)(nil)
)

// Key is the envelope's key.
func (*GPUs) Key() string { return "gpus" }

// Default is what the envelope shows when the file cannot be read.
func (*GPUs) Default() any { return []GPU{} }

// Timeout gives the file up sooner than the service would.
func (*GPUs) Timeout() time.Duration { return 200 * time.Millisecond }

// MinInterval spares the file: it is not written more often.
func (*GPUs) MinInterval() time.Duration { return 2 * time.Second }

// Collect reads the file. Whatever goes wrong here stays here.
func (g *GPUs) Collect(context.Context) (any, error) {
	file, err := os.Open(g.Path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	lines := csv.NewReader(file)
	lines.FieldsPerRecord = 3
	lines.TrimLeadingSpace = true
	gpus := []GPU{}
	for {
		line, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read GPUs: %w", err)
		}
		memory, memoryErr := strconv.ParseInt(line[1], 10, 64)
		use, useErr := strconv.ParseInt(line[2], 10, 64)
		if err := errors.Join(memoryErr, useErr); err != nil {
			return nil, fmt.Errorf("read GPUs: %w", err)
		}
		gpus = append(gpus, GPU{Name: line[0], MemoryMiB: memory, UsePercent: use})
	}
	rows := int64(len(gpus))
	return ports.Collected{Value: gpus, Rows: &rows}, nil
}

// Metrics makes metrics for Prometheus of what the section shows. Two GPUs of one
// name are told apart by their place in the list.
func (*GPUs) Metrics(_ context.Context, value json.RawMessage) ([]ports.Metric, error) {
	var gpus []GPU
	if err := json.Unmarshal(value, &gpus); err != nil {
		return nil, fmt.Errorf("read GPUs: %w", err)
	}
	labels := []string{"gpu", "name"}
	memory := ports.Metric{Name: "memory_used_bytes", Help: "Memory in use.", Type: ports.Gauge, Labels: labels}
	use := ports.Metric{Name: "use_ratio", Help: "Share of the time in which the GPU worked.", Type: ports.Gauge, Labels: labels}
	for i, gpu := range gpus {
		of := []string{strconv.Itoa(i), gpu.Name}
		memory.Points = append(memory.Points, ports.Point{Labels: of, Value: float64(gpu.MemoryMiB << 20)})
		use.Points = append(use.Points, ports.Point{Labels: of, Value: float64(gpu.UsePercent) / 100})
	}
	return []ports.Metric{memory, use}, nil
}
