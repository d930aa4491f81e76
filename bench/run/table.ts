// The measured runs as Markdown tables, readable on a terminal too.

import { median } from '../kit/measure.ts';
import type { SideRun } from './sides.ts';
import type { Row } from './targets.ts';

/** A Markdown table whose columns line up. */
export function markdownTable(head: readonly string[], body: readonly (readonly string[])[]): string {
  const widths = head.map((cell, i) => Math.max(3, cell.length, ...body.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`;
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...body.map(line)].join(
    '\n',
  );
}

export function targetsTable(rows: readonly Row[]): string {
  const word = (ok: boolean | null): string => (ok === null ? '–' : ok ? 'ok' : '**miss**');
  return markdownTable(
    ['#', 'target', 'bar', 'seen', '', 'beside it'],
    rows.map((row) => [row.target, row.what, row.bar, row.seen, word(row.ok), row.beside]),
  );
}

/** What each side took under each load: the median, and the least and most where there were several runs. */
export function runsTable(runs: readonly SideRun[]): string {
  const groups = Map.groupBy(runs, ({ side, load }) =>
    JSON.stringify([load.cases, load.latencyMs, load.concurrency, side]),
  );
  const range = (values: readonly number[], digits: number): string => {
    const text = median(values).toFixed(digits);
    if (values.length === 1) return text;
    return `${text} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;
  };
  const body = [...groups.values()].map((group) => {
    const { side, load } = group[0] as SideRun;
    return [
      load.cases.toLocaleString('en-US'),
      `${load.latencyMs} ms`,
      String(load.concurrency),
      side,
      String(group.length),
      range(
        group.map((run) => run.wallMs / 1000),
        2,
      ),
      range(
        group.map((run) => (load.cases / run.wallMs) * 1000),
        0,
      ),
      range(
        group.map((run) => run.cpuMs / load.cases),
        3,
      ),
      range(
        group.map((run) => run.rssMb),
        0,
      ),
    ];
  });
  return markdownTable(
    ['cases', 'latency', 'at once', '', 'runs', 'wall s', 'cases/s', 'CPU ms/case', 'peak MB'],
    body,
  );
}
