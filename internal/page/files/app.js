// The page: asks for the envelope, and shows it.

import { makeAgents } from './agents.js';
import { makeCost } from './cost.js';
import { byId, element, setHidden, setText, setTime } from './dom.js';
import { complaint, extensions, parse, switchedOff } from './envelope.js';
import { makeExtensions } from './extensions.js';
import { Finder } from './find.js';
import { instant } from './format.js';
import { listenToCopies, makeCopy, showCopy } from './links.js';
import { Poller } from './poll.js';
import { makeQueue } from './queue.js';
import { makeReading } from './reading.js';
import { Section } from './section.js';
import { show, State } from './status.js';
import { makeTasks } from './tasks.js';
import { showTroubles, troublesOf } from './trouble.js';
import { World } from './world.js';

const every = 2000; // milliseconds between polls
const overdue = 3 * every;
const patience = 65_000; // no scrape takes more than a minute

const world = new World();
const finder = new Finder(() => showEnvelope(shown, true));
const core = [
  [new Section('agents', 'Agents', { idle: 'No job is running.', folds: false }), makeAgents, (envelope) => envelope.agents?.length ?? null],
  [new Section('stages', 'Tasks', { idle: 'No task is active.', folds: false }), makeTasks, (envelope) => envelope.stages?.length ?? null],
  [new Section('queue', 'Queue'), makeQueue, () => null],
  [new Section('cost', 'Cost'), makeCost, () => null],
].map(([section, make, rows]) => {
  byId('core').append(section.element);
  const update = make(section, finder, world);
  return (envelope, found, anew) => {
    section.update(envelope, rows(envelope));
    update(envelope, found, anew);
  };
});
const showExtensions = makeExtensions(byId('extensions'));
const showReading = makeReading(byId('reading-body'));
let shown = null; // the envelope
let turns = 0; // how often it was begun to be shown

// breath lets the browser draw and scroll between two steps of a large answer.
const breath = () => new Promise((done) => { setTimeout(done); });

// showEnvelope shows it step by step; or anew and at once, if the reader looks for
// something else, which ends what was being shown.
async function showEnvelope(envelope, anew = false) {
  if (envelope === null) return;
  const turn = ++turns;
  const found = finder.found(world);
  finder.offer(world);
  setHidden(byId('clear'), !finder.narrows);
  for (const update of core) {
    update(envelope, found, anew);
    if (!anew) await breath();
    if (turn !== turns) return;
  }
  showExtensions(envelope, extensions(envelope));
  showReading(envelope);
  setTime(byId('generated'), envelope.generated_at, instant(envelope.generated_at));
}

async function receive(text) {
  let envelope;
  try {
    envelope = parse(text);
    await breath();
  } catch {
    return state.bad({ words: 'Not understood', cause: 'The answer is no JSON.' });
  }
  const wrong = complaint(envelope);
  if (wrong !== null) return state.bad({ words: 'Not understood', cause: wrong });
  const off = switchedOff(envelope);
  setHidden(byId('off'), !off);
  setHidden(byId('content'), off);
  if (!off) await take(envelope);
  state.good(off);
}

async function take(envelope) {
  world.take(envelope);
  shown = envelope;
  await breath();
  const troubles = troublesOf(envelope, world);
  state.troubles = troubles.length;
  showTroubles(troubles);
  await showEnvelope(envelope);
}

const state = new State(overdue);
const poller = new Poller('metrics', { every, patience }, async ({ text, failure }) => {
  try {
    if (failure) state.bad(failure);
    else await receive(text);
  } catch (fault) { // part of what is shown may be of the answer before
    state.bad({ words: 'Not understood', cause: 'This page cannot show all of the answer. Reload the page.' });
    throw fault;
  } finally {
    show(state);
    document.documentElement.dataset.answers = String(++answers);
  }
});
let answers = 0; // and failures; who drives the page can see that it has shown another

byId('pause').addEventListener('click', () => {
  poller.pause(!poller.paused);
  state.paused = poller.paused;
  setText(byId('pause'), poller.paused ? 'Resume' : 'Pause');
  show(state);
});

// A link to a section opens it.
function unfold() {
  const details = document.getElementById(location.hash.slice(1))?.querySelector('details');
  if (details) details.open = true;
}
addEventListener('hashchange', unfold);
unfold();

// What asks the same service in a terminal.
const here = new URL('.', location.href).href.replace(/\/$/, '');
for (const command of [`api top --url ${here}`, `api record --url ${here} > recording.jsonl`, 'api doctor']) {
  const copy = makeCopy();
  showCopy(copy, command, `Copy ${command}`);
  byId('commands').append(element('li', {}, element('code', {}, command), copy));
}
listenToCopies(byId('said'));

setInterval(() => {
  if (!document.hidden) show(state);
}, 1000);

show(state);
poller.start();
