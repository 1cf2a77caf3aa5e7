// In which order the stages stand: that of the pipeline, as far as it can be seen.

// Pipeline knows the order of the stages. Of those that are there at first, that is
// the first whose tasks are the youngest; a task that moves tells more. A stage stays
// where it is, until more tasks were seen to go the one way than the other.
export class Pipeline {
  order = [];
  #stages = new Map(); // of each task
  #moves = new Map(); // from one stage to another

  // take looks at the tasks of an answer, and returns the stages in their order.
  take(tasks) {
    const present = new Map();
    for (const { task_id: task, stage } of tasks) {
      if (!present.has(stage)) present.set(stage, []);
      present.get(stage).push(Number(task));
      const before = this.#stages.get(task);
      if (before !== undefined && before !== stage) this.#move(before, stage);
    }
    this.#stages = new Map(tasks.map((task) => [task.task_id, task.stage]));
    this.#place([...present].filter(([stage]) => !this.order.includes(stage)));
    return this.order.filter((stage) => present.has(stage));
  }

  // place adds new stages, the younger their tasks the further to the front; ids count
  // up.
  #place(added) {
    if (this.order.length > 0) return this.order.push(...added.map(([stage]) => stage));
    added.forEach((one) => one.push(median(one[1])));
    added.sort((a, b) => b[2] - a[2] || (a[0] < b[0] ? -1 : 1));
    this.order = added.map(([stage]) => stage);
  }

  #move(from, to) {
    const name = (a, b) => JSON.stringify([a, b]);
    this.#moves.set(name(from, to), (this.#moves.get(name(from, to)) ?? 0) + 1);
    const forth = this.#moves.get(name(from, to)), back = this.#moves.get(name(to, from)) ?? 0;
    const at = this.order.indexOf(to);
    if (at >= 0 && (forth <= back || at > this.order.indexOf(from))) return;
    if (at >= 0) this.order.splice(at, 1);
    this.order.splice(this.order.indexOf(from) + 1, 0, to);
  }
}

function median(numbers) {
  numbers.sort((a, b) => a - b);
  return numbers[Math.floor(numbers.length / 2)];
}
