# What a contributor runs. The words after two hashes beside a target are its
# line in `make help`; a line of two hashes and an at sign is a heading there.

.DEFAULT_GOAL := help

# Tools that would drag their own dependencies into go.mod are pinned here and
# built into a folder that git ignores. A new version gets a new folder, so that
# a raised pin is never overlooked. (wire and mockery are pinned in go.mod.)
GOLANGCI_LINT_VERSION := v2.15.0
GOLANGCI_LINT_DIR := $(CURDIR)/.tools/golangci-lint-$(GOLANGCI_LINT_VERSION)
GOLANGCI_LINT := $(GOLANGCI_LINT_DIR)/golangci-lint

$(GOLANGCI_LINT):
	GOBIN='$(GOLANGCI_LINT_DIR)' CGO_ENABLED=0 GOFLAGS= \
		go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_LINT_VERSION)

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z\/-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Test

.PHONY: test
test: ## Run all tests
	go test ./...

# The detector does not look into C, so SQLite need not be compiled with the usual care
# a second time. It does not look into other processes either: of the tests of the whole
# program those are run whose service is in this process.
.PHONY: race
race: ## Run all tests of code in this process with the race detector
	ORCHMETRICS_MODEL_POLLS=20 CGO_CFLAGS=-O1 go test -race $$(go list ./... | grep -v /tests)
	CGO_CFLAGS=-O1 go test -race -run '^Test(Curl|Scenarios|Golden|Readme|Replay|Text)' ./tests

# How long each fuzz target runs in `make chaos`, how often the sums are compared with
# SQL, and over how many rows: 100000,1000000 is both.
FUZZTIME := 30s
MODEL_POLLS := 300
MODEL_ROWS := 100000

.PHONY: chaos
chaos: ## Try what README promises: chaos suite, fuzz targets, hostile clients; print a table
	FUZZTIME=$(FUZZTIME) MODEL_POLLS=$(MODEL_POLLS) MODEL_ROWS=$(MODEL_ROWS) tests/chaos/run

.PHONY: screenshots
screenshots: ## Take pictures of the page in several states, sizes and colours, into .cache/screenshots
	go test ./tests/page -run 'TestPage_' -count=1

# How long the demo is scraped at least; `make test` is content with less.
SCRAPE_FOR := 30s

.PHONY: prometheus
prometheus: ## Let a real Prometheus (Debian: prometheus) scrape the demo for half a minute, and ask it for every metric
	ORCHMETRICS_SCRAPE_FOR=$(SCRAPE_FOR) go test ./tests -run '^(TestPrometheus|TestPromtool_)' -count=1

.PHONY: golden
golden: ## Rewrite the golden files; read the diff before you commit it
	go test ./tests ./adapters/prometheus ./adapters/profile -run '^TestGolden' -count=1 -update

##@ Measure (databases are generated once, into a folder that git ignores)

# The sizes of the databases: BENCH_ROWS=1000,1000000,10000000 adds the largest.
# For benchstat, set BENCH_FLAGS=-count=10 and keep the output.
BENCH_ROWS := 1000,1000000
BENCH_FLAGS :=

