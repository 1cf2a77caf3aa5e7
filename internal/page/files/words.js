// What the words of `sections` mean. docs/operations.md says what to do.

const statuses = {
  ok: 'all of it was read',
  degraded: 'part of it is missing',
  failed: 'it could not be read',
  timeout: 'it did not answer in time',
  disabled: 'it is not asked: ORCH_SECTIONS_DISABLED names it',
};

const codes = {
  db_missing: 'there is no database where it is looked for',
  db_permission: 'the database may not be read by this user, or not without a risk to its owner; or its server refuses the role',
  db_not_live: 'the database holds commits that only the orchestrator can recover; it seems to be stopped',
  db_busy: 'the database was locked, or changed while it was read, or takes no more connections',
  db_corrupt: 'the database is damaged, or is no SQLite database',
  db_unreadable: 'the database is no regular file, or the disk failed',
  counting: 'a large history is being summed for the first time; more is known with each answer',
  recounting: 'rows that had ended have changed; sums are possibly wrong, and being read again',
  unreadable_cells: 'a sum leaves out cells that are not numbers',
  source_unreachable: 'a source that is reached over a network does not answer',
  not_in_profile: 'the profile does not say where to find it',
  schema_drift: 'the database lacks a table or a column that was expected',
  worker_state_missing: 'the worker’s snapshot is not where it is looked for',
  worker_state_invalid: 'the worker’s snapshot, or a part of it, makes no sense, or may not be read',
  proc_unreadable: 'the processes, or some of them, cannot be read',
  timeout: 'there was no answer within the time that a section has',
  stuck: 'an earlier reading still hangs, so no new one was begun',
  panic: 'the service has a bug; its log says where',
  invalid_value: 'there was a value that its field cannot hold',
  key_refused: 'the file’s name is no key, or the key of another section',
  file_unreadable: 'the file or its directory cannot be read',
  too_large: 'the file is larger than a section may be',
  too_many: 'there are more files than may be shown',
  not_recorded: 'the recording that is played has nothing for it',
  source_failed: 'its source failed; the service’s log has the cause',
};

// remedies are what to do, without the paths that the log and `api doctor` know.
const remedies = {
  db_missing: 'Set ORCH_DB to the orchestrator’s database, or start the orchestrator; the page finds it by itself.',
  db_permission: 'Run the service as the orchestrator’s user.',
  db_not_live: 'Start the orchestrator.',
  db_busy: 'Nothing, if it passes; else look for who holds a lock on the database.',
  db_corrupt: 'Check ORCH_DB, and run PRAGMA integrity_check on a copy.',
  db_unreadable: 'Check ORCH_DB and the disk.',
  counting: 'Wait: each answer does a part of it.',
  recounting: 'Wait: it passes by itself.',
  source_unreachable: 'Check its address and the network.',
  schema_drift: 'Is the orchestrator older or newer than expected? The log names what is missing.',
  worker_state_missing: 'Start the worker, or check ORCH_WORKER_STATE_FILE.',
  proc_unreadable: 'Check ORCH_PROC_ROOT.',
  timeout: 'If it stays: is the disk slow, or a large table without an index?',
  stuck: 'Look for a file system that hangs.',
  panic: 'Report it, with the log.',
  key_refused: 'Rename the file.',
  file_unreadable: 'Check ORCH_SECTIONS_DIR and its rights.',
  too_large: 'Its writer should show less.',
  too_many: 'Remove some of the files.',
};

const lookUp = (words, word) => (Object.hasOwn(words, word) ? words[word] : null);

// reading says in a sentence how the reading of a section went.
export function reading(report) {
  const status = lookUp(statuses, report.status) ?? report.status;
  if (report.code === null || report.code === undefined) return status;
  const code = lookUp(codes, report.code) ?? 'the service’s documentation has this code';
  return report.code === report.status || report.status === 'disabled' ? code : `${status}: ${code}`;
}

// remedy is what to do about a code.
export const remedy = (code) => lookUp(remedies, code ?? '') ?? 'api doctor, run as the service is, says more.';

// answered tells whether the section's value means anything.
export const answered = (report) => report?.status !== 'failed' && report?.status !== 'timeout' && report?.status !== 'disabled';

export const knownCodes = () => Object.keys(codes);
export const knownStatuses = () => Object.keys(statuses);
