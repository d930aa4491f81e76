// Comma-separated values (RFC 4180): quotes, doubled quotes, line breaks inside quotes.

interface CsvRecord {
  /** Line it starts on, from 1. */
  readonly line: number;
  readonly cells: readonly string[];
}

export type CsvResult =
  | { readonly ok: true; readonly records: readonly CsvRecord[] }
  | { readonly ok: false; readonly line: number; readonly problem: string };

/** Splits text whose line ends are already `\n`. Blank lines are skipped; a quote counts only at the start of a cell. */
export function parseCsv(text: string): CsvResult {
  const records: CsvRecord[] = [];
  let cells: string[] = [];
  let line = 1;
  let startLine = 1;
  let at = 0;
  const endRecord = (): void => {
    if (cells.length > 1 || cells[0] !== '') records.push({ line: startLine, cells });
    cells = [];
    line++;
    startLine = line;
  };
  while (at < text.length) {
    if (text[at] === '"') {
      const opened = line;
      let cell = '';
      let from = at + 1;
      for (;;) {
        const quote = text.indexOf('"', from);
        if (quote < 0) return { ok: false, line: opened, problem: 'a quoted cell is never closed' };
        cell += text.slice(from, quote);
        if (text[quote + 1] !== '"') {
          at = quote + 1;
          break;
        }
        cell += '"';
        from = quote + 2;
      }
      line += cell.split('\n').length - 1;
      cells.push(cell);
      if (at < text.length && text[at] !== ',' && text[at] !== '\n') {
        return { ok: false, line, problem: 'text follows the closing quote of a cell' };
      }
    } else {
      let end = at;
      while (end < text.length && text[end] !== ',' && text[end] !== '\n') end++;
      cells.push(text.slice(at, end));
      at = end;
    }
    if (text[at] === ',') {
      at++;
      if (at === text.length || text[at] === '\n') cells.push('');
    }
    if (text[at] === '\n') {
      at++;
      endRecord();
    }
  }
  if (cells.length > 0) endRecord();
  return { ok: true, records };
}