.PHONY: examples
examples: ## Test the examples that are modules of their own
	@for module in examples/*/go.mod; do (cd "$$(dirname "$$module")" && go test ./...) || exit 1; done

.PHONY: bench
bench: ## Run all benchmarks
	ORCHMETRICS_PERF_ROWS=$(BENCH_ROWS) go test -run '^$$' -bench . -benchmem -timeout 0 $(BENCH_FLAGS) ./...

.PHONY: bench-report
bench-report: ## Measure what the service must reach, and write docs/performance.md
	go run ./tests/perf/report -write docs/performance.md

.PHONY: bench-short
bench-short: ## Measure the same in five minutes, and print the table
	go run ./tests/perf/report -short

PROFILE_DIR := .cache/profile
PROFILE_TIME := 10s

.PHONY: profile
profile: ## Profile the service under load: processor and heap
	@mkdir -p $(PROFILE_DIR)
	go test ./tests/perf -run '^$$' -bench '^BenchmarkLoaded$$' -benchtime $(PROFILE_TIME) -timeout 0 -o $(PROFILE_DIR)/perf.test \
		-cpuprofile $(PROFILE_DIR)/cpu.out -memprofile $(PROFILE_DIR)/heap.out
	go tool pprof -top -cum -nodecount 60 $(PROFILE_DIR)/perf.test $(PROFILE_DIR)/cpu.out
	go tool pprof -top -nodecount 20 -sample_index alloc_space $(PROFILE_DIR)/perf.test $(PROFILE_DIR)/heap.out
	go tool pprof -top -nodecount 10 -sample_index inuse_space $(PROFILE_DIR)/perf.test $(PROFILE_DIR)/heap.out

##@ Install

# What the program says of itself. A build outside git names them:
# make static VERSION=v1.2.3 COMMIT=0123456789ab DATE=2026-06-01T12:00:00Z
VERSION ?= $(or $(shell git describe --tags --match 'v[0-9]*' 2>/dev/null),devel)
COMMIT ?= $(shell git describe --always --abbrev=12 --exclude '*' --dirty 2>/dev/null)
DATE ?= $(shell TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd 2>/dev/null)

# With SQLite and the C library in it, so that it runs in an empty container. The
# tags leave out what would load shared libraries at run time: the C library's
# look-up of names and users, and SQLite's extensions; and a codec of gin's that
# nothing here uses, which alone takes 6 MB of memory. Without the debugger's
# tables (-s -w) it is a third smaller; a stack trace needs none of them.
BIN := bin/api

.PHONY: static
static: ## Build bin/api as one file that needs no other
	CGO_ENABLED=1 go build -trimpath -buildvcs=false -tags netgo,osusergo,sqlite_omit_load_extension,nomsgpack \
		-ldflags '-s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE) -linkmode external -extldflags "-static"' \
		-o $(BIN) ./cmd/api

# As root it runs the image too, in namespaces of its own.
.PHONY: deploy/test
deploy/test: ## Build it as Dockerfile does, run it as the image, and check deploy/
	cd tests/deploy && go test -count=1 -v ./...

.PHONY: river
river: ## Try the profile of River on the real one, in a module of its own
	cd tests/river && go test -count=1 -v ./...

.PHONY: image
image: ## Build the container image, for which docker must run
	docker build --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) --build-arg DATE=$(DATE) --tag orchmetrics:$(VERSION) .

##@ Lint

.PHONY: lint
lint: lint/go lint/darwin ## Run every lint/*

.PHONY: lint/go
lint/go: $(GOLANGCI_LINT) ## Run golangci-lint
	$(GOLANGCI_LINT) run

# Of the dependencies only the types matter, so they are compiled the fast way.
.PHONY: lint/darwin
lint/darwin: ## Vet the build for a platform without /proc and without a C compiler
	GOOS=darwin CGO_ENABLED=0 go vet -gcflags='all=-N -l' ./...

.PHONY: format
format: $(GOLANGCI_LINT) ## Format all Go code
	$(GOLANGCI_LINT) fmt

##@ Generate

# $(call write-mocks,FOLDER): writes all mocks into a folder.
write-mocks = sed "s|^dir: .*|dir: $(1)|" .mockery.yaml > "$(1).yaml" && \
	go tool mockery --config "$(1).yaml" --log-level warn && test -d "$(1)"

.PHONY: generate
generate: generate/wire generate/mocks generate/schema generate/metrics ## Run every generate/*

.PHONY: generate/wire
generate/wire: ## Write wire_gen.go from wire.go
	go tool wire gen .

# The folder is replaced as a whole, so that the mock of a removed port goes too.
.PHONY: generate/mocks
generate/mocks: ## Write mocks/ from ports/
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	$(call write-mocks,$$tmp/mocks) && rm -rf mocks && cp -R "$$tmp/mocks" mocks

.PHONY: generate/schema
generate/schema: ## Write docs/schema/v1.json from domain/
	@tmp=$$(mktemp) && trap 'rm -f "$$tmp"' EXIT && go run ./internal/contract/gen > "$$tmp" && cat "$$tmp" > docs/schema/v1.json

.PHONY: generate/metrics
generate/metrics: ## Write docs/metrics.md from the descriptions in adapters/prometheus
	@tmp=$$(mktemp) && trap 'rm -f "$$tmp"' EXIT && go run ./internal/contract/genmetrics > "$$tmp" && cat "$$tmp" > docs/metrics.md

.PHONY: release-schema
release-schema: verify/schema ## Freeze the schema: from now on readers rely on it
	cp docs/schema/v1.json docs/schema/v1.released.json

##@ Verify (each generate/* has its verify/*; none of them changes a file)

.PHONY: verify
verify: verify/wire verify/mocks verify/schema verify/metrics verify/tidy verify/format ## Run every verify/*

.PHONY: verify/wire
verify/wire: ## Check that wire_gen.go is what wire.go gives
	@go tool wire diff . || { echo 'wire_gen.go is stale: run "make generate/wire"' >&2; exit 1; }

.PHONY: verify/mocks
verify/mocks: ## Check that mocks/ holds the mock of every port and nothing else
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	$(call write-mocks,$$tmp/mocks) && { diff -ru mocks "$$tmp/mocks" || \
		{ echo 'mocks/ is stale or has an orphan: run "make generate/mocks"' >&2; exit 1; }; }

.PHONY: verify/schema
verify/schema: ## Check that the schema is up to date and breaks no reader of the released one
	@go run ./internal/contract/gen | diff -u docs/schema/v1.json - || \
		{ echo 'docs/schema/v1.json is stale: run "make generate/schema"' >&2; exit 1; }
	@go run ./internal/contract/gen -released docs/schema/v1.released.json

.PHONY: verify/metrics
verify/metrics: ## Check that docs/metrics.md is up to date
	@go run ./internal/contract/genmetrics | diff -u docs/metrics.md - || \
		{ echo 'docs/metrics.md is stale: run "make generate/metrics"' >&2; exit 1; }

.PHONY: verify/tidy
verify/tidy: ## Check that go.mod and go.sum are tidy
	@for module in go.mod examples/*/go.mod tests/deploy/go.mod tests/river/go.mod; do (cd "$$(dirname "$$module")" && go mod tidy -diff) || \
		{ echo "$$module or its go.sum is untidy: run \"go mod tidy\" beside it" >&2; exit 1; }; done

.PHONY: verify/format
verify/format: $(GOLANGCI_LINT) ## Check that all Go code is formatted
	@$(GOLANGCI_LINT) fmt --diff || { echo 'code is not formatted: run "make format"' >&2; exit 1; }

##@ All of it

.PHONY: ci
ci: test race prometheus chaos examples deploy/test river lint verify ## Run what CI runs
