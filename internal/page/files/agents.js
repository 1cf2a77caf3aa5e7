// Who is at work.

import { byId, element, setAttribute, setText, setTime } from './dom.js';
import { bytes, compact, counted, cpuTime, duration, instant, integer, rate, share, text, usd } from './format.js';
import { makeTicket, makeCopy, showCopy, showTicket } from './links.js';
import { lines, List, setLine } from './list.js';
import { draw, makeSparkline } from './sparkline.js';
import { id, stageOf, ticketOf } from './world.js';

// sorts are the orders that the list can have.
const sorts = {
  ticket: { title: 'Ticket', of: ticketOf },
  stage: { title: 'Stage', of: stageOf },
  repo: { title: 'Repo', of: ({ agent }) => agent.repo },
  agent: { title: 'Agent', of: ({ agent }) => agent.agent },
  model: { title: 'Model', of: ({ agent }) => agent.model },
  effort: { title: 'Effort', of: ({ agent }) => agent.effort },
  host: { title: 'Host', of: ({ agent }) => agent.host },
  job: { title: 'Job', of: ({ agent }) => agent.job_id },
  runtime: { title: 'Runtime', of: ({ agent }) => agent.runtime_s, down: true },
  state: { title: 'State', of: ({ doing }) => order.indexOf(doing.kind) },
  cpu: { title: 'CPU of the tree', of: ({ last }) => last?.tree ?? last?.own, down: true },
  own: { title: 'CPU of its own', of: ({ last }) => last?.own, down: true },
  time: { title: 'CPU time', of: ({ agent }) => agent.process?.tree_cpu_ticks ?? agent.cpu_ticks, down: true },
  memory: { title: 'Memory', of: ({ agent }) => agent.process?.rss_bytes, down: true },
  cost: { title: 'Cost', of: ({ run }) => run.cost_usd, down: true },
  tokens: { title: 'Tokens', of: ({ run }) => run.output_tokens, down: true },
};
const order = ['trouble', 'still', 'waits', 'children', 'works', 'other', 'ended'];

export function makeAgents(section, finder, world) {
  const view = { clkTck: null, now: null, history: world.history };
  const order = finder.order('agents', sorts);
  const list = new List({ caption: 'Running jobs and their processes', className: 'agents', columns: columns(view), order });
  section.tools.append(order.element);
  section.body.append(list.element);

  return (envelope, found, anew) => {
    Object.assign(view, { clkTck: envelope.clk_tck, now: envelope.generated_at });
    list.update(order.apply(found.agents), anew);
    const running = world.agents.filter((row) => row.ended === 0);
    section.count(running.length, found.agents.filter((row) => row.ended === 0).length);
    setText(byId('glance-agents'), section.many(running));
  };
}

function columns(view) {
  return [
    { title: 'Ticket', field: 'ticket', sort: 'ticket', make: makeTicketCell, show: showTicketCell },
    { title: 'Agent', field: 'agent', sort: 'agent', make: (cell) => lines(cell, 'agent', 'model', 'effort'), show: showAgent },
    { title: 'State', field: 'state', sort: 'state', make: makeState, show: (row, parts, node) => showState(row, parts, node, view.now) },
    { title: 'CPU now', field: 'cpu', sort: 'cpu', make: makeCPU, show: (row, parts) => showCPU(row, parts, view.history) },
    { title: 'CPU time', field: 'time', sort: 'time', number: true, make: (cell) => lines(cell, 'own', 'tree', 'children'), show: (row, parts) => showTimes(row, parts, view.clkTck) },
    { title: 'Memory', field: 'memory', sort: 'memory', number: true, make: (cell) => lines(cell, 'rss', 'processes', 'io'), show: showMemory },
    { title: 'Cost', field: 'cost', sort: 'cost', number: true, make: (cell) => lines(cell, 'usd', 'tokens', 'cache'), show: showCost },
    { title: 'Runtime', field: 'runtime', sort: 'runtime', number: true, make: (cell) => lines(cell, 'runtime', 'job', 'run'), show: showRuntime },
  ];
}

function makeTicketCell(cell) {
  const ticket = makeTicket();
  cell.append(ticket);
  return { ticket, ...lines(cell, 'stage', 'repo') };
}

function showTicketCell(row, { ticket, stage, repo }) {
  const named = ticketOf(row);
  showTicket(ticket, named, row.agent.work_item === null ? 'no ticket' : `job ${id(row.agent, 'job')}`);
  setLine(stage, stageOf(row) ?? '');
  setLine(repo, row.agent.repo ?? '');
}

function showAgent({ agent }, { agent: name, model, effort }) {
  setLine(name, text(agent.agent));
  setLine(model, agent.model ?? 'model unknown');
  setLine(effort, agent.effort === null ? '' : `effort ${agent.effort}`);
}

