// The frame of a section: its name, how its reading went, and what it shows.

import { element, foldOnPhones, keyed, setHidden, setText } from './dom.js';
import { ago, counted, instant, integer } from './format.js';
import { report } from './envelope.js';
import { answered, reading } from './words.js';

export class Section {
  // known tells whether the last answer says anything about the section.
  known = false;

  // cut tells whether the list in it is not the whole one.
  cut = false;

  // idle is what an empty list means, once it was read. A section that folds is
  // closed on a phone until it is opened.
  constructor(key, title, { idle = null, folds = true } = {}) {
    this.key = key;
    this.idle = idle;
    const id = `section-${key}`;
    this.number = element('span', { class: 'count' });
    this.status = element('span', { class: 'reading' });
    this.tools = element('div', { class: 'tools' });
    this.notes = element('ul', { class: 'notes' });
    this.fillNotes = keyed(this.notes, () => element('li'));
    this.empty = element('p', { class: 'empty' });
    this.body = element('div', { class: 'body' });
    const details = element('details', { open: '' },
      element('summary', {}, element('h2', { id: `${id}-title` }, title), this.number, this.status), this.tools, this.notes, this.empty, this.body);
    if (folds) foldOnPhones(details);
    this.element = element('section', { id, 'aria-labelledby': `${id}-title`, 'data-section': key }, details);
  }

  // update shows how the reading went. rows is the length of the section's list,
  // or null if it has none.
  update(envelope, rows) {
    const read = report(envelope, this.key);
    this.known = read === null || answered(read);
    this.cut = read?.truncated === true;
    this.element.dataset.status = read?.status ?? '';
    setText(this.status, headline(read));
    this.fillNotes(read === null ? [] : notesOf(read, envelope.generated_at), (note) => note.slice(0, 12), setText);
    setHidden(this.notes, this.notes.childElementCount === 0);
    const message = this.#emptiness(rows);
    setHidden(this.empty, message === '');
    setText(this.empty, message);
    setHidden(this.body, !this.known);
    setHidden(this.tools, !this.known || !rows);
  }

  // count says beside the name how long the list is, and how much of it is found.
  count(all, found) {
    setText(this.number, !this.known ? '' : found === all ? integer(all) : `${integer(found)} of ${integer(all)}`);
    if (all === 0 || !this.known) return;
    setHidden(this.empty, found > 0);
    setText(this.empty, found > 0 ? '' : 'None is what is looked for.');
  }

  // many says how long the section's list is.
  many(list) {
    if (!this.known) return null;
    return `${this.cut ? 'first ' : ''}${integer(list.length)}`;
  }

  #emptiness(rows) {
    if (!this.known) return 'Nothing is known of it at this moment.';
    return rows === 0 && this.idle !== null ? this.idle : '';
  }
}

function headline(read) {
  if (read === null) return '';
  return read.code === null || read.code === read.status ? read.status : `${read.status} · ${read.code}`;
}

function notesOf(read, now) {
  const notes = [];
  if (read.status !== 'ok' || read.code !== null) notes.push(sentence(reading(read)));
  if (read.truncated) notes.push(`The list was cut: these are the first ${counted(read.rows, 'row', 'rows')}, and there are more.`);
  if (read.anomalies > 0) notes.push(`${counted(read.anomalies, 'cell', 'cells')} could not be read and ${read.anomalies === 1 ? 'is' : 'are'} shown as unknown.`);
  if (read.as_of) notes.push(`What is shown is as of ${instant(read.as_of)}, ${ago(read.as_of, now)}.`);
  return notes;
}

const sentence = (text) => `${text[0].toUpperCase()}${text.slice(1)}.`;
