// What is known to be broken: no value, and no threshold on one.

import { byId, element, keyed, setHidden, setText } from './dom.js';
import { counted } from './format.js';
import { answered, reading, remedy } from './words.js';
import { id, ticketOf } from './world.js';

// most is how many agents in trouble are named one by one.
const most = 5;

// troublesOf lists them: {key, words, remedy, links}.
export function troublesOf(envelope, world) {
  return [...sectionsOf(envelope), ...breakerOf(envelope), ...agentsOf(world)];
}

// Sections that fail for one reason are one trouble.
function sectionsOf(envelope) {
  const causes = new Map();
  for (const [key, read] of Object.entries(envelope.sections ?? {})) {
    if (read.status === 'ok' || read.status === 'disabled') continue;
    const cause = JSON.stringify([answered(read), read.code ?? read.status]);
    const trouble = causes.get(cause) ?? { key: cause, read, keys: [] };
    trouble.keys.push(key);
    causes.set(cause, trouble);
  }
  return [...causes.values()].map(({ key, read, keys }) => (
    { key, words: `${keys.map(titleOf).join(', ')}: ${reading(read)}`, remedy: remedy(read.code), to: `section-${Object.hasOwn(envelope, keys[0]) ? keys[0] : 'reading'}` }
  ));
}

const titles = { agents: 'Agents', stages: 'Tasks', queue: 'Queue', cost: 'Cost' };
const titleOf = (key) => (Object.hasOwn(titles, key) ? titles[key] : key);

function breakerOf(envelope) {
  const state = breakerState(envelope.queue?.breaker);
  if (state === null || state.toLowerCase() === 'closed') return [];
  return [{ key: 'breaker', words: `The worker’s circuit breaker is ${state}`, remedy: 'The worker starts fewer jobs, or none, until it closes.', to: 'section-queue' }];
}

// breakerState is what most breakers call their state.
export const breakerState = (breaker) => (typeof breaker?.state === 'string' ? breaker.state : null);

function agentsOf(world) {
  const broken = world.agents.filter((row) => row.doing.kind === 'trouble');
  const named = broken.slice(0, most).map((row) => (
    { key: `agent ${row.key}`, words: `${nameOf(row)}: ${row.doing.words}`, remedy: remedies[row.agent.process.status] ?? '', to: 'section-agents' }
  ));
  const more = broken.length - named.length;
  return more > 0 ? [...named, { key: 'agents', words: `${counted(more, 'more agent', 'more agents')} in trouble`, remedy: '', to: 'section-agents' }] : named;
}

const remedies = {
  gone: 'The job says that it is running, but there is no such process: did it crash, or does it run elsewhere?',
  zombie: 'The worker has not taken notice of its end.',
  hidden: 'Run the service as the agents’ user, or without hidepid.',
  foreign: 'The pid is not that of an agent: does it count in another pid namespace?',
};

const nameOf = (row) => [row.agent.agent ?? 'agent', ticketOf(row), `job ${id(row.agent, 'job')}`].filter((part) => part !== null).join(' · ');

const fill = keyed(byId('troubles'), () => element('li', {},
  element('a', {}), element('span', { class: 'remedy' })));

// showTroubles lists them above everything.
export function showTroubles(troubles) {
  setHidden(byId('trouble'), troubles.length === 0);
  fill(troubles, (one) => one.key, (node, { words, remedy: what, to }) => {
    node.children[0].hash = to;
    setText(node.children[0], words);
    setText(node.children[1], what);
  });
}
