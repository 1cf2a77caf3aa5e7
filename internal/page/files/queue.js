// What waits, and who drains it.

import { byId, element, setText } from './dom.js';
import { fact, makeFacts } from './facts.js';
import { ago, instant, integer, seconds, text } from './format.js';
import { breakerState } from './trouble.js';
import { makeTree, rowsOf } from './tree.js';

export function makeQueue(section) {
  const facts = makeFacts();
  const breaker = makeTree('The worker’s circuit breaker, as the worker wrote it');
  const heading = element('h3', {}, 'Circuit breaker');
  const noWorker = element('p', { class: 'empty', id: 'no-worker' });
  section.body.append(facts.element, heading, breaker.element, noWorker);

  return (envelope) => {
    const queue = envelope.queue ?? {};
    facts.update([...factsOf(queue), ...workerOf(queue, envelope.generated_at)]);
    const known = queue.breaker !== null && queue.breaker !== undefined;
    heading.hidden = !known;
    breaker.update(known ? rowsOf(queue.breaker) : []);
    setText(noWorker, silent(queue)
      ? 'Nothing is known of the worker: its breaker, concurrency and poll interval come from ORCH_WORKER_STATE_FILE.' : '');
    setText(byId('glance-depth'), integer(queue.depth));
    setText(byId('glance-breaker'), text(breakerState(queue.breaker)));
  };
}

// silent tells that nothing is known of the worker.
const silent = (queue) => ['breaker', 'max_concurrency', 'poll_interval', 'worker_updated_at'].every((field) => (queue[field] ?? null) === null);

function factsOf(queue) {
  if (!queue.counts && !queue.retries) return [fact('counts', 'Jobs', null)];
  return [
    ...Object.entries(queue.counts ?? { queued: queue.depth ?? null }).map(([status, jobs]) => fact(`counts.${status}`, `Jobs ${status}`, integer(jobs))),
    fact('retries.retried_jobs', 'Jobs retried', integer(queue.retries?.retried_jobs)),
    fact('retries.retries_total', 'Retries', integer(queue.retries?.retries_total)),
    fact('retries.max_attempts_seen', 'Max attempts', integer(queue.retries?.max_attempts_seen)),
  ];
}

function workerOf(queue, now) {
  if (silent(queue)) return [];
  const updated = queue.worker_updated_at;
  return [
    fact('max_concurrency', 'Max concurrency', integer(queue.max_concurrency)),
    fact('poll_interval', 'Poll interval', seconds(queue.poll_interval)),
    fact('worker_updated_at', 'Worker updated', ago(updated, now), instant(updated) ?? '', updated),
  ];
}
