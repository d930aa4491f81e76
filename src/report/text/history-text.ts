// A series for a person at a terminal: a plot of columns, the shifts with what changed there, and the drift.

import { count, percent, points, pValue, when } from '../../base/numbers.ts';
import type { HistoryPoint, HistoryReport, HistoryShift, SeriesChange } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';
import { table } from './table.ts';

const COLUMNS = 72;
const BLOCKS = '▁▂▃▄▅▆▇█';
/** Snapshots listed one by one; older ones are only plotted. */
const LISTED = 15;

export function historyText(
  h: HistoryReport,
  options: { readonly style?: Style; readonly all?: boolean } = {},
): string {
  const style = options.style ?? PLAIN;
  const first = h.points[0];
  const last = h.points.at(-1);
  const what = h.scope.kind === 'suite' ? '' : `  ${h.scope.kind} ${terminalLine(h.scope.name, 60)}`;
  const out = [
    `${style.bold(terminalLine(h.suite, 60))}${what}  ${count(h.points.length, 'snapshot')}, ${when(first?.at ?? null)} to ${when(last?.at ?? null)} UTC`,
    h.anchor === null
      ? '  no baseline'
      : `  baseline ${h.anchor.snapshot}, blessed ${when(h.anchor.blessedAt)}, ${count(h.anchor.ageDays, 'day')} old`,
    '',
    ...plot(h),
    '',
  ];
  const lasting = h.onsets.filter((o) => o.runs > 1);
  const fresh = h.onsets.filter((o) => o.runs <= 1);
  if (lasting.length > 0) {
    out.push(style.red(style.bold('Regressions that are still there')));
    for (const o of lasting) out.push(...shiftLines(o, h, style));
    out.push('');
  }
  if (fresh.length > 0) {
    out.push(style.red(style.bold('Worse than the baseline in the newest run only')));
    for (const o of fresh) out.push(...shiftLines(o, h, style));
    out.push('  One run cannot show that it lasts. Run the suite again.', '');
  }
  if (h.shifts.length > 0) {
    out.push(style.bold('Lasting changes of the level'));
    for (const s of h.shifts) out.push(...shiftLines(s, h, style));
    out.push('');
  }
  const decaying = h.trend.state === 'decaying';
  out.push(
    `${style.bold('Drift')}  ${(decaying ? style.red : (t: string) => t)(terminalLine(h.trend.reason, 300))}`,
  );
  if (h.trend.state !== 'not-tested' && h.trend.sinceAnchor !== null)
    out.push(`  now against the baseline: ${points(h.trend.sinceAnchor)}`);
  const plain = h.changes.filter((c) => ![...h.onsets, ...h.shifts].some((s) => s.index === c.index));
  if (plain.length > 0) {
    out.push('', style.bold('Other changes of configuration'));
    for (const c of plain.slice(-10)) out.push(`  ${when(c.at)}  ${c.snapshot}  ${changeText(c)}`);
    if (plain.length > 10) out.push(`  … ${plain.length - 10} earlier ones; --json has all of them`);
  }
  out.push('', ...list(h, style, options.all === true));
  for (const note of h.notes) out.push(`  note: ${terminalLine(note, 300)}`);
  return `${out.join('\n')}\n`;
}