function makeState(cell) {
  const { doing, pid, started } = lines(cell, 'doing', 'pid', 'started');
  const copy = makeCopy();
  const number = element('span');
  pid.append(number, copy);
  return { doing, pid: number, copy, started };
}

function showState({ agent, doing, ended }, { doing: words, pid, copy, started }, node, now) {
  setAttribute(node, 'data-kind', doing.kind);
  node.classList.toggle('ended', ended > 0);
  setText(words, doing.words);
  setAttribute(words, 'title', doing.kernel ? `the kernel says: ${doing.kernel}` : null);
  setText(pid, (agent.pid === null ? '' : `pid ${agent.pid}`) + (agent.host ? ` on ${agent.host}` : ''));
  showCopy(copy, agent.pid === null ? null : String(agent.pid), `Copy pid ${agent.pid}`);
  setTime(started, agent.process?.started_at, apart(agent.process?.started_after_job_s));
}

// apart is how far from its job a process started: a stranger has its pid if that
// is far. What is far is for the reader to say.
function apart(seconds) {
  if (seconds === null || seconds === undefined) return '';
  if (seconds === 0) return 'started with its job';
  return seconds > 0 ? `started ${duration(seconds)} after its job` : `started ${duration(-seconds)} before its job`;
}

function makeCPU(cell) {
  const curve = makeSparkline();
  const { own, tree, slices, scale } = lines(cell, 'own', 'tree', 'slices', 'scale');
  cell.prepend(element('span', { class: 'curve' }, curve, scale));
  cell.append(element('span', { class: 'now' }, own, tree, slices));
  return { curve, own, tree, slices, scale };
}

function showCPU({ agent, last, ended }, { curve, own, tree, slices, scale }, history) {
  if (ended > 0) return;
  setText(scale, draw(curve, history.shares(agent)));
  const now = (name, fraction) => (last === null ? '' : `${name} ${share(fraction) ?? 'unknown'}`);
  setText(own, now('own', last?.own));
  setText(tree, now('tree', last?.tree));
  setText(slices, last?.slices === null || last === null ? '' : `${rate(last.slices)} slices/s`);
}

function showTimes({ agent }, { own, tree, children }, clkTck) {
  const time = (name, ticks) => (agent.process?.status === 'ok' ? `${name} ${cpuTime(ticks, clkTck) ?? 'unknown'}` : '');
  setText(own, time('own', agent.cpu_ticks));
  setText(tree, time('tree', agent.process?.tree_cpu_ticks));
  setText(children, time('children', agent.process?.children_cpu_ticks));
}

function showMemory({ agent }, { rss, processes, io }) {
  const { process } = agent;
  const many = (n, one, several) => (n === null || n === undefined ? '' : counted(n, one, several));
  const threads = many(process?.threads, 'thread', 'threads');
  setText(rss, process?.status === 'ok' ? bytes(process.rss_bytes) : '');
  setLine(processes, many(process?.tree_processes, 'process', 'processes'), threads === '' ? null : `${threads} of its own`);
  const read = process?.tree_read_bytes ?? process?.read_bytes ?? null, written = process?.tree_written_bytes ?? process?.written_bytes ?? null;
  setLine(io, read === null && written === null ? threads : `↓${bytes(read) ?? 'unknown'} ↑${bytes(written) ?? 'unknown'}`, read === null && written === null ? threads : `read ${bytes(read) ?? 'unknown'}, wrote ${bytes(written) ?? 'unknown'}`);
}

// showCost: nothing is known of a run before its report is in.
function showCost({ run }, { usd: cost, tokens, cache }) {
  const known = (n) => n !== null && n !== undefined;
  setLine(cost, known(run.cost_usd) ? usd(run.cost_usd) : 'not reported', known(run.cost_usd) ? String(run.cost_usd) : 'its run has not reported a cost yet');
  pair(tokens, [run.input_tokens, 'in'], [run.output_tokens, 'out']);
  pair(cache, [run.cache_read_tokens, 'cached'], [run.cache_creation_tokens, 'written']);

  function pair(node, ...parts) {
    const there = parts.filter(([n]) => known(n));
    setLine(node, there.map(([n, word]) => `${compact(n)} ${word}`).join(' · '), there.map(([n, word]) => `${integer(n)} tokens ${word}`).join(', ') || null);
  }
}

function showRuntime({ agent }, { runtime, job, run }) {
  setText(runtime, duration(agent.runtime_s));
  setAttribute(runtime, 'title', agent.process?.started_at ? `its process runs since ${instant(agent.process.started_at)}` : null);
  setLine(job, `job ${id(agent, 'job')}`);
  setLine(run, id(agent, 'run') === null ? '' : `run ${id(agent, 'run')}`);
}
