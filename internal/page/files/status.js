// The line that says whether what is shown is what is.

import { byId, setAttribute, setHidden, setText } from './dom.js';
import { counted, duration } from './format.js';

// State is what the page knows of the service.
export class State {
  #answered = null; // when the last good answer came, on the wall clock in milliseconds
  #failure = null;
  paused = false;
  off = false;
  troubles = 0; // how many things are broken, as the last good answer says

  // overdue is the age in milliseconds from which on an answer is called old.
  constructor(overdue, now = Date.now) {
    this.overdue = overdue;
    this.now = now;
  }

  good(off) {
    this.#answered = this.now();
    this.#failure = null;
    this.off = off;
  }

  // bad notes in a word or two, and in a sentence, why there was no good answer.
  bad(failure) {
    this.#failure = failure;
  }

  // age is that of the last good answer in whole seconds; null if there is none.
  get age() {
    return this.#answered === null ? null : Math.max(0, Math.floor((this.now() - this.#answered) / 1000));
  }

  // describe has the kind of state, what it is in words, and, if what is shown is
  // not what is, a warning.
  describe() {
    const old = this.age !== null && this.age * 1000 >= this.overdue;
    if (this.#failure !== null) return { kind: 'lost', words: this.#failure.words, warning: this.#failure.cause };
    if (this.off && !old) return { kind: 'off', words: 'Switched off', warning: '' };
    if (this.paused) return { kind: 'paused', words: 'Paused', warning: old ? 'This page is paused.' : '' };
    if (this.age === null) return { kind: 'asking', words: 'Asking', warning: '' };
    if (old) return { kind: 'stale', words: 'No new answer', warning: 'The service has not answered for a while.' };
    if (this.troubles > 0) return { kind: 'trouble', words: counted(this.troubles, 'problem', 'problems'), warning: '' };
    return { kind: 'live', words: 'Live', warning: '' };
  }
}

// show writes the state to the page. What is announced changes with the state,
// not with each second.
export function show(state) {
  const { kind, words, warning } = state.describe();
  const page = document.documentElement;
  if (page.dataset.state !== kind) page.dataset.state = kind;
  setText(byId('state'), words);
  setAttribute(byId('to-trouble'), 'href', kind === 'trouble' ? '#trouble' : null);
  setText(byId('age'), ageOf(state, kind));
  setText(byId('warning-cause'), warning);
  setText(byId('warning-age'), state.age === null ? 'There was no answer yet.' : `What is shown is ${duration(state.age)} old.`);
  setHidden(byId('warning'), warning === '');
  const title = titleOf(kind, words);
  if (document.title !== title) document.title = title;
}

function titleOf(kind, words) {
  if (kind === 'live' || kind === 'asking') return 'orchmetrics';
  return `${kind === 'off' || kind === 'paused' ? '' : '▲ '}${words} · orchmetrics`;
}

function ageOf(state, kind) {
  if (state.age === null || kind === 'live' || kind === 'trouble' || kind === 'off') return '';
  return `last answer ${duration(state.age)} ago`;
}
