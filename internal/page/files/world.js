// What the lists of an envelope say of each other: which ticket an agent is on, what
// its run has cost, which agents are at work on a task. And what has just ended.

import { activity } from './activity.js';
import { History } from './cpu.js';
import { report } from './envelope.js';
import { answered } from './words.js';

// linger is how many answers an agent that has ended is still shown for.
const linger = 3;

export class World {
  history = new History();
  agents = []; // rows: {key, agent, task, run, doing, last, ended}
  tasks = []; // rows: {key, task, agents}
  #instance = null;

  // take reads an answer, once.
  take(envelope) {
    const agents = envelope.agents ?? [];
    this.history.record(envelope, agents);
    const tasks = new Map((envelope.stages ?? []).map((task) => [task.task_id, { key: String(task.task_id), task, agents: [] }]));
    const runs = new Map((envelope.cost?.running ?? []).map((run) => [run.job_id, run]));
    const rows = agents.map((agent) => this.#row(agent, tasks, runs));
    this.agents = this.#known(envelope) ? withEnded(rows, this.agents) : rows;
    this.tasks = [...tasks.values()];
  }

  #row(agent, tasks, runs) {
    const task = tasks.get(agent.task_id ?? null) ?? null;
    const last = this.history.last(agent);
    const row = { key: String(agent.job_id), agent, task: task?.task ?? null, run: runs.get(agent.job_id) ?? {}, last, doing: activity(agent, last), ended: 0 };
    task?.agents.push(row);
    return row;
  }

  // known tells whether an agent that an answer does not have has ended.
  #known(envelope) {
    const read = report(envelope, 'agents');
    const same = this.#instance === envelope.instance?.id;
    this.#instance = envelope.instance?.id;
    return same && (read === null || answered(read)) && read?.truncated !== true;
  }
}

// withEnded leaves those that have just ended where they were.
function withEnded(rows, before) {
  const now = new Set(rows.map((row) => row.key));
  const all = [...rows];
  before.forEach((row, i) => {
    if (now.has(row.key) || row.ended >= linger) return;
    const next = before.slice(i + 1).find((later) => now.has(later.key));
    const at = next === undefined ? all.length : all.findIndex((one) => one.key === next.key);
    all.splice(at, 0, { ...row, ended: row.ended + 1, last: null, doing: { kind: 'ended', words: 'ended' } });
  });
  return all;
}

export const ticketOf = ({ agent, task }) => agent.work_item ?? task?.work_item ?? null;
export const stageOf = ({ task }) => task?.stage ?? null;

// id is the source's own identifier where it is no number.
export const id = (thing, kind) => thing[`${kind}_ref`] ?? thing[`${kind}_id`] ?? null;
