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
		/^[a-z\/]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Test

.PHONY: test
test: ## Run all tests
	go test ./...

# The detector does not look into C, so SQLite need not be compiled with the
# usual care a second time.
.PHONY: race
race: ## Run all tests with the race detector
	CGO_CFLAGS=-O1 go test -race ./...

.PHONY: golden
golden: ## Rewrite the golden files; read the diff before you commit it
	go test ./tests -run Golden -count=1 -update

.PHONY: bench
bench: ## Run all benchmarks
	go test -run '^$$' -bench . -benchmem ./...

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
generate: generate/wire generate/mocks ## Run every generate/*

.PHONY: generate/wire
generate/wire: ## Write wire_gen.go from wire.go
	go tool wire gen .

# The folder is replaced as a whole, so that the mock of a removed port goes too.
.PHONY: generate/mocks
generate/mocks: ## Write mocks/ from ports/
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	$(call write-mocks,$$tmp/mocks) && rm -rf mocks && cp -R "$$tmp/mocks" mocks

##@ Verify (each generate/* has its verify/*; none of them changes a file)

.PHONY: verify
verify: verify/wire verify/mocks verify/tidy verify/format ## Run every verify/*

.PHONY: verify/wire
verify/wire: ## Check that wire_gen.go is what wire.go gives
	@go tool wire diff . || { echo 'wire_gen.go is stale: run "make generate/wire"' >&2; exit 1; }

.PHONY: verify/mocks
verify/mocks: ## Check that mocks/ holds the mock of every port and nothing else
	@tmp=$$(mktemp -d) && trap 'rm -rf "$$tmp"' EXIT && \
	$(call write-mocks,$$tmp/mocks) && { diff -ru mocks "$$tmp/mocks" || \
		{ echo 'mocks/ is stale or has an orphan: run "make generate/mocks"' >&2; exit 1; }; }

.PHONY: verify/tidy
verify/tidy: ## Check that go.mod and go.sum are tidy
	@go mod tidy -diff || { echo 'go.mod or go.sum is untidy: run "go mod tidy"' >&2; exit 1; }

.PHONY: verify/format
verify/format: $(GOLANGCI_LINT) ## Check that all Go code is formatted
	@$(GOLANGCI_LINT) fmt --diff || { echo 'code is not formatted: run "make format"' >&2; exit 1; }

##@ All of it

.PHONY: ci
ci: test race lint verify ## Run what CI runs
