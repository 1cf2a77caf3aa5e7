// A small picture of what a process and its tree used of a core in the last minutes.

import { memory } from './cpu.js';
import { setAttribute, svg } from './dom.js';
import { duration, share } from './format.js';

const width = 120, height = 30;

// tops are the scales: the least that holds a curve makes it use its height.
const tops = [0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];

export function makeSparkline() {
  return svg('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img' },
    svg('path', { class: 'of-tree' }), svg('path', { class: 'of-own' }));
}

// draw shows spans from the first of them on, and returns the scale in words. A span
// is drawn level, since its share is an average over it; an unknown one is left out.
export function draw(node, spans) {
  const [tree, own] = node.children;
  const top = topOf(spans);
  const to = spans.at(-1)?.to ?? 0;
  const from = Math.max(spans[0]?.from ?? 0, to - memory);
  const x = (at) => round((Math.max(0, at - from) / Math.max(1, to - from)) * width);
  const y = (value) => round(height - 1 - (Math.min(value, top) / top) * (height - 2));
  setAttribute(tree, 'd', spans.filter((s) => s.tree !== null)
    .map((s) => `M${x(s.from)} ${height}V${y(s.tree)}H${x(s.to)}V${height}Z`).join(''));
  setAttribute(own, 'd', line(spans, x, y));
  const scale = spans.length === 0 ? '' : `0–${share(top)}, ${duration(Math.round((to - from) / 1000))}`;
  setAttribute(node, 'aria-label', spans.length === 0 ? 'no CPU measured yet' : `CPU, ${scale}: ${peaks(spans)}`);
  return scale;
}

function line(spans, x, y) {
  let path = '', pen = false;
  for (const s of spans) {
    if (s.own !== null) path += `${pen ? 'L' : 'M'}${x(s.from)} ${y(s.own)}H${x(s.to)}`;
    pen = s.own !== null;
  }
  return path;
}

function peaks(spans) {
  const most = (what) => share(peak(spans, what)) ?? 'unknown';
  return `at most own ${most('own')}, tree ${most('tree')}`;
}

// topOf is the scale: the least of them that holds all of the curve.
export function topOf(spans) {
  const most = Math.max(peak(spans, 'own') ?? 0, peak(spans, 'tree') ?? 0);
  return tops.find((top) => top >= most) ?? most;
}

// peak is the largest share of the spans; null if none is known.
function peak(spans, what) {
  return spans.reduce((most, s) => (s[what] !== null && (most === null || s[what] > most) ? s[what] : most), null);
}

const round = (n) => Math.round(n * 10) / 10;
