// A table whose rows are changed in place, and which shows so many of them.

import { element, keyed, setHidden, setText } from './dom.js';
import { integer } from './format.js';

// step is how many rows are shown, and how many more at each press of the button.
const step = 100;

// Table has columns of {title, field, show, number}. show returns the text of a
// cell, or fills it and returns undefined. The first column names the row.
//
// The roles are those that the elements have anyway: browsers take them away
// where a narrow screen shows each row as a block.
export class Table {
  #limit = step;
  #rows = [];
  #fill;
  #more = element('button', { type: 'button', class: 'more' });

  constructor({ caption, columns, key, className = '' }) {
    this.columns = columns;
    this.key = key;
    const body = element('tbody', { role: 'rowgroup' });
    const table = element('table', { role: 'table', class: className },
      element('caption', {}, caption),
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...columns.map(heading))),
      body);
    this.element = element('div', { class: 'table' }, table, this.#more);
    this.#fill = keyed(body, () => element('tr', { role: 'row' }, ...columns.map(cell)));
    this.#more.addEventListener('click', () => this.#showMore());
  }

  // update shows rows; without any, the table is not there.
  update(rows) {
    this.#rows = rows;
    setHidden(this.element, rows.length === 0);
    this.#fill(this.shown(rows), this.key, (node, row) => this.#fillRow(node, row));
    this.#offerMore();
  }

  // shown are those of the rows that are shown.
  shown(rows) {
    return rows.slice(0, this.#limit);
  }

  #fillRow(node, row) {
    const id = String(this.key(row));
    if (node.dataset.key !== id) node.dataset.key = id;
    this.columns.forEach((column, i) => {
      const text = column.show(row, node.children[i]);
      if (text !== undefined) setText(node.children[i].lastChild, text);
    });
  }

  #offerMore() {
    const left = this.#rows.length - this.#limit;
    setHidden(this.#more, left <= 0);
    if (left > 0) setText(this.#more, `Show ${integer(Math.min(left, this.#step()))} more; ${integer(left)} are not shown`);
  }

  #showMore() {
    this.#limit += this.#step();
    const focus = document.activeElement === this.#more ? this.element.querySelector('table') : null;
    this.update(this.#rows);
    if (focus && this.#more.hidden) { // the button is gone: go on from the table
      focus.tabIndex = -1;
      focus.focus({ preventScroll: true });
    }
  }

  // The more rows there are, the more a press shows, up to a thousand.
  #step() {
    return Math.min(1000, Math.max(step, this.#limit * 4));
  }
}

const heading = (column) => element('th', { role: 'columnheader', scope: 'col', ...classOf(column) }, column.title);

function cell(column, i) {
  const [tag, role, scope] = i === 0 ? ['th', 'rowheader', { scope: 'row' }] : ['td', 'cell', {}];
  return element(tag, { role, ...scope, ...classOf(column), 'data-field': column.field, 'data-title': column.title }, element('span', { class: 'value' }));
}

const classOf = (column) => (column.number ? { class: 'number' } : {});
