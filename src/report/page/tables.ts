/** Lets one sort every table by a click on a column's head. */
export function sortTables(): void {
  for (const table of document.querySelectorAll<HTMLTableElement>('table[data-sortable]')) {
    for (const [at, head] of [...table.querySelectorAll('th')].entries()) {
      const button = document.createElement('button');
      button.type = 'button';
      button.textContent = head.textContent;
      button.addEventListener('click', () => sort(table, at));
      head.replaceChildren(button);
    }
  }
}

function sort(table: HTMLTableElement, at: number): void {
  const heads = [...table.querySelectorAll('th')];
  const isUp = heads[at]?.ariaSort !== 'ascending';
  for (const head of heads) head.ariaSort = null;
  const head = heads[at];
  if (head) head.ariaSort = isUp ? 'ascending' : 'descending';
  const [body] = table.tBodies;
  if (!body) return;
  const sign = isUp ? 1 : -1;
  const rows = [...body.rows].map((row) => ({ row, key: keyOf(row.cells[at]) }));
  rows.sort((a, b) => sign * compare(a.key, b.key));
  body.replaceChildren(...rows.map(({ row }) => row));
}

function keyOf(cell: HTMLTableCellElement | undefined): string {
  return cell?.dataset['sort'] ?? cell?.textContent ?? '';
}

function compare(a: string, b: string): number {
  const [left, right] = [Number(a), Number(b)];
  if (a !== '' && b !== '' && !Number.isNaN(left) && !Number.isNaN(right)) return left - right;
  return a.localeCompare(b, undefined, { numeric: true });
}

/** Shows the rows alone that have all the words; every table says how many these are. */
export function searchTables(): void {
  const box = document.querySelector<HTMLInputElement>('#search');
  box?.addEventListener('input', () => {
    const words = box.value
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== '');
    for (const table of document.querySelectorAll<HTMLTableElement>('table[data-sortable]')) {
      let shown = 0;
      const [body] = table.tBodies;
      const rows = [...(body?.rows ?? [])];
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        if (!row.hidden) shown += 1;
      }
      say(table, words.length === 0 ? '' : `${shown} of ${rows.length} rows`);
    }
  });
}

function say(table: HTMLTableElement, text: string): void {
  const place = table.parentElement;
  let note = place?.previousElementSibling;
  if (!note?.classList.contains('found')) {
    note = document.createElement('p');
    note.className = 'found';
    note.setAttribute('role', 'status');
    place?.before(note);
  }
  note.textContent = text;
}
