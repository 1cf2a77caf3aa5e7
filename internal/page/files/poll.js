// Asking again and again: one request at a time, none while nobody looks.

// withdrawn is why a request is aborted that nobody waits for any more.
const withdrawn = 'withdrawn';

// Poller asks a URL, and hands each outcome to the listener, for which it waits: {text}
// of an answer of 200, or {failure} with the words and the cause for there being none.
export class Poller {
  #url;
  #listener;
  #every;
  #patience;
  #timer = null;
  #request = null; // the AbortController of the one under way
  #paused = false;

  // every is the pause between an answer and the next question, patience how long
  // an answer may take, both in milliseconds.
  constructor(url, { every, patience }, listener) {
    this.#url = url;
    this.#every = every;
    this.#patience = patience;
    this.#listener = listener;
  }

  get paused() {
    return this.#paused;
  }

  start() {
    document.addEventListener('visibilitychange', () => this.#changed());
    this.#changed();
  }

  pause(paused) {
    this.#paused = paused;
    this.#changed();
  }

  get #wanted() {
    return !this.#paused && !document.hidden;
  }

  #changed() {
    clearTimeout(this.#timer);
    if (!this.#wanted) this.#request?.abort(withdrawn);
    else if (this.#request === null) this.#ask();
  }

  async #ask() {
    const request = new AbortController();
    this.#request = request;
    const impatience = setTimeout(() => request.abort(), this.#patience);
    const outcome = await answerOf(this.#url, request.signal);
    clearTimeout(impatience);
    try {
      if (request.signal.reason !== withdrawn) await this.#listener(outcome);
    } finally { // whatever is wrong with one answer, the next one may do
      this.#request = null;
      if (request.signal.reason === withdrawn) this.#changed();
      else this.#timer = setTimeout(() => this.#ask(), this.#every);
    }
  }
}

async function answerOf(url, signal) {
  try {
    const response = await fetch(url, { signal, cache: 'no-store', credentials: 'same-origin', headers: { Accept: 'application/json' } });
    const text = await response.text();
    return response.ok ? { text } : failure('Refused', refusal(response, text));
  } catch {
    return signal.aborted ? failure('No answer', 'The service did not answer in time.') : failure('Unreachable', 'The service cannot be reached.');
  }
}

const failure = (words, cause) => ({ failure: { words, cause } });

function refusal(response, text) {
  let said = '';
  try {
    const { error } = JSON.parse(text);
    said = error?.message ? ` (${error.code}: ${error.message})` : '';
  } catch {
    // a proxy's own page, perhaps
  }
  return `The service answers with status ${response.status}${said}.`;
}
