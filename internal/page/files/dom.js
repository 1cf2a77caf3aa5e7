// Nodes that are changed in place, so that focus, scrolling and a selection
// survive an update. Text is only ever text: nothing here makes markup.

import { local } from './format.js';

const SVG = 'http://www.w3.org/2000/svg';

// long is the length from which on a text gets a box of its own to scroll in.
const long = 300;

export const byId = (id) => document.getElementById(id);

export function element(tag, attributes = {}, ...children) {
  return dressed(document.createElement(tag), attributes, children);
}

export function svg(tag, attributes = {}, ...children) {
  return dressed(document.createElementNS(SVG, tag), attributes, children);
}

function dressed(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// setAttribute sets an attribute; null takes it away.
export function setAttribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

export function setHidden(node, hidden) {
  if (node.hidden !== hidden) node.hidden = hidden;
}

// setText shows text, or that it is unknown if it is null.
export function setText(node, text) {
  if (text === null || text === undefined) {
    if (node.dataset.unknown === undefined) {
      node.dataset.unknown = '';
      node.replaceChildren('unknown');
    }
    return;
  }
  if (node.dataset.unknown !== undefined) {
    delete node.dataset.unknown;
    node.replaceChildren();
  }
  if (node.firstChild === null) node.append(text);
  else if (node.firstChild.nodeValue !== text) node.firstChild.nodeValue = text;
  else return;
  if (text.length > long || node.dataset.long !== undefined) node.toggleAttribute('data-long', text.length > long);
}

// setTime shows a text that is about a time of the envelope, and on hover that time
// where the reader is.
export function setTime(node, iso, text) {
  setText(node, text);
  setAttribute(node, 'title', iso ? local(iso) : null);
}

// keyed returns a function that makes the children of a node those of a list:
// one child for each item, kept as long as its key is there.
export function keyed(parent, make) {
  let nodes = new Map();
  return (items, keyOf, fill) => {
    const next = new Map();
    for (const item of items) {
      const key = unused(next, String(keyOf(item)));
      next.set(key, { item, node: nodes.get(key)?.node ?? make(item) });
    }
    for (const [key, { node }] of nodes) {
      if (!next.has(key)) node.remove();
    }
    let at = parent.firstElementChild;
    for (const { item, node } of next.values()) {
      if (node === at) at = at.nextElementSibling;
      else parent.insertBefore(node, at);
      fill(node, item);
    }
    nodes = next;
  };
}

// unused tells apart items of the same key: an unreadable identifier is 0.
function unused(taken, key) {
  let free = key;
  for (let n = 2; taken.has(free); n++) free = `${key} #${n}`;
  return free;
}

// on a phone there is not the room for everything at once.
const phone = matchMedia('(max-width: 700px)');

// foldOnPhones closes a details element where the screen is a phone's, and opens it
// elsewhere, when the page is opened and when that changes.
export function foldOnPhones(details) {
  const fold = () => { details.open = !phone.matches; };
  phone.addEventListener('change', fold);
  fold();
}
