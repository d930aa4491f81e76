// A comparison, with its history and rollback decision where there are any, as one self-contained page.

import type { Comparison, PairedDelta, RollbackDecision } from '../core/index.ts';
import { shortHash } from '../core/index.ts';
import { headline, isPaired } from './comparison-text.ts';
import { htmlText as h } from './escape.ts';
import { milliseconds, percent, pointInterval, pValue, signed, usd, when } from './format.ts';
import { htmlPage, htmlTable } from './html-page.ts';
import { rollbackText } from './rollback-text.ts';
import { type SeriesMark, type SeriesPoint, seriesSvg } from './series-svg.ts';

export interface HtmlOptions {
  readonly history?: { readonly points: readonly SeriesPoint[]; readonly marks: readonly SeriesMark[] };
  readonly rollback?: RollbackDecision;
  /** Said at the top, e.g. that everything here is simulated. */
  readonly banner?: string;
}

const tone = (word: string): string =>
  word === 'regressed' || word === 'fail' || word === 'none'
    ? 'bad'
    : word === 'improved' || word === 'unchanged' || word === 'pass' || word === 'verified'
      ? 'good'
      : 'warn';

/** The whole page. */
export function comparisonHtml(c: Comparison, options: HtmlOptions = {}): string {
  const paired = c.cases.filter(isPaired);
  const changed = paired.filter((d) => d.delta !== 0 || d.verdict !== 'unchanged').sort(order);
  const same = paired.filter((d) => d.delta === 0 && d.verdict === 'unchanged');
  const simulated = c.baseline.simulated || c.candidate.simulated;
  const body = [
    `<h1><span class="verdict ${tone(c.verdict)}">${c.verdict}</span>${h(headline(c))}</h1>`,
    `<p>${h(c.reason)}</p>`,
    options.banner !== undefined || simulated
      ? `<p class="banner">${h(options.banner ?? 'Outputs here come from a simulator or from recordings, not from a live model.')}</p>`
      : '',
    arms(c),
    `<h2>Gate: <span class="${tone(c.gate.outcome)}">${c.gate.outcome}</span></h2>`,
    htmlTable(
      ['', 'rule', 'what it saw'],
      c.gate.rules.map((r) => [
        `<span class="${tone(r.outcome)}">${r.outcome}</span>`,
        h(r.rule),
        h(r.message),
      ]),
    ),
    options.history === undefined
      ? ''
      : `<h2>Over time</h2>${seriesSvg('Pass rate a night', options.history.points, options.history.marks)}`,
    options.rollback === undefined ? '' : rollbackSection(options.rollback),
    `<h2>Cases that changed (${changed.length} of ${paired.length})</h2>`,
    changed.length === 0 ? '<p class="dim">None.</p>' : caseTable(changed.slice(0, 1000)),
    examples(changed),
    same.length === 0
      ? ''
      : `<details><summary>${same.length} cases that did not change</summary><p><code>${same
          .slice(0, 2000)
          .map((d) => h(d.id))
          .join(', ')}</code></p></details>`,
    '<h2>Slices</h2>',
    htmlTable(
      ['tag', 'before', 'after', 'points', 'interval', 'p', 'adjusted', ''],
      c.slices.map((s) => [
        h(s.tag),
        `${s.baseline.passed}/${s.baseline.trials}`,
        `${s.candidate.passed}/${s.candidate.trials}`,
        signed(100 * s.delta),
        pointInterval(s.interval),
        pValue(s.p, s.log10p),
        s.q === null ? 'not tested' : pValue(s.q),
        `<span class="${tone(s.verdict)}">${s.verdict}</span>`,
      ]),
      [1, 2, 3, 4, 5, 6],
    ),
    '<h2>Other channels</h2>',
    metrics(c),
    '<h2>Attribution and coverage</h2>',
    `<p>${h(c.attribution.diagnosis)}. Layers changed: ${h(c.attribution.layersChanged.join(', ') || 'none (same fingerprint)')}.</p><p>${h(c.coverage.sentence)}</p>`,
    '<h2>Method</h2>',
    `<p>${h(c.overall.method)}; ${c.overall.pairs} pairs; p ${pValue(c.overall.p, c.overall.log10p)} two-sided; seed ${c.engine.seed}; ${c.engine.replicates} replicates; margin ${percent(c.engine.margin)}.${
      c.overall.minimumDetectable === null
        ? ''
        : ` This run could not have seen a uniform drop smaller than ${(100 * c.overall.minimumDetectable).toFixed(1)} points.`
    }</p>`,
    ...c.notes.map((n) => `<p class="warn">${h(n)}</p>`),
  ];
  return htmlPage(`${c.suite}: ${c.verdict}`, body.filter((part) => part !== '').join('\n'));
}

