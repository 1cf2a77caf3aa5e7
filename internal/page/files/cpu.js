// What the agents' processes use of a core, from the ticks of successive
// answers. The service reports ticks and no rate; see docs/contract.md.

// limit is how many samples are kept of a process. Beyond it every second one is
// left out: a share between any two samples is exact, so that the whole life of
// the page stays in view, the older the coarser.
const limit = 240;

// History has the samples of the processes that the last answer showed.
export class History {
  #samples = new Map();
  #origin = null; // which boot, which start of the service, and how many ticks a second
  #clkTck = null;
  #span = { from: null, to: null };

  // record adds an answer's agents. A sample that was seen before adds nothing. Jobs
  // may have one process, which was sampled for each a moment apart: over so short a
  // time a share says nothing, so that each process counts once in an answer.
  record(envelope, agents) {
    this.#begin(envelope);
    const seen = new Set();
    for (const agent of agents) {
      const key = identity(agent);
      if (key === null || seen.has(key)) continue;
      seen.add(key);
      this.#add(key, sampleOf(agent));
    }
    for (const key of this.#samples.keys()) {
      if (!seen.has(key)) this.#samples.delete(key);
    }
  }

  // shares are the spans between the samples of an agent's process, each with
  // what it used in them: own and tree, as fractions of a core, or null.
  shares(agent) {
    const samples = this.#samples.get(identity(agent)) ?? [];
    const spans = [];
    for (let i = 1; i < samples.length; i++) {
      const [a, b] = [samples[i - 1], samples[i]];
      spans.push({ from: a.at, to: b.at, own: this.#share(a, b, 'own'), tree: this.#share(a, b, 'tree') });
    }
    return spans;
  }

  // span is the time between the first and the last answer, on CLOCK_BOOTTIME in
  // milliseconds.
  get span() {
    return this.#span;
  }

  // begin forgets everything after a restart, of the host or of the service, and
  // when a recording is played again.
  #begin(envelope) {
    const origin = JSON.stringify([envelope.clock?.boot_id, envelope.instance?.id, envelope.clk_tck]);
    const now = envelope.clock?.boottime_ms ?? null;
    if (origin !== this.#origin || now < this.#span.to) {
      this.#samples.clear();
      this.#span = { from: now, to: now };
    }
    this.#origin = origin;
    this.#clkTck = envelope.clk_tck;
    this.#span = { from: this.#span.from, to: now };
  }

  #add(key, sample) {
    const samples = this.#samples.get(key) ?? [];
    if (samples.length > 0 && sample.at <= samples.at(-1).at) return;
    samples.push(sample);
    this.#samples.set(key, samples.length > limit ? thin(samples) : samples);
  }

  // A tree's sum falls when a child ends that nobody waits for: then its share is
  // unknown.
  #share(a, b, what) {
    if (a[what] === null || b[what] === null || !this.#clkTck) return null;
    const ticks = Number(b[what]) - Number(a[what]);
    return ticks < 0 ? null : (ticks / this.#clkTck / (b.at - a.at)) * 1000;
  }
}

// thin keeps the last two samples, which tell the present share.
const thin = (samples) => samples.filter((_, i) => i % 2 === 0 || i >= samples.length - 2);

// identity names a process across the reuse of its pid; null if there is none to
// measure.
function identity(agent) {
  const start = agent.process?.start_ticks ?? null;
  const at = agent.process?.sampled_boottime_ms ?? null;
  return agent.pid === null || start === null || at === null ? null : `${agent.pid} ${start}`;
}

function sampleOf(agent) {
  return { at: Number(agent.process.sampled_boottime_ms), own: agent.cpu_ticks, tree: agent.process.tree_cpu_ticks };
}
