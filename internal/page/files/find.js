// What the reader looks for, and in which order: all of it is in the page's address,
// so that what is seen can be shared.

import { kinds } from './activity.js';
import { byId, element, foldOnPhones, keyed, setText } from './dom.js';
import { ticketOf, stageOf, id } from './world.js';

// filters are the fields of a row of agents that one value can be chosen of.
const filters = {
  stage: { title: 'Stage', of: stageOf },
  repo: { title: 'Repo', of: ({ agent }) => agent.repo },
  agent: { title: 'Agent', of: ({ agent }) => agent.agent },
  model: { title: 'Model', of: ({ agent }) => agent.model },
  state: { title: 'State', of: ({ doing }) => doing.kind, words: (kind) => kinds[kind] ?? kind },
};

// Finder has what is looked for, and calls back when that changes.
export class Finder {
  #changed;
  #orders = {};
  #selects = {};

  constructor(changed) {
    this.#changed = changed;
    this.address = new URLSearchParams(location.search);
    this.search = byId('search');
    this.search.value = this.address.get('q') ?? '';
    this.search.addEventListener('input', () => this.set('q', this.search.value));
    for (const [name, filter] of Object.entries(filters)) this.#selects[name] = this.#makeSelect(name, filter);
    byId('clear').addEventListener('click', () => this.#clear());
    foldOnPhones(byId('filters'));
  }

  // set notes in the address what is looked for.
  set(name, value) {
    if (value === '' || value === null) this.address.delete(name);
    else this.address.set(name, value);
    const query = String(this.address);
    history.replaceState(null, '', (query === '' ? location.pathname : `?${query}`) + location.hash);
    this.#changed();
  }

  get(name) {
    return this.address.get(name);
  }

  #clear() {
    for (const name of ['q', ...Object.keys(filters)]) this.address.delete(name);
    this.search.value = '';
    this.set('q', '');
    this.search.focus();
  }

  #makeSelect(name, { title }) {
    const select = element('select', { id: `filter-${name}` });
    byId('filter-fields').append(element('label', { class: 'field' }, title, select));
    select.addEventListener('change', () => this.set(name, select.value));
    const fill = keyed(select, () => element('option'));
    return { select, fill };
  }

  // offer has the reader choose among what there is.
  offer(world) {
    for (const [name, { of, words = String }] of Object.entries(filters)) {
      const chosen = this.get(name);
      const values = new Set(world.agents.map(of));
      if (name === 'stage' || name === 'repo') world.tasks.forEach(({ task }) => values.add(task[name]));
      if (chosen !== null) values.add(chosen);
      values.delete(null);
      const { select, fill } = this.#selects[name];
      fill([null, ...[...values].sort(byName)], (value) => (value === null ? 'any' : `is ${value}`), (node, value) => {
        node.value = value ?? '';
        setText(node, value === null ? 'any' : shortened(words(value)));
      });
      if (select.value !== (chosen ?? '')) select.value = chosen ?? '';
    }
  }

  // narrows tells whether anything is left out.
  get narrows() {
    return ['q', ...Object.keys(filters)].some((name) => this.get(name));
  }

  // found are the agents and tasks that are looked for. A task has the agent, model
  // and state of those who are at work on it.
  found(world) {
    if (!this.narrows) return world;
    const words = (this.get('q') ?? '').toLowerCase().split(/\s+/).filter((word) => word !== '');
    const chosen = Object.entries(filters).filter(([name]) => this.get(name));
    const said = (text) => words.every((word) => text.includes(word));
    const agents = world.agents.filter((row) => chosen.every(([name, { of }]) => of(row) === this.get(name)) && said(textOfAgent(row)));
    const ofTask = ({ task, agents: on }, [name, { of }]) => (name === 'stage' || name === 'repo'
      ? task[name] === this.get(name) : on.some((row) => of(row) === this.get(name)));
    const tasks = world.tasks.filter((row) => chosen.every((filter) => ofTask(row, filter)) && said(textOfTask(row)));
    return { agents, tasks };
  }

  // order is that of one of the lists, kept under its name; sorts has {title, of, down}
  // by name: the value of a row, and whether the greatest shall be first. Without an
  // order the rows stay as they come.
  order(list, sorts) {
    return this.#orders[list] ??= new Order(this, list, sorts);
  }
}

class Order {
  constructor(finder, list, sorts) {
    Object.assign(this, { finder, list, sorts });
    this.select = element('select');
    this.element = element('label', { class: 'field sort' }, 'Sort by', this.select);
    this.select.append(element('option', { value: '' }, 'as they come'), ...Object.entries(sorts).flatMap(([name, { title, down }]) => (
      (down ? ['-', ''] : ['', '-']).map((sign) => element('option', { value: sign + name }, `${title} ${sign === '' ? '↑' : '↓'}`)))));
    this.select.addEventListener('change', () => finder.set(list, this.select.value));
  }

  get written() {
    const written = this.finder.get(this.list) ?? '';
    return Object.hasOwn(this.sorts, written.replace(/^-/, '')) ? written : '';
  }

  get by() { return this.written.replace(/^-/, ''); }
  get down() { return this.written.startsWith('-'); }

  // press orders by a name: its own way first, then the other, then not at all.
  press(by) {
    const own = this.sorts[by].down ? `-${by}` : by;
    const other = this.sorts[by].down ? by : `-${by}`;
    this.finder.set(this.list, this.written === own ? other : this.written === other ? '' : own);
  }

  apply(rows) {
    if (this.select.value !== this.written) this.select.value = this.written;
    return this.by === '' ? rows : sorted(rows, this.sorts[this.by].of, this.down ? -1 : 1);
  }
}

// sorted puts what is unknown last, whichever the direction.
function sorted(rows, valueOf, sign) {
  const keyed = rows.map((row) => ({ row, value: sortable(valueOf(row)) }));
  keyed.sort((a, b) => {
    if (a.value === null || b.value === null) return (a.value === null) - (b.value === null);
    return sign * (a.value < b.value ? -1 : a.value > b.value ? 1 : 0);
  });
  return keyed.map(({ row }) => row);
}

// sortable has ORCH-9 come before ORCH-10.
function sortable(value) {
  if (typeof value !== 'string') return value ?? null;
  return value.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(16, '0'));
}

const textOfAgent = (row) => textOf([
  ticketOf(row), stageOf(row), id(row.agent, 'job'), id(row.agent, 'run'), row.agent.agent, row.agent.repo, row.agent.model, row.agent.effort,
  row.agent.pid, row.agent.host, row.doing.words,
]);

const textOfTask = ({ task, agents }) => textOf([
  task.work_item, task.stage, task.repo, id(task, 'task'), ...agents.flatMap(({ agent }) => [agent.agent, agent.model]),
]);

const textOf = (parts) => parts.filter((part) => part !== null && part !== undefined).join('\n').toLowerCase();
const byName = (a, b) => (a < b ? -1 : 1);
const shortened = (text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);
