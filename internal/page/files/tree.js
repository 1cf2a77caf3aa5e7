// Any JSON value, as a table of names and values.

import { Table } from './table.js';

const deepest = 8; // beyond it, rows are not indented further

export function makeTree(caption) {
  return new Table({
    caption,
    className: 'names',
    key: (row) => row.path,
    columns: [
      { title: 'Name', field: 'name', show: showName },
      { title: 'Value', field: 'value', show: (row) => row.text },
    ],
  });
}

function showName(row, cell) {
  const depth = String(Math.min(row.depth, deepest));
  if (cell.style.getPropertyValue('--depth') !== depth) cell.style.setProperty('--depth', depth);
  return row.name;
}

// rowsOf has a row for each value in a value, in their order. Its path is the
// names that lead to it, as JSON.
export function rowsOf(value) {
  if (typeof value !== 'object' || value === null) return [leaf([], 'value', value)];
  const rows = [];
  addChildren(rows, value, []);
  return rows;
}

function addChildren(rows, value, path) {
  for (const [name, child] of Object.entries(value)) {
    const at = [...path, name];
    rows.push(leaf(at, Array.isArray(value) ? `${Number(name) + 1}.` : name, child));
    if (typeof child === 'object' && child !== null) addChildren(rows, child, at);
  }
}

function leaf(path, name, value) {
  return { path: JSON.stringify(path), depth: Math.max(0, path.length - 1), name, text: textOf(value) };
}

function textOf(value) {
  if (value === null) return null;
  if (typeof value !== 'object') return String(value);
  if (Object.keys(value).length > 0) return '';
  return Array.isArray(value) ? 'empty list' : 'empty';
}
