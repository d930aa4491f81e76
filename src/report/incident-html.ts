// The post-mortem as a self-contained page: the same words as the Markdown, with plots and marked differences.

import type { IncidentReport } from '../core/index.ts';
import { htmlText as h } from './escape.ts';
import { forestSvg } from './forest-svg.ts';
import { sideBySide } from './html-diff.ts';
import { htmlPage, htmlTable } from './html-page.ts';
import { diffLines } from './html-sections.ts';
import type { Block, Inline, Line } from './incident-blocks.ts';
import { incidentBlocks } from './incident-document.ts';
import { type SeriesMark, type SeriesPoint, seriesSvg } from './series-svg.ts';

export interface IncidentHtmlOptions {
  /** The suite's runs, for the plot at the top. */
  readonly history?: { readonly points: readonly SeriesPoint[]; readonly marks: readonly SeriesMark[] };
}

/** The whole page; it runs no script. */
export function incidentHtml(report: IncidentReport, options: IncidentHtmlOptions = {}): string {
  const blocks = incidentBlocks(report);
  const plots = [
    options.history === undefined || options.history.points.length < 3
      ? ''
      : seriesSvg('Pass rate a run, with 95 % interval', options.history.points, options.history.marks),
    forestSvg(
      'Change in pass rate by tag, points',
      report.comparison.slices
        .slice(0, 20)
        .map((s) => ({ label: s.tag, delta: s.delta, interval: s.interval, verdict: s.verdict }))
        .sort((a, b) => a.delta - b.delta),
      report.comparison.engine.margin,
    ),
  ].join('');
  const parts = blocks.map((b) =>
    b.kind === 'heading' && b.text === 'What changed in behaviour' ? `${block(b)}${plots}` : block(b),
  );
  const first = blocks[0];
  return htmlPage(first?.kind === 'heading' ? first.text : report.suite, parts.join('\n'));
}

function block(b: Block): string {
  switch (b.kind) {
    case 'heading':
      return `<h${b.level}>${h(b.text)}</h${b.level}>`;
    case 'paragraph':
      return `<p>${line(b.parts)}</p>`;
    case 'note':
      return `<p class="banner">${line(b.parts)}</p>`;
    case 'list':
      return `<ul>${b.items.map((item) => `<li>${line(item)}</li>`).join('')}</ul>`;
    case 'table':
      return htmlTable(
        b.head.map(h),
        b.rows.map((cells) => cells.map(line)),
        b.numeric,
        undefined,
        b.head.length <= 2 ? 'fit' : 'scroll',
      );
    case 'quote':
      return `<details><summary>${h(b.title)}</summary><pre tabindex="0">${h(b.text)}</pre></details>`;
    case 'pair':
      return sideBySide(b.before, b.after);
    case 'diff':
      return `<pre tabindex="0">${diffLines(b.lines)}</pre>`;
  }
}

function line(parts: Line): string {
  return parts.map(inline).join('');
}

function inline(part: Inline): string {
  if (typeof part === 'string') return h(part);
  return 'code' in part ? `<code>${h(part.code)}</code>` : `<strong>${h(part.strong)}</strong>`;
}
