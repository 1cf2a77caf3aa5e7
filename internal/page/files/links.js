// Where a ticket is: the operator's ORCH_LINK_TEMPLATE, which is written into the page.

import { element, setAttribute, setHidden, setText } from './dom.js';

const hole = '{work_item}';
const template = document.querySelector('meta[name="link-template"]')?.content ?? '';

// addressOf is where a ticket is, or null. A ticket never leads elsewhere than its
// place in the template: not to another host, and not to another folder.
function addressOf(ticket) {
  if (template === '' || ticket === null || /^\.*$/.test(ticket)) return null;
  try {
    const address = new URL(template.replaceAll(hole, encodeURIComponent(ticket)));
    return address.origin === new URL(template.replaceAll(hole, '')).origin ? address.href : null;
  } catch {
    return null; // half of a surrogate pair cannot be written in an address
  }
}

// makeTicket makes a place for a ticket: its link, and what copies it.
export function makeTicket() {
  return element('span', { class: 'line ticket', 'data-part': 'work_item' }, element('a', { target: '_blank', rel: 'noopener noreferrer' }), makeCopy());
}

// showTicket shows a ticket, or what is in its place if there is none.
export function showTicket(node, ticket, otherwise = null) {
  const [link, copy] = node.children;
  setText(link, ticket ?? otherwise);
  setAttribute(link, 'href', addressOf(ticket));
  setAttribute(link, 'title', ticket);
  showCopy(copy, ticket, `Copy ticket ${ticket}`);
}

export const makeCopy = () => element('button', { type: 'button', class: 'copy' });

// showCopy offers to copy a text, if there is one.
export function showCopy(button, text, label) {
  setHidden(button, text === null);
  if (text === null || button.dataset.copy === text) return;
  button.dataset.copy = text;
  setAttribute(button, 'aria-label', label);
  setAttribute(button, 'title', label);
}

// listenToCopies copies on a press of any such button, and says so.
export function listenToCopies(said) {
  document.addEventListener('click', async (event) => {
    const button = event.target.closest?.('[data-copy]');
    if (!button) return;
    const done = await copy(button.dataset.copy);
    setText(said, done ? `Copied ${button.dataset.copy.slice(0, 100)}` : 'The browser does not let this page copy');
    button.dataset.copied = String(done);
    setTimeout(() => { delete button.dataset.copied; setText(said, ''); }, 1500);
  });
}

// copy writes to the clipboard. Pages of plain http, but for this host's own, have
// only the old way.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = element('textarea', { class: 'offscreen', 'aria-hidden': 'true' });
    area.value = text;
    const focused = document.activeElement;
    document.body.append(area);
    area.select();
    const done = document.execCommand('copy');
    area.remove();
    focused?.focus({ preventScroll: true });
    return done;
  }
}
