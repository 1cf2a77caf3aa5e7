// Single values with their names.

import { element, keyed, setText } from './dom.js';

// A hint says more, in small letters.
export const fact = (field, title, text, hint = '') => ({ field, title, text, hint });

export function makeFacts() {
  const list = element('dl', { class: 'facts' });
  const fill = keyed(list, () => element('div', {}, element('dt'), element('dd', {}, element('span'), element('span', { class: 'hint' }))));
  return { element: list, update: (facts) => fill(facts, (one) => one.field, show) };
}

function show(node, { field, title, text, hint }) {
  const [name, value] = node.children;
  node.dataset.field = field;
  setText(name, title);
  setText(value.firstChild, text);
  setText(value.lastChild, hint);
}
