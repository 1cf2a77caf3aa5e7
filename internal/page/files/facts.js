// Single values with their names.

import { element, keyed, setText, setTime } from './dom.js';

// A hint says more, in small letters; iso is the time that the fact is about.
export const fact = (field, title, text, hint = '', iso = null) => ({ field, title, text, hint, iso });

export function makeFacts() {
  const list = element('dl', { class: 'facts' });
  const fill = keyed(list, () => element('div', {}, element('dt'), element('dd', {}, element('span'), element('span', { class: 'hint' }))));
  return { element: list, update: (facts) => fill(facts, (one) => one.field, show) };
}

function show(node, { field, title, text, hint, iso }) {
  const [name, value] = node.children;
  node.dataset.field = field;
  setText(name, title);
  setTime(value.firstChild, iso, text);
  setText(value.lastChild, hint);
}
