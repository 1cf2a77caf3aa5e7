// What waits, and who drains it.

import { byId, element, setText } from './dom.js';
import { fact, makeFacts } from './facts.js';
import { ago, instant, integer, seconds, text } from './format.js';
import { makeTree, rowsOf } from './tree.js';

export function makeQueue(section) {
  const facts = makeFacts();
  const breaker = makeTree('The worker’s circuit breaker, as the worker wrote it');
  section.body.append(facts.element, element('h3', {}, 'Circuit breaker'), breaker.element, element('p', { class: 'empty', id: 'no-breaker' }));

  return (envelope) => {
    const queue = envelope.queue ?? {};
    facts.update(factsOf(queue, envelope.generated_at));
    const known = queue.breaker !== null && queue.breaker !== undefined;
    breaker.update(known ? rowsOf(queue.breaker) : []);
    setText(byId('no-breaker'), known ? '' : null);
    setText(byId('glance-depth'), integer(queue.depth));
    setText(byId('glance-breaker'), text(stateOf(queue.breaker)));
  };
}

// stateOf is what most breakers call their state.
export const stateOf = (breaker) => (typeof breaker?.state === 'string' ? breaker.state : null);

function factsOf(queue, now) {
  const updated = queue.worker_updated_at;
  return [
    fact('depth', 'Depth', integer(queue.depth)),
    ...countsOf(queue.counts).map(([status, jobs]) => fact(`counts.${status}`, `Jobs ${status}`, integer(jobs))),
    fact('retries.retried_jobs', 'Jobs started again', integer(queue.retries?.retried_jobs)),
    fact('retries.retries_total', 'Starts beyond the first', integer(queue.retries?.retries_total)),
    fact('retries.max_attempts_seen', 'Most starts of one job', integer(queue.retries?.max_attempts_seen)),
    fact('max_concurrency', 'Agents at once, at most', integer(queue.max_concurrency)),
    fact('poll_interval', 'Worker polls every', seconds(queue.poll_interval)),
    fact('worker_updated_at', 'Worker’s last word', ago(updated, now), instant(updated) ?? ''),
  ];
}

// countsOf has the five statuses that there always are also when no count is known.
function countsOf(counts) {
  const unknown = { queued: null, running: null, done: null, failed: null, cancelled: null };
  return Object.entries(counts ?? unknown);
}
