// How the reading of each section went, and who answered.

import { element, foldOnPhones, setText } from './dom.js';
import { fact, makeFacts } from './facts.js';
import { ago, instant, integer, milliseconds, text } from './format.js';
import { Table } from './table.js';
import { answered, reading } from './words.js';

export function makeReading(body) {
  const table = new Table({
    caption: 'Sections of the last answer',
    key: (row) => row.key,
    className: 'sections',
    columns: [
      { title: 'Section', field: 'key', show: (row) => row.key },
      { title: 'Status', field: 'status', show: showStatus },
      { title: 'Code', field: 'code', show: (row) => text(row.code) ?? '' },
      { title: 'Meaning', field: 'meaning', show: (row) => reading(row) },
      { title: 'Took', field: 'duration_ms', number: true, show: (row) => milliseconds(row.duration_ms) },
      { title: 'Rows', field: 'rows', number: true, show: (row) => integer(row.rows) ?? '–' },
      { title: 'Cut', field: 'truncated', show: (row) => (row.truncated ? 'yes' : 'no') },
      { title: 'Anomalies', field: 'anomalies', number: true, show: (row) => integer(row.anomalies) },
      { title: 'As of', field: 'as_of', show: (row) => instant(row.as_of) ?? (answered(row) ? 'this answer' : '–') },
      { title: 'Recounted', field: 'recounted_at', show: (row) => (row.recounted_at ? ago(row.recounted_at, row.now) : '–') },
    ],
  });
  foldOnPhones(body.parentElement);
  const facts = makeFacts();
  body.append(table.element, element('h3', {}, 'The service'), facts.element);

  return (envelope) => {
    table.update(rowsOf(envelope));
    facts.update(factsOf(envelope));
  };
}

// rowsOf has the sections in the order of the envelope, and then those that have
// no value in it.
function rowsOf(envelope) {
  const reports = new Map(Object.entries(envelope.sections ?? {}));
  const keys = new Set([...Object.keys(envelope).filter((key) => reports.has(key)), ...reports.keys()]);
  return [...keys].map((key) => ({ key, now: envelope.generated_at, ...reports.get(key) }));
}

function showStatus(row, cell) {
  cell.dataset.status = row.status;
  setText(cell.lastChild, row.status);
}

function factsOf(envelope) {
  const { instance = {}, clock = {} } = envelope;
  const started = instance.started_at;
  return [
    fact('generated_at', 'Answer of', instant(envelope.generated_at), '', envelope.generated_at),
    fact('instance.version', 'Version', text(instance.version)),
    fact('instance.started_at', 'Started', ago(started, envelope.generated_at), instant(started) ?? '', started),
    fact('instance.id', 'Instance', text(instance.id)),
    fact('clock.boot_id', 'Boot of the host', text(clock.boot_id)),
    fact('clk_tck', 'Clock ticks a second', integer(envelope.clk_tck)),
    fact('schema_version', 'Schema version', text(envelope.schema_version)),
  ];
}
