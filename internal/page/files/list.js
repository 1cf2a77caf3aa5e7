// A table of many rows that all have one height, of which those in sight are there.

import { element, keyed, setAttribute, setHidden, setText } from './dom.js';

// few rows are there all at once; of more, these many besides those in sight.
const few = 50, spare = 12;

// List has columns of {title, field, number, sort, make, show}: make fills a new cell,
// show changes it, and sort is the name of the order that a press on the title asks
// for. Of the rows only the key is known here.
export class List {
  #rows = [];
  #height = 0; // of a row
  #first = 0;
  #reserved = 0;
  #width = 0;
  #waiting = false;
  #fill;

  // order is an Order of find.js.
  constructor({ caption, className, columns, order }) {
    this.columns = columns;
    this.order = order;
    this.heads = columns.map((column) => heading(column, order));
    this.body = element('tbody', { role: 'rowgroup' });
    this.above = spacer();
    this.below = spacer();
    this.table = element('table', { role: 'table', class: `list ${className}`, 'aria-label': caption },
      element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...this.heads)), this.above, this.body, this.below);
    this.box = element('div', { class: 'scroll', role: 'region', 'aria-label': caption, tabindex: '0' }, this.table);
    this.element = this.box;
    this.#fill = keyed(this.body, () => element('tr', { role: 'row' }, ...columns.map(cell)));
    this.box.addEventListener('scroll', () => this.#soon(), { passive: true });
    new ResizeObserver(() => this.#resized()).observe(this.table);
  }

  // update shows rows. What the reader looks at stays where it is, unless the order is
  // another one: then the list begins at its top.
  update(rows, anew) {
    const anchor = anew ? null : this.#anchor();
    if (anew) this.#reserved = 0;
    this.#rows = rows;
    setHidden(this.box, rows.length === 0);
    setAttribute(this.table, 'aria-rowcount', String(rows.length + 1));
    this.heads.forEach((head, i) => showOrder(head, this.columns[i], this.order));
    if (rows.length === 0) return this.#fill([], keyOf, () => {});
    if (anew) this.box.scrollTop = 0;
    else if (anchor !== null) this.#hold(anchor);
    this.#draw();
    this.#reserve();
  }

  // anchor is the first row in sight, and how far it is scrolled.
  #anchor() {
    if (this.box.scrollTop === 0 || this.#height === 0) return null;
    const at = Math.floor(this.box.scrollTop / this.#height);
    return { key: this.#rows[at]?.key, within: this.box.scrollTop - at * this.#height };
  }

  #hold({ key, within }) {
    const at = this.#rows.findIndex((row) => row.key === key);
    if (at < 0) return;
    this.#space(this.#rows.length); // so that there is where to scroll to
    this.box.scrollTop = at * this.#height + within;
  }

  // The height of a row is that of the screen's width, and not of what is in it.
  #resized() {
    if (this.#width === this.table.clientWidth) return;
    this.#width = this.table.clientWidth;
    this.#height = 0;
    if (this.#rows.length > 0) this.#draw();
  }

  #soon() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      if (this.#rows.length > few && this.#range().first !== this.#first) this.#draw();
    });
  }

  // range is which rows are there; it moves by steps, so that a little scrolling
  // changes nothing.
  #range() {
    const many = this.#rows.length;
    if (many <= few || this.#height === 0) return { first: 0, last: Math.min(many, few) };
    const top = Math.floor(this.box.scrollTop / this.#height / spare) * spare - spare;
    const first = Math.max(0, Math.min(top, many - spare));
    return { first, last: Math.min(many, first + Math.ceil(this.box.clientHeight / this.#height) + 3 * spare) };
  }

  #draw() {
    const { first, last } = this.#range();
    this.#first = first;
    this.#fill(this.#rows.slice(first, last), keyOf, (node, row) => this.#show(node, row));
    [...this.body.rows].forEach((node, i) => setAttribute(node, 'aria-rowindex', String(first + i + 2)));
    if (this.#height === 0) this.#height = this.body.rows[0].getBoundingClientRect().height;
    this.#space(first, this.#rows.length - last);
  }

  #space(above, below = 0) {
    for (const [node, rows] of [[this.above, above], [this.below, below]]) {
      node.rows[0].style.blockSize = `${rows * this.#height}px`;
      setHidden(node, rows === 0);
    }
  }

  // reserve keeps the place of a few rows that are gone, for those that come next, so
  // that what is below does not move.
  #reserve() {
    if (this.#rows.length > few) return;
    this.#reserved = Math.max(this.#rows.length, Math.min(this.#reserved, this.#rows.length + 2));
    this.box.style.minBlockSize = this.#reserved > this.#rows.length && this.#reserved <= 8 ? `${this.box.offsetHeight - this.#free() + (this.#reserved - this.#rows.length) * this.#height}px` : '';
  }

  #free() {
    return Math.max(0, this.box.clientHeight - this.table.offsetHeight);
  }

  // show shows a row, which each answer has its own of: until the next one scrolling
  // changes nothing in those that are there.
  #show(node, row) {
    if (node.row === row) return;
    node.row = row;
    setAttribute(node, 'data-key', row.key);
    this.columns.forEach((column, i) => column.show(row, node.children[i].parts, node));
  }
}

const keyOf = (row) => row.key;

const spacer = () => element('tbody', { class: 'spacer', 'aria-hidden': 'true', hidden: '' }, element('tr', {}, element('td')));

// A press on a title orders by it, a second one the other way round.
function heading(column, order) {
  const head = element('th', { role: 'columnheader', scope: 'col', class: classOf(column) });
  const button = element('button', { type: 'button', class: 'order' }, column.title);
  button.addEventListener('click', () => order.press(column.sort));
  head.append(button);
  return head;
}

function showOrder(head, column, order) {
  const direction = order.by !== column.sort ? null : order.down ? 'descending' : 'ascending';
  setAttribute(head, 'aria-sort', direction);
}

// The roles are those that the elements have anyway: browsers take them away where a
// narrow screen shows each row as a block.
function cell(column, i) {
  const [tag, role, scope] = i === 0 ? ['th', 'rowheader', { scope: 'row' }] : ['td', 'cell', {}];
  const node = element(tag, { role, ...scope, class: classOf(column), 'data-field': column.field });
  node.parts = column.make(node);
  return node;
}

const classOf = (column) => `${column.number ? 'number' : ''} of-${column.field}`;

// lines makes a line for each of these names in a cell, and returns them by name.
export function lines(cell, ...names) {
  const parts = {};
  for (const name of names) {
    parts[name] = element('span', { class: 'line', 'data-part': name });
    cell.append(parts[name]);
  }
  return parts;
}

// setLine shows a text in one line, all of it on hover.
export function setLine(node, text, more = text) {
  setText(node, text);
  setAttribute(node, 'title', more === null || more.length < 12 && more === text ? null : more);
}