const order = (a: PairedDelta, b: PairedDelta): number =>
  Number(b.verdict === 'regressed') - Number(a.verdict === 'regressed') ||
  a.delta - b.delta ||
  (a.id < b.id ? -1 : 1);

function arms(c: Comparison): string {
  const row = (name: string, a: Comparison['baseline']): string[] => [
    name,
    `<code>${h(a.id)}</code>`,
    `${h(a.release)} <code>${shortHash(a.fingerprint)}</code>`,
    when(a.startedAt),
    `${a.passed}/${a.trials}`,
    percent(a.passRate),
    a.validity,
  ];
  return htmlTable(
    ['', 'snapshot', 'release', 'UTC', 'passing trials', 'pass rate', ''],
    [row('baseline', c.baseline), row('candidate', c.candidate)],
    [4, 5],
  );
}

function caseTable(deltas: readonly PairedDelta[]): string {
  return htmlTable(
    ['case', 'before', 'after', 'delta', 'verdict', 'why'],
    deltas.map((d) => [
      `<code>${h(d.id)}</code>${d.critical ? ' <strong>critical</strong>' : ''}`,
      `${d.baseline.passed}/${d.baseline.trials}`,
      `${d.candidate.passed}/${d.candidate.trials}`,
      signed(d.delta, 2),
      `<span class="${tone(d.verdict)}">${d.verdict}${d.evidence === null ? '' : `, ${d.evidence}`}</span>`,
      h(d.reason),
    ]),
    [1, 2, 3],
  );
}

function examples(deltas: readonly PairedDelta[]): string {
  return deltas
    .flatMap((d) =>
      d.example === undefined
        ? []
        : [
            `<details open><summary>Before and after: <code>${h(d.id)}</code></summary><div class="pair"><div><strong>Before</strong><pre>${h(d.example.baseline)}</pre></div><div><strong>After</strong><pre>${h(d.example.candidate)}</pre></div></div>${
              d.example.candidateReasons.length === 0
                ? ''
                : `<p class="dim">${h(d.example.candidateReasons.join('; '))}</p>`
            }</details>`,
          ],
    )
    .join('\n');
}

function metrics(c: Comparison): string {
  const row = (
    name: string,
    m: Comparison['metrics']['length'],
    show: (v: number | null) => string,
  ): string[] => [
    name,
    m.baseline === null ? 'not known' : `${show(m.baseline.p50)} / ${show(m.baseline.p95)}`,
    m.candidate === null ? 'not known' : `${show(m.candidate.p50)} / ${show(m.candidate.p95)}`,
    m.change === null ? '' : `${signed(100 * m.change, 0)} %`,
    `<span class="${m.verdict === 'shifted' ? 'warn' : 'dim'}">${m.verdict}</span>`,
    h(m.reason),
  ];
  const { refusalRate } = c.metrics;
  return htmlTable(
    ['p50 / p95', 'before', 'after', 'change', '', ''],
    [
      row('length, characters', c.metrics.length, (v) => (v === null ? 'not known' : v.toFixed(0))),
      row('latency', c.metrics.latencyMs, milliseconds),
      row('cost per trial', c.metrics.costUsd, usd),
      [
        'refusals (share)',
        percent(refusalRate.baseline),
        percent(refusalRate.candidate),
        '',
        `<span class="${refusalRate.verdict === 'shifted' ? 'warn' : 'dim'}">${refusalRate.verdict}</span>`,
        h(refusalRate.reason),
      ],
    ],
    [1, 2, 3],
  );
}

function rollbackSection(d: RollbackDecision): string {
  return `<h2>Rollback: <span class="${tone(d.decision)}">${d.decision}</span></h2><pre>${h(rollbackText(d))}</pre>`;
}
