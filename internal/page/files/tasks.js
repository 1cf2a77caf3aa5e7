// What is being worked on.

import { byId, element, keyed, setAttribute, setText } from './dom.js';
import { counted, duration, text } from './format.js';
import { makeTicket, showTicket } from './links.js';
import { lines, List, setLine } from './list.js';
import { Pipeline } from './pipeline.js';
import { id } from './world.js';

const sorts = {
  ticket: { title: 'Ticket', of: ({ task }) => task.work_item },
  stage: { title: 'Stage', of: ({ place }) => place },
  age: { title: 'Time in stage', of: ({ task }) => task.age_in_stage_s, down: true },
  repo: { title: 'Repo', of: ({ task }) => task.repo },
  agent: { title: 'Agent', of: ({ agents }) => agents[0]?.agent.agent },
  task: { title: 'Task', of: ({ task }) => task.task_id },
};

export function makeTasks(section, finder, world) {
  const pipeline = new Pipeline();
  const stages = makeStages(finder);
  const order = finder.order('tasks', sorts);
  const list = new List({ caption: 'Active tasks', className: 'tasks', columns, order });
  section.tools.append(order.element);
  section.body.append(stages.element, list.element);
  let taken = null;

  return (envelope, found, anew) => {
    const tasks = envelope.stages ?? [];
    if (taken !== envelope && section.known) pipeline.take(tasks);
    taken = envelope;
    const places = new Map(pipeline.order.map((stage, i) => [stage, i]));
    found.tasks.forEach((row) => { row.place = places.get(row.task.stage); });
    stages.update(tasks, places);
    list.update(order.by === '' ? asInPipeline(order.apply(found.tasks)) : order.apply(found.tasks), anew);
    section.count(world.tasks.length, found.tasks.length);
    setText(byId('glance-stages'), section.many(tasks));
  };
}

// asInPipeline puts the stages in their order, and the oldest of a stage first.
const asInPipeline = (rows) => rows.toSorted((a, b) => a.place - b.place || age(b) - age(a));
const age = ({ task }) => (task.age_in_stage_s === null ? -Infinity : Number(task.age_in_stage_s));

const columns = [
  { title: 'Ticket', field: 'ticket', sort: 'ticket', make: (cell) => cell.appendChild(makeTicket()), show: ({ task }, ticket) => showTicket(ticket, task.work_item) },
  { title: 'Stage', field: 'stage', sort: 'stage', make: (cell) => lines(cell, 'stage'), show: ({ task }, { stage }) => setLine(stage, text(task.stage)) },
  { title: 'In stage', field: 'age', sort: 'age', number: true, make: (cell) => lines(cell, 'age'), show: ({ task }, { age: node }) => setText(node, duration(task.age_in_stage_s)) },
  { title: 'Agent', field: 'agents', sort: 'agent', make: (cell) => lines(cell, 'agents'), show: showAgents },
  { title: 'Repo', field: 'repo', sort: 'repo', make: (cell) => lines(cell, 'repo'), show: ({ task }, { repo }) => setLine(repo, text(task.repo)) },
  { title: 'Task', field: 'task', sort: 'task', number: true, make: (cell) => lines(cell, 'task'), show: ({ task }, { task: node }) => setLine(node, text(id(task, 'task'))) },
];

function showAgents({ agents }, { agents: node }) {
  setLine(node, agents.map(({ agent, doing }) => `${agent.agent ?? 'agent'}: ${doing.words ?? 'unknown'}`).join(', '));
}

// makeStages counts the tasks of each stage; a press on a stage shows its alone.
function makeStages(finder) {
  const list = element('ul', { class: 'stages', 'aria-label': 'Tasks by stage' });
  const fill = keyed(list, () => {
    const button = element('button', { type: 'button' }, element('b', { class: 'stage' }), element('span', { class: 'many' }), element('span', { class: 'oldest' }));
    button.addEventListener('click', () => finder.set('stage', finder.get('stage') === button.value ? null : button.value));
    return element('li', {}, button);
  });
  const update = (tasks, places) => {
    const groups = byStage(tasks);
    fill(groups.sort((a, b) => places.get(a.stage) - places.get(b.stage)), (group) => group.stage, show);
    list.hidden = groups.length === 0;
  };
  return { element: list, update };

  function show(node, group) {
    const button = node.firstChild;
    node.dataset.key = button.value = group.stage;
    setAttribute(button, 'aria-pressed', String(finder.get('stage') === group.stage));
    setText(button.children[0], group.stage);
    setText(button.children[1], counted(group.tasks, 'task', 'tasks'));
    setText(button.children[2], group.oldest === null ? 'ages unknown' : `oldest ${duration(group.oldest)}`);
  }
}

// byStage counts the tasks of each stage, and has the greatest age that is known.
function byStage(tasks) {
  const groups = new Map();
  for (const { stage, age_in_stage_s: seconds } of tasks) {
    const group = groups.get(stage) ?? { stage, tasks: 0, oldest: null };
    group.tasks++;
    if (seconds !== null && (group.oldest === null || seconds > group.oldest)) group.oldest = seconds;
    groups.set(stage, group);
  }
  return [...groups.values()];
}
