// What an agent's process does, as a kind for style sheets and filters, and in words.
// There is no threshold in it: a counter has moved between two answers, or not.

import { duration } from './format.js';

// kinds are what an agent can be doing, in the order in which they sort: what needs
// a look first.
export const kinds = {
  trouble: 'in trouble',
  still: 'still',
  waits: 'waiting, wakes up',
  children: 'waiting on its children',
  works: 'working',
  other: 'not known',
  ended: 'ended',
};

const troubles = {
  gone: 'process is gone',
  zombie: 'ended, not waited for',
  hidden: 'hidden process',
  foreign: 'a kernel thread',
};

const states = {
  R: 'running', S: 'sleeping', D: 'waiting for a disk', Z: 'ended, not waited for', T: 'stopped', t: 'traced', I: 'idle', X: 'dead',
};

// activity tells it from what /proc said in the last answer, and from what moved
// since the one before. It has the word of the kernel, too, if there is one.
export function activity(agent, last) {
  const { process } = agent;
  if (agent.pid === null) return { kind: 'other', words: 'no process yet' };
  if (!process) return { kind: 'other', words: null };
  if (Object.hasOwn(troubles, process.status)) return { kind: 'trouble', words: troubles[process.status] };
  if (process.status === 'remote') return { kind: 'other', words: 'on another host' };
  if (process.status === 'unsupported') return { kind: 'other', words: 'unsupported here' };
  if (process.status !== 'ok') return { kind: 'other', words: process.status };
  const kernel = Object.hasOwn(states, process.state ?? '') ? states[process.state] : null;
  return { ...moved(process.state, kernel, last), kernel: kernel ?? (process.state === null ? 'there' : `state ${process.state}`) };
}

function moved(state, kernel, last) {
  if (['D', 'T', 't', 'X'].includes(state)) return { kind: 'other', words: kernel };
  if (last?.own > 0) return { kind: 'works', words: 'working' };
  if (last?.own === 0 && last.tree > 0) return { kind: 'children', words: kinds.children };
  if (last?.own === 0 && last.tree === 0) return atRest(last);
  return { kind: 'other', words: kernel ?? (state === null ? 'there' : `state ${state}`) };
}

// atRest: CPU is counted in hundredths of a second, which says nothing of who only
// wakes up to look at what came in; time slices do.
function atRest(last) {
  if (last.slices > 0) return { kind: 'waits', words: kinds.waits };
  if (last.slices === 0 && last.still > 0) return { kind: 'still', words: `still for ${seconds(last.still)}` };
  if (last.slices === null && last.still > 0) return { kind: 'still', words: `no CPU for ${seconds(last.still)}` };
  return { kind: 'waits', words: kinds.waits };
}

const seconds = (ms) => duration(Math.round(ms / 1000));
