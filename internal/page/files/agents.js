// Who is at work.

import { History } from './cpu.js';
import { byId, element, setText } from './dom.js';
import { bytes, counted, cpuTime, duration, share, text, timeOfDay } from './format.js';
import { draw, makeSparkline, peak } from './sparkline.js';
import { Table } from './table.js';
import { process } from './words.js';

export function makeAgents(section) {
  const history = new History();
  const view = { now: null, clkTck: null, time: { from: 0, to: 0 }, top: 1 };
  const table = new Table({
    caption: 'Running jobs and their processes',
    className: 'agents',
    key: (agent) => agent.job_id,
    columns: columns(history, view),
  });
  const scale = element('p', { class: 'note', id: 'scale' });
  section.body.append(table.element, scale);

  return (envelope) => {
    const agents = envelope.agents ?? [];
    const shown = table.shown(agents);
    history.record(envelope, shown);
    Object.assign(view, { now: envelope.generated_at, clkTck: envelope.clk_tck, time: history.span, top: topOf(history, shown) });
    table.update(agents);
    scale.hidden = agents.length === 0;
    setText(scale, `CPU is the share of one core between the last two answers; the curves go from 0 to ${share(view.top)}, `
      + `over ${duration(Math.round((view.time.to - view.time.from) / 1000))} since this page was opened.`);
    setText(byId('glance-agents'), section.many(agents));
  };
}

// topOf is the scale that all curves share: one core, or the most that one shows.
function topOf(history, agents) {
  const peaks = agents.flatMap((agent) => ['own', 'tree'].map((what) => peak(history.shares(agent), what) ?? 0));
  return peaks.reduce((most, value) => Math.max(most, value), 1);
}

function columns(history, view) {
  return [
    { title: 'Agent', field: 'agent', show: (a, cell) => lines(cell, ['agent', text(a.agent)], ['model', a.model ?? 'model unknown'], ['effort', effort(a.effort)]) },
    { title: 'Repo', field: 'repo', show: (a) => text(a.repo) },
    { title: 'Job', field: 'job', number: true, show: (a, cell) => lines(cell, ['job_id', text(a.job_id)], ['run_id', named('run', a.run_id)]) },
    { title: 'Runtime', field: 'runtime_s', number: true, show: (a) => duration(a.runtime_s) },
    { title: 'Process', field: 'process', show: (a, cell) => lines(cell, ['status', process(a.process)], ['pid', named('pid', a.pid)], ['started_at', started(a, view.now)], ['started_after_job_s', apart(a.process?.started_after_job_s)]) },
    { title: 'CPU now', field: 'cpu', show: (a, cell) => showCPU(cell, history.shares(a), view) },
    { title: 'CPU time', field: 'cpu_time', number: true, show: (a, cell) => showTimes(cell, a, view.clkTck) },
    { title: 'Memory', field: 'memory', number: true, show: (a, cell) => showSize(cell, a.process) },
  ];
}

const effort = (name) => (name === null ? 'effort unknown' : `effort ${name}`);
const named = (name, value) => (value === null ? `${name} unknown` : `${name} ${value}`);
const started = (agent, now) => (agent.process?.started_at ? `since ${timeOfDay(agent.process.started_at, now)}` : '');

// apart is how far from its job a process started: a stranger has its pid if that
// is far. What is far is for the reader to say.
function apart(seconds) {
  if (seconds === null || seconds === undefined) return '';
  if (seconds === 0) return 'started with its job';
  return seconds > 0 ? `started ${duration(seconds)} after its job` : `started ${duration(-seconds)} before its job`;
}

function showTimes(cell, agent, clkTck) {
  const time = (name, ticks) => `${name} ${cpuTime(ticks, clkTck) ?? 'unknown'}`;
  lines(cell, ['own_time', time('own', agent.cpu_ticks)], ['tree_time', time('tree', agent.process?.tree_cpu_ticks)],
    ['children_time', time('ended children', agent.process?.children_cpu_ticks)]);
}

function showSize(cell, process) {
  const many = (n, one, several, suffix = '') => (n === null || n === undefined ? `${several}${suffix} unknown` : counted(n, one, several) + suffix);
  lines(cell, ['rss_bytes', bytes(process?.rss_bytes)], ['threads', many(process?.threads, 'thread', 'threads')],
    ['tree_processes', many(process?.tree_processes, 'process', 'processes', ' in tree')]);
}

function showCPU(cell, spans, view) {
  const last = spans.at(-1);
  const now = (name, fraction) => `${name} ${share(fraction) ?? 'unknown'}`;
  const [value] = cell.children;
  if (value.childElementCount === 0) {
    value.append(makeSparkline(), element('span', { class: 'lines' }));
  }
  draw(value.firstChild, spans, view.time, view.top);
  fillLines(value.lastChild, [['own', now('own', last?.own)], ['tree', now('tree', last?.tree)]]);
}

// lines shows texts below each other in a cell, each under a name for tests.
function lines(cell, ...texts) {
  fillLines(cell.lastChild, texts);
}

function fillLines(parent, texts) {
  texts.forEach(([name, line], i) => {
    const node = parent.children[i] ?? parent.appendChild(element('span', { class: 'line', 'data-part': name }));
    setText(node, line);
  });
}
