// What it costs.

import { byId, element, setHidden, setText } from './dom.js';
import { fact, makeFacts } from './facts.js';
import { counted, duration, integer, text, usd } from './format.js';
import { Table } from './table.js';

const tokens = [
  ['input_tokens', 'Input'], ['output_tokens', 'Output'], ['cache_read_tokens', 'Cache read'], ['cache_creation_tokens', 'Cache written'],
];

export function makeCost(section) {
  const totals = makeTotals();
  const since = element('p', { class: 'note', id: 'cost-since' });
  const meter = new Meter();
  section.body.append(element('h3', {}, 'All runs of all times'), totals.facts.element, since, totals.models.element);

  return (envelope) => {
    const total = envelope.cost?.aggregate ?? {};
    totals.update(total, envelope.cost?.by_model ?? []);
    setText(since, meter.read(envelope, section.known));
    setHidden(since, since.textContent === '');
    setText(byId('glance-cost'), usd(total.cost_usd));
    setText(byId('glance-runs'), total.runs === undefined ? '' : counted(total.runs, 'run', 'runs'));
  };
}

function makeTotals() {
  const facts = makeFacts();
  const models = new Table({
    caption: 'By model',
    key: (one) => JSON.stringify([one.model, one.models ?? null]),
    columns: [
      { title: 'Model', field: 'model', show: nameOf },
      { title: 'Runs', field: 'runs', number: true, show: (one) => integer(one.runs) },
      { title: 'Cost', field: 'cost_usd', number: true, show: (one) => usd(one.cost_usd) },
      ...tokens.map(([field, title]) => ({ title: `${title} tokens`, field, number: true, show: (one) => integer(one[field]) })),
    ],
  });
  const update = (total, byModel) => {
    facts.update([
      fact('aggregate.cost_usd', 'Cost', usd(total.cost_usd)),
      fact('aggregate.runs', 'Runs', integer(total.runs)),
      ...tokens.map(([field, title]) => fact(`aggregate.${field}`, `${title} tokens`, integer(total[field]))),
    ]);
    models.update(byModel);
  };
  return { facts, models, update };
}

// A null model is unknown, or, with how many they are, all those that are not named.
function nameOf(one) {
  if (one.model !== null) return text(one.model);
  return one.models ? counted(one.models, 'other model', 'other models') : null;
}

// Meter has what was spent since the page was opened.
class Meter {
  #first = null;

  // read says it in words; of nothing, if it is not known. After a restart of the
  // service it goes on: the totals are the database's.
  read(envelope, known) {
    const now = { at: envelope.clock?.unix_ms ?? null, cost: envelope.cost?.aggregate?.cost_usd ?? null, output: envelope.cost?.aggregate?.output_tokens ?? null };
    if (!known || now.at === null || now.cost === null || envelope.sections?.cost?.code === 'recounting') return '';
    if (this.#first === null || now.at < this.#first.at || now.cost < this.#first.cost) this.#first = now;
    const passed = (Number(now.at) - Number(this.#first.at)) / 1000, spent = Number(now.cost) - Number(this.#first.cost);
    if (passed < 1) return '';
    const written = now.output === null || this.#first.output === null ? '' : `, ${integer(Number(now.output) - Number(this.#first.output))} output tokens`;
    const hourly = spent > 0 ? `, ${usd((spent / passed) * 3600)} an hour` : '';
    return `Since this page was opened, ${duration(Math.round(passed))} ago: ${usd(spent)}${hourly}${written}.`;
  }
}
