// What is being worked on.

import { byId, element, keyed, setText } from './dom.js';
import { counted, duration, text } from './format.js';
import { Table } from './table.js';

export function makeStages(section) {
  const summary = element('ul', { class: 'stages', 'aria-label': 'Tasks by stage' });
  const fill = keyed(summary, () => element('li', {},
    element('b', { class: 'stage' }), element('span', { class: 'many' }), element('span', { class: 'oldest' })));
  const table = new Table({
    caption: 'Active tasks, by stage and then by age',
    key: (task) => task.task_id,
    columns: [
      { title: 'Ticket', field: 'work_item', show: (task) => text(task.work_item) },
      { title: 'Stage', field: 'stage', show: (task) => text(task.stage) },
      { title: 'In stage', field: 'age_in_stage_s', number: true, show: (task) => duration(task.age_in_stage_s) },
      { title: 'Repo', field: 'repo', show: (task) => text(task.repo) },
      { title: 'Task', field: 'task_id', number: true, show: (task) => text(task.task_id) },
    ],
  });
  section.body.append(summary, table.element);

  return (envelope) => {
    const tasks = envelope.stages ?? [];
    fill(byStage(tasks), (group) => group.stage, showGroup);
    summary.hidden = tasks.length === 0;
    table.update(tasks.toSorted(order));
    setText(byId('glance-stages'), section.many(tasks));
  };
}

function showGroup(node, group) {
  node.dataset.key = group.stage;
  setText(node.children[0], group.stage);
  setText(node.children[1], counted(group.tasks, 'task', 'tasks'));
  setText(node.children[2], group.oldest === null ? 'ages unknown' : `oldest ${duration(group.oldest)}`);
}

// byStage counts the tasks of each stage, and has the greatest age that is known.
function byStage(tasks) {
  const groups = new Map();
  for (const { stage, age_in_stage_s: age } of tasks) {
    const group = groups.get(stage) ?? { stage, tasks: 0, oldest: null };
    group.tasks++;
    if (age !== null && (group.oldest === null || age > group.oldest)) group.oldest = age;
    groups.set(stage, group);
  }
  return [...groups.values()].sort((a, b) => compare(a.stage, b.stage));
}

// order puts the oldest of a stage first, and those of unknown age last.
function order(a, b) {
  return compare(a.stage, b.stage) || compare(a.age_in_stage_s === null, b.age_in_stage_s === null)
    || compare(b.age_in_stage_s, a.age_in_stage_s) || compare(a.task_id, b.task_id);
}

const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
