package domain

// Code is one stable word for what went wrong. Codes are part of the contract:
// readers act on them. A code is itself an error, so that an adapter wraps it
// (fmt.Errorf("…: %w: %w", domain.CodeDBMissing, err)) and a reader of the error
// finds it with errors.As.
type Code string

// Error makes a code an error of its own.
func (c Code) Error() string { return string(c) }

// The codes of the core sections. docs/operations.md says of each what to do.
const (
	// CodeDBMissing: there is no file at the database's path, or no database of that
	// name on the server.
	CodeDBMissing Code = "db_missing"
	// CodeDBPermission: the file may not be read, or reading it could create
	// files that would lock its owner out; or the server refuses the role or its
	// password.
	CodeDBPermission Code = "db_permission"
	// CodeDBNotLive: a write-ahead log holds commits but its index is missing or
	// unusable, as after a crash; the orchestrator repairs it when it starts.
	CodeDBNotLive Code = "db_not_live"
	// CodeDBBusy: the database or a table is locked, or changed while it was read, or
	// the server takes no more connections.
	CodeDBBusy Code = "db_busy"
	// CodeDBCorrupt: the file is not a database, or a damaged one.
	CodeDBCorrupt Code = "db_corrupt"
	// CodeDBUnreadable: the database cannot be read for another reason (a directory,
	// an input/output error, a server without memory).
	CodeDBUnreadable Code = "db_unreadable"
	// CodeCounting: a large history is being summed for the first time; it is shown
	// when that is done.
	CodeCounting Code = "counting"
	// CodeRecounting: rows that had ended have changed, so that sums over them are
	// possibly wrong; they are shown, and being read again.
	CodeRecounting Code = "recounting"
	// CodeUnreadableCells: a sum leaves out cells that are not numbers.
	CodeUnreadableCells Code = "unreadable_cells"
	// CodeSourceUnreachable: a source that is reached over a network is not: there is no
	// server, it does not answer, or it starts or stops just now.
	CodeSourceUnreachable Code = "source_unreachable"
	// CodeNotInProfile: the profile does not say where to find it.
	CodeNotInProfile Code = "not_in_profile"
	// CodeSchemaDrift: a table or column is missing.
	CodeSchemaDrift Code = "schema_drift"
	// CodeWorkerStateMissing: there is no worker-state file at the set path, or
	// nothing has been published yet.
	CodeWorkerStateMissing Code = "worker_state_missing"
	// CodeWorkerStateInvalid: the worker's state is not what it should be.
	CodeWorkerStateInvalid Code = "worker_state_invalid"
	// CodeProcUnreadable: /proc could not be read at all.
	CodeProcUnreadable Code = "proc_unreadable"
	// CodeTimeout: there was no answer within the section's time.
	CodeTimeout Code = "timeout"
	// CodeStuck: an earlier reading has not come back yet, so no new one was begun.
	CodeStuck Code = "stuck"
	// CodePanic: the reading panicked; the log has the stack.
	CodePanic Code = "panic"
	// CodeInvalidValue: the section's value is not what its key promises, or
	// cannot be encoded.
	CodeInvalidValue Code = "invalid_value"
	// CodeKeyRefused: a section that came later may not have its key, since the
	// envelope or another section uses it, or since it is malformed.
	CodeKeyRefused Code = "key_refused"
	// CodeFileUnreadable: the file of a drop-in section, or their directory, cannot
	// be read: it is gone, not a regular file, not ours to read, or leads out of
	// the directory.
	CodeFileUnreadable Code = "file_unreadable"
	// CodeTooLarge: the file of a drop-in section is larger than may be, by itself or
	// with those before it, or so is the worker's breaker, or what a profile's query
	// needs to be run or returns in one cell.
	CodeTooLarge Code = "too_large"
	// CodeTooMany: there are more models than are told apart, or more drop-in sections than may be; those beyond, by
	// name, are not shown.
	CodeTooMany Code = "too_many"
	// CodeNotRecorded: the fixture has nothing for the section.
	CodeNotRecorded Code = "not_recorded"
	// CodeSourceFailed: any other failure; the log has the cause.
	CodeSourceFailed Code = "source_failed"
)
