// A small picture of what a process and its tree used of a core over time.

import { setAttribute, svg } from './dom.js';
import { share } from './format.js';

const width = 120, height = 26;

export function makeSparkline() {
  return svg('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img' },
    svg('path', { class: 'of-tree' }), svg('path', { class: 'of-own' }));
}

// draw shows spans of a time on a scale from 0 to top, in cores. A span is drawn
// level, since its share is an average over it; an unknown one is left out.
export function draw(node, spans, time, top) {
  const [tree, own] = node.children;
  const x = (at) => round(((at - time.from) / Math.max(1, time.to - time.from)) * width);
  const y = (value) => round(height - 1 - (Math.min(value, top) / top) * (height - 2));
  setAttribute(tree, 'd', spans.filter((s) => s.tree !== null)
    .map((s) => `M${x(s.from)} ${height}V${y(s.tree)}H${x(s.to)}V${height}Z`).join(''));
  setAttribute(own, 'd', line(spans, x, y));
  setAttribute(node, 'aria-label', label(spans));
}

function line(spans, x, y) {
  let path = '', pen = false;
  for (const s of spans) {
    if (s.own !== null) path += `${pen ? 'L' : 'M'}${x(s.from)} ${y(s.own)}H${x(s.to)}`;
    pen = s.own !== null;
  }
  return path;
}

function label(spans) {
  const most = (what) => share(peak(spans, what)) ?? 'unknown';
  return spans.length === 0 ? 'no CPU measured yet' : `most so far: own ${most('own')}, tree ${most('tree')}`;
}

// peak is the largest share of the spans; null if none is known.
export function peak(spans, what) {
  return spans.reduce((most, s) => (s[what] !== null && (most === null || s[what] > most) ? s[what] : most), null);
}

const round = (n) => Math.round(n * 10) / 10;
