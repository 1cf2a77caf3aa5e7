// What it costs.

import { byId, element, setText } from './dom.js';
import { fact, makeFacts } from './facts.js';
import { counted, integer, text, usd } from './format.js';
import { Table } from './table.js';

const tokens = [
  ['input_tokens', 'Input'], ['output_tokens', 'Output'], ['cache_read_tokens', 'Cache read'], ['cache_creation_tokens', 'Cache written'],
];

export function makeCost(section) {
  const facts = makeFacts();
  const table = new Table({
    caption: 'Runs under way; a run’s figures are unknown until its report is in',
    key: (run) => run.job_id,
    columns: [
      { title: 'Agent', field: 'agent', show: (run) => text(run.agent) },
      { title: 'Job', field: 'job_id', number: true, show: (run) => text(run.job_id) },
      { title: 'Run', field: 'run_id', number: true, show: (run) => text(run.run_id) },
      { title: 'Cost', field: 'cost_usd', number: true, show: (run) => usd(run.cost_usd) },
      ...tokens.map(([field, title]) => ({ title: `${title} tokens`, field, number: true, show: (run) => integer(run[field]) })),
    ],
  });
  section.body.append(element('h3', {}, 'All runs of all times'), facts.element, table.element);

  return (envelope) => {
    const total = envelope.cost?.aggregate ?? {};
    facts.update(factsOf(total));
    table.update(envelope.cost?.running ?? []);
    setText(byId('glance-cost'), usd(total.cost_usd));
    setText(byId('glance-runs'), total.runs === undefined ? '' : counted(total.runs, 'run', 'runs'));
  };
}

function factsOf(total) {
  return [
    fact('aggregate.runs', 'Runs', integer(total.runs)),
    fact('aggregate.cost_usd', 'Cost', usd(total.cost_usd)),
    ...tokens.map(([field, title]) => fact(`aggregate.${field}`, `${title} tokens`, integer(total[field]))),
  ];
}
