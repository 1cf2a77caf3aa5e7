// Sections of other teams, of which this page knows nothing but their JSON.

import { keyed } from './dom.js';
import { Section } from './section.js';
import { makeTree, rowsOf } from './tree.js';

export function makeExtensions(parent) {
  const views = new Map();
  const fill = keyed(parent, (key) => {
    const section = new Section(key, key, { idle: 'The list is empty.' });
    const tree = makeTree(`Everything in ${key}`);
    section.body.append(tree.element);
    views.set(section.element, { section, tree });
    return section.element;
  });

  return (envelope, keys) => {
    parent.hidden = keys.length === 0;
    fill(keys, String, (node, key) => {
      const { section, tree } = views.get(node);
      const value = envelope[key];
      const rows = section.known || value !== null ? rowsOf(value) : [];
      section.update(envelope, rows.length);
      tree.update(rows);
    });
  };
}
