// What the agents' processes do, from the counters of successive answers. The
// service reports counters and no rate; see docs/contract.md.

// memory is how far back samples are kept, in milliseconds.
export const memory = 5 * 60_000;

// History has the samples of the processes that the last answer has. Agents may
// have one process: its samples are its own, and not one set for each agent.
export class History {
  #lives = new Map(); // of each process its samples, and since when it is still
  #origin = null; // which boot, which start of the service, and how many ticks a second
  #clkTck = null;
  #now = null;

  // record adds an answer's agents. A sample that was seen before adds nothing. Jobs
  // of one process were sampled a moment apart: over so short a time a share says
  // nothing, so that each process counts once in an answer.
  record(envelope, agents) {
    this.#begin(envelope);
    const seen = new Set();
    for (const agent of agents) {
      const key = identity(agent);
      if (key === null || seen.has(key)) continue;
      seen.add(key);
      this.#add(key, sampleOf(agent));
    }
    for (const key of this.#lives.keys()) {
      if (!seen.has(key)) this.#lives.delete(key);
    }
  }

  // shares are the spans between the samples of an agent's process, each with what
  // it used in them: own and tree, as fractions of a core, or null.
  shares(agent) {
    const samples = this.#lives.get(identity(agent))?.samples ?? [];
    return samples.slice(1).map((sample, i) => this.#span(samples[i], sample));
  }

  // last is the newest of these spans, with the time slices a second, and for how
  // many milliseconds no counter has moved; null if there is none.
  last(agent) {
    const life = this.#lives.get(identity(agent));
    if (life === undefined || life.samples.length < 2) return null;
    const [a, b] = life.samples.slice(-2);
    const slices = rise(a.treeSlices, b.treeSlices) ?? rise(a.slices, b.slices);
    return { ...this.#span(a, b), slices: slices === null ? null : slices * 1000 / (b.at - a.at), still: b.at - life.moved };
  }

  // begin forgets everything after a restart, of the host or of the service, and
  // when a recording is played again.
  #begin(envelope) {
    const origin = JSON.stringify([envelope.clock?.boot_id, envelope.instance?.id, envelope.clk_tck]);
    const now = envelope.clock?.boottime_ms ?? null;
    if (origin !== this.#origin || now < this.#now) this.#lives.clear();
    this.#origin = origin;
    this.#clkTck = envelope.clk_tck;
    this.#now = now;
  }

  #add(key, sample) {
    const life = this.#lives.get(key) ?? { samples: [], moved: sample.at };
    const before = life.samples.at(-1);
    if (before !== undefined && sample.at <= before.at) return;
    if (before !== undefined && counters.some((name) => before[name] !== sample[name])) life.moved = sample.at;
    life.samples.push(sample);
    while (life.samples.length > 2 && life.samples[1].at <= sample.at - memory) life.samples.shift();
    this.#lives.set(key, life);
  }

  // A tree's sum falls when a child ends that nobody waits for: then its share is
  // unknown.
  #span(a, b) {
    const share = (name) => {
      const ticks = this.#clkTck ? rise(a[name], b[name]) : null;
      return ticks === null ? null : (ticks / this.#clkTck / (b.at - a.at)) * 1000;
    };
    return { from: a.at, to: b.at, own: share('own'), tree: share('tree') };
  }
}

// rise is by how much a counter rose; null if that is not known.
function rise(before, after) {
  if (before === null || after === null) return null;
  const risen = Number(after) - Number(before);
  return risen < 0 ? null : risen;
}

// identity names a process across the reuse of its pid; null if there is none to
// measure.
function identity(agent) {
  const start = agent.process?.start_ticks ?? null;
  const at = agent.process?.sampled_boottime_ms ?? null;
  return agent.pid === null || start === null || at === null ? null : `${agent.pid} ${start}`;
}

const counters = ['own', 'tree', 'run', 'slices', 'treeRun', 'treeSlices', 'read', 'written'];

// sampleOf leaves what an older service does not have at null.
function sampleOf({ cpu_ticks: own, process }) {
  return {
    at: Number(process.sampled_boottime_ms), own, tree: process.tree_cpu_ticks,
    run: process.run_ns ?? null, treeRun: process.tree_run_ns ?? null,
    slices: process.time_slices ?? null, treeSlices: process.tree_time_slices ?? null,
    read: process.tree_read_bytes ?? null, written: process.tree_written_bytes ?? null,
  };
}
