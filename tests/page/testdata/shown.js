(() => {
  const textOf = (node) => (node === null ? '' : 'unknown' in node.dataset ? '\0unknown' : node.textContent);
  const visible = (node) => node !== null && node.checkVisibility();
  const all = (root, selector) => [...root.querySelectorAll(selector)];
  const byField = (nodes, name, text) => Object.fromEntries(nodes.map((node) => [name(node), text(node)]));

  const row = (tr) => {
    const cells = { key: tr.dataset.key };
    if (tr.classList.contains('ended')) cells.ended = 'yes';
    for (const cell of tr.children) {
      const parts = all(cell, '[data-part]');
      if (parts.length === 0) cells[cell.dataset.field] = textOf(cell.querySelector('.value'));
      for (const part of parts) cells[`${cell.dataset.field}.${part.dataset.part}`] = textOf(part.querySelector('[data-unknown]') ?? part);
    }
    return cells;
  };
  const section = (node) => ({
    Title: textOf(node.querySelector('h2')),
    Status: node.dataset.status ?? '',
    Reading: node.querySelector('.reading')?.textContent ?? '',
    Count: node.querySelector('.count')?.textContent ?? '',
    Empty: visible(node.querySelector('.empty')) ? node.querySelector('.empty').textContent : '',
    Notes: all(node, '.notes li').map(textOf),
    Facts: byField(all(node, '.facts > div'), (div) => div.dataset.field, (div) => textOf(div.querySelector('dd span'))),
    Rows: all(node, 'table').filter(visible).flatMap((table) => all(table, 'tbody:not(.spacer) tr')).map(row),
    More: all(node, '.more').filter(visible).map(textOf).join(),
  });

  return {
    Answers: Number(document.documentElement.dataset.answers ?? 0),
    State: document.documentElement.dataset.state,
    Words: document.getElementById('state').textContent,
    Age: document.getElementById('age').textContent,
    Warning: visible(document.getElementById('warning')) ? document.getElementById('warning').innerText : '',
    Troubles: visible(document.getElementById('trouble')) ? all(document, '#troubles li').map((li) => all(li, '*').map(textOf).join(' | ')) : [],
    Off: visible(document.getElementById('off')),
    Title: document.title,
    Glance: byField(all(document, '[id^="glance-"]'), (node) => node.id, textOf),
    Sections: byField(all(document, 'section'), (node) => node.dataset.section ?? 'reading', section),
  };
})()