/** One column a snapshot, or a stretch of snapshots where there are more than fit. */
function plot(h: HistoryReport): string[] {
  const known = h.points.flatMap((p) => (p.passRate === null || p.subset ? [] : [p.passRate]));
  if (known.length === 0) return ['  (nothing that can be plotted)'];
  const top = Math.max(...known);
  const low = Math.min(...known);
  const floor = top - low < 0.1 ? Math.max(0, top - 0.1) : low;
  const width = Math.min(COLUMNS, h.points.length);
  const columns = Array.from(
    { length: width },
    (_, i): { value: number | null; from: number; to: number } => {
      const from = Math.floor((i * h.points.length) / width);
      const to = Math.max(from + 1, Math.floor(((i + 1) * h.points.length) / width));
      return { value: meanRate(h.points.slice(from, to)), from, to };
    },
  );
  const bars = columns
    .map(({ value }) => {
      if (value === null) return '·';
      const level = top === floor ? 1 : (value - floor) / (top - floor);
      return BLOCKS[Math.max(0, Math.min(7, Math.round(level * 7)))] ?? '·';
    })
    .join('');
  const has = (indices: readonly number[], from: number, to: number): boolean =>
    indices.some((i) => i >= from && i < to);
  const onsets = h.onsets.map((o) => o.index);
  const shifts = h.shifts.map((s) => s.index);
  const changes = h.changes.map((c) => c.index);
  const anchor = h.points.findIndex((p) => p.snapshot === h.anchor?.snapshot);
  const marks = columns
    .map(({ from, to }) =>
      has(onsets, from, to)
        ? '!'
        : has(shifts, from, to)
          ? '^'
          : has([anchor], from, to)
            ? 'B'
            : has(changes, from, to)
              ? 'c'
              : ' ',
    )
    .join('')
    .trimEnd();
  const lines = [`  ${percent(top).padStart(7)} ┐`, `          ${bars}`, `  ${percent(floor).padStart(7)} ┘`];
  if (marks !== '')
    lines.push(
      `          ${marks}`,
      '          B baseline   ! onset of a regression   ^ level changed   c configuration changed   · not known, or a subset',
    );
  return lines;
}

function meanRate(stretch: readonly HistoryPoint[]): number | null {
  const known = stretch.flatMap((p) => (p.passRate === null || p.subset ? [] : [p.passRate]));
  return known.length === 0 ? null : known.reduce((sum, v) => sum + v, 0) / known.length;
}

function shiftLines(s: HistoryShift, h: HistoryReport, style: Style): string[] {
  const cases =
    s.cases.length === 0 || h.scope.kind === 'case'
      ? ''
      : ` in ${count(s.cases.length, 'case')}: ${s.cases
          .slice(0, 6)
          .map((id) => terminalLine(id, 50))
          .join(', ')}${s.cases.length > 6 ? ', …' : ''}`;
  return [
    `  ${s.direction} from ${percent(s.before)} to ${percent(s.level)} at ${s.snapshot} (${when(s.at)}; after ${s.after.snapshot}, ${when(s.after.at)}; p = ${pValue(s.p)})${cases}`,
    `    ${style.dim(s.change === null ? s.diagnosis : `${s.diagnosis}: ${changeText(s.change)}`)}`,
  ];
}

function changeText(c: SeriesChange): string {
  const parts: string[] = [];
  if (c.release !== null && c.release.before !== c.release.after)
    parts.push(`release ${terminalLine(c.release.before, 40)} → ${terminalLine(c.release.after, 40)}`);
  if (c.layersChanged.length > 0) parts.push(`layers ${c.layersChanged.join(', ')}`);
  const named = (list: readonly string[]): string => list.map((m) => terminalLine(m, 60)).join(', ');
  if (c.servedModels !== null)
    parts.push(`served ${named(c.servedModels.before)} → ${named(c.servedModels.after)}`);
  if (c.systemFingerprints !== null)
    parts.push(
      `system fingerprint ${named(c.systemFingerprints.before)} → ${named(c.systemFingerprints.after)}`,
    );
  if (c.examChanged) parts.push('exam');
  return parts.join('; ');
}

function list(h: HistoryReport, style: Style, all: boolean): string[] {
  const shown = all ? h.points : h.points.slice(-LISTED);
  const rows = [
    ['UTC', 'snapshot', 'release', 'pass rate', '95 % interval', 'passed', 'cases', ''].map((t) =>
      style.dim(t),
    ),
    ...shown.map((p) => [
      when(p.at),
      p.snapshot,
      terminalLine(p.release, 36),
      percent(p.passRate),
      p.interval === null ? '' : `${percent(p.interval[0])} – ${percent(p.interval[1])}`,
      `${p.passed}/${p.trials}`,
      String(p.cases),
      [
        p.subset ? style.yellow('subset') : '',
        p.validity === 'valid' ? '' : style.yellow(p.validity),
        p.snapshot === h.anchor?.snapshot ? style.green('baseline') : '',
      ]
        .filter(Boolean)
        .join(' '),
    ]),
  ];
  const hidden = h.points.length - shown.length;
  return [...(hidden > 0 ? [`  … ${hidden} earlier ones; --all lists them`] : []), ...table(rows, [3, 5, 6])];
}
