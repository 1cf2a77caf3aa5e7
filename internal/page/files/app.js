// The page: asks for the envelope, and shows it.

import { makeAgents } from './agents.js';
import { makeCost } from './cost.js';
import { byId, setHidden, setText } from './dom.js';
import { complaint, extensions, parse, switchedOff } from './envelope.js';
import { makeExtensions } from './extensions.js';
import { instant } from './format.js';
import { Poller } from './poll.js';
import { makeQueue } from './queue.js';
import { makeReading } from './reading.js';
import { Section } from './section.js';
import { makeStages } from './stages.js';
import { show, State } from './status.js';

const every = 2000; // milliseconds between polls
const overdue = 3 * every;
const patience = 65_000; // no scrape takes more than a minute

const core = [
  [new Section('agents', 'Agents', 'No job is running.'), makeAgents, (envelope) => envelope.agents?.length ?? null],
  [new Section('stages', 'Tasks', 'No task is active.'), makeStages, (envelope) => envelope.stages?.length ?? null],
  [new Section('queue', 'Queue'), makeQueue, () => null],
  [new Section('cost', 'Cost'), makeCost, () => null],
].map(([section, make, rows]) => {
  byId('core').append(section.element);
  const update = make(section);
  return (envelope) => {
    section.update(envelope, rows(envelope));
    update(envelope);
  };
});
const showExtensions = makeExtensions(byId('extensions'));
const showReading = makeReading(byId('reading-body'));

function showEnvelope(envelope) {
  for (const update of core) update(envelope);
  showExtensions(envelope, extensions(envelope));
  showReading(envelope);
  setText(byId('generated'), instant(envelope.generated_at));
}

function receive(text) {
  let envelope;
  try {
    envelope = parse(text);
  } catch {
    return state.bad({ words: 'Not understood', cause: 'The answer is no JSON.' });
  }
  const wrong = complaint(envelope);
  if (wrong !== null) return state.bad({ words: 'Not understood', cause: wrong });
  const off = switchedOff(envelope);
  state.good(off);
  setHidden(byId('off'), !off);
  setHidden(byId('content'), off);
  if (!off) showEnvelope(envelope);
}

const state = new State(overdue);
const poller = new Poller('metrics', { every, patience }, ({ text, failure }) => {
  if (failure) state.bad(failure);
  else receive(text);
  show(state);
  document.documentElement.dataset.answers = String(++answers);
});
let answers = 0; // and failures; who drives the page can see that it has shown another

byId('pause').addEventListener('click', () => {
  poller.pause(!poller.paused);
  state.paused = poller.paused;
  setText(byId('pause'), poller.paused ? 'Resume' : 'Pause');
  show(state);
});

setInterval(() => {
  if (!document.hidden) show(state);
}, 1000);

show(state);
poller.start();
