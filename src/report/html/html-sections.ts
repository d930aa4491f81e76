// The small sections of the HTML report: arms, gate, flips, slices, channels, configuration.

import { shortHash } from '../../base/index.ts';
import {
  count,
  milliseconds,
  percent,
  pointInterval,
  pValue,
  signed,
  usd,
  when,
} from '../../base/numbers.ts';
import type { Comparison } from '../../core/index.ts';
import { betweenRunsText, causeLines } from '../parts/cause.ts';
import { terminalText } from '../parts/escape.ts';
import { leftOutTexts, poolText } from '../parts/pool.ts';
import { intervalStrip } from './forest-svg.ts';
import { type Content, type Html, html, htmlLines, joinHtml } from './html.ts';
import { htmlTable, tone } from './html-page.ts';

/** Slices listed in full; the rest is counted. */
const MAX_SLICES = 60;

/** What one layer of the configuration changed from and to, as readable lines. */
export interface LayerChange {
  readonly layer: string;
  readonly state: 'same' | 'changed' | 'added' | 'removed';
  readonly lines: readonly string[];
}

export function armsTable(c: Comparison): Html {
  const row = (name: string, a: Comparison['baseline']): Content[] => [
    name,
    html`<code>${a.id}</code>`,
    html`${a.release} <code>${shortHash(a.fingerprint)}</code>`,
    when(a.startedAt),
    `${a.passed}/${a.trials}`,
    percent(a.passRate),
    html`<span class="${tone(a.validity)}">${a.validity}</span>${joinHtml(
      a.validityReasons.map((r) => ` ${r}`),
      ';',
    )}`,
  ];
  return htmlTable(
    ['', 'snapshot', 'release', 'UTC', 'passing trials', 'pass rate', 'validity'],
    [row('baseline', c.baseline), row('candidate', c.candidate)],
    { numeric: [4, 5] },
  );
}

/** Rules that did not pass stand first. */
export function gateTable(c: Comparison): Html {
  const weight = { fail: 0, inconclusive: 1, warn: 2, pass: 3 } as const;
  const rules = [...c.gate.rules].sort((a, b) => weight[a.outcome] - weight[b.outcome]);
  return htmlTable(
    ['rule', 'outcome', 'what it saw'],
    rules.map((r) => [r.rule, html`<span class="${tone(r.outcome)}">${r.outcome}</span>`, r.message]),
    { narrow: 'stack' },
  );
}

/** Cases by what they did before and after; the two cells that changed are the bold ones. */
export function flipsTable(c: Comparison): Html {
  const { passToFail, failToPass, bothPass, bothFail } = c.flips;
  return html`<table class="flips"><caption>Cases before and after; a case passes when more than half of its trials do</caption><thead><tr><td></td><th scope="col">passes now</th><th scope="col">fails now</th></tr></thead><tbody>
<tr><th scope="row">passed before</th><td>${bothPass}</td><td class="hot bad">${passToFail}</td></tr>
<tr><th scope="row">failed before</th><td class="hot good">${failToPass}</td><td>${bothFail}</td></tr></tbody></table>`;
}

/** Moved slices first. */
export function sliceTable(c: Comparison): Html {
  const slices = [...c.slices].sort(
    (a, b) =>
      Number(a.verdict === 'unchanged') - Number(b.verdict === 'unchanged') ||
      Math.abs(b.delta) - Math.abs(a.delta),
  );
  let reach = 0.05;
  for (const s of slices)
    for (const v of [s.delta, ...(s.interval ?? [])]) reach = Math.max(reach, Math.abs(v));
  const table = htmlTable(
    ['tag', 'cases', 'before', 'after', 'points', 'interval', '', 'p', 'adjusted', 'verdict'],
    slices
      .slice(0, MAX_SLICES)
      .map((s) => [
        html`<a href="#tag=${encodeURIComponent(terminalText(s.tag))}">${s.tag}</a>`,
        String(s.cases),
        percent(s.baseline.passRate, 0),
        percent(s.candidate.passRate, 0),
        signed(100 * s.delta),
        pointInterval(s.interval),
        intervalStrip(s.delta, s.interval, s.verdict, reach),
        pValue(s.p, s.log10p),
        s.q === null ? 'not tested' : pValue(s.q),
        html`<span class="${tone(s.verdict)}">${s.verdict}</span>`,
      ]),
    { numeric: [1, 2, 3, 4, 5, 7, 8], caption: 'Pass rate by tag; a tag filters the case table' },
  );
  return slices.length > MAX_SLICES
    ? html`${table}<p class="dim">${slices.length - MAX_SLICES} more tags moved less.</p>`
    : table;
}

/** Length, latency, cost, refusals and meaning before and after. */
export function channelTable(c: Comparison): Html {
  const row = (
    name: string,
    m: Comparison['metrics']['length'],
    show: (v: number | null) => string,
  ): Content[] => [
    name,
    m.baseline === null ? 'not known' : `${show(m.baseline.p50)} / ${show(m.baseline.p95)}`,
    m.candidate === null ? 'not known' : `${show(m.candidate.p50)} / ${show(m.candidate.p95)}`,
    m.change === null ? '' : `${signed(100 * m.change, 0)} %`,
    html`<span class="${m.verdict === 'shifted' ? 'warn' : 'dim'}">${m.verdict}</span>`,
    html`<span class="small">${m.reason}</span>`,
  ];
  const { refusalRate, embedding } = c.metrics;
  return htmlTable(
    ['channel', 'before', 'after', 'change', 'verdict', 'why'],
    [
      row('length, characters', c.metrics.length, (v) => (v === null ? 'not known' : v.toFixed(0))),
      row('latency', c.metrics.latencyMs, milliseconds),
      row('cost per trial', c.metrics.costUsd, usd),
      [
        'refusals (share)',
        percent(refusalRate.baseline),
        percent(refusalRate.candidate),
        '',
        html`<span class="${refusalRate.verdict === 'shifted' ? 'warn' : 'dim'}">${refusalRate.verdict}</span>`,
        html`<span class="small">${refusalRate.reason}</span>`,
      ],
      ...(embedding.verdict === 'not-tested'
        ? []
        : [
            [
              'meaning (embeddings)',
              count(embedding.n.baseline, 'answer'),
              count(embedding.n.candidate, 'answer'),
              embedding.shift === null ? '' : embedding.shift.toFixed(3),
              html`<span class="${embedding.verdict === 'unchanged' ? 'dim' : 'warn'}">${embedding.verdict}</span>`,
              html`<span class="small">${embedding.reason}</span>`,
            ],
          ]),
    ],
    { numeric: [1, 2, 3], caption: 'Median / 95th percentile' },
  );
}

/** Diagnosis, served models, and the readable difference of the layers where it is known. */
export function configurationSection(c: Comparison, changes: readonly LayerChange[]): Html {
  const { diagnosis, layersChanged, servedModels, servedModelChanged } = c.attribution;
  const named = (models: readonly (string | null)[]): string =>
    models.length === 0 ? 'nothing' : models.map((m) => m ?? 'not disclosed').join(', ');
  const [cause, ...contrasts] = causeLines(c);
  return htmlLines([
    ...(cause === undefined ? [] : [html`<p><strong>${cause}</strong></p>`]),
    ...contrasts.map((line) => html`<p class="small">${line}</p>`),
    html`<p><strong>${diagnosis}</strong>. Layers changed: ${layersChanged.join(', ') || 'none (same fingerprint)'}. Served model: ${named(servedModels.baseline)}${servedModelChanged ? html` → <span class="warn">${named(servedModels.candidate)}</span>` : ', the same on both sides'}.</p>`,
    ...changes
      .filter((l) => l.state !== 'same')
      .map(
        (l) =>
          html`<details open><summary><code>${l.layer}</code> ${l.state}</summary><pre tabindex="0">${diffLines(l.lines)}</pre></details>`,
      ),
  ]);
}

/** Lines of a unified diff with their signs marked. */
export function diffLines(lines: readonly string[]): Html {
  const marked = lines
    .slice(0, 400)
    .map((line) =>
      line.startsWith('+')
        ? html`<ins>${line}</ins>`
        : line.startsWith('-')
          ? html`<del>${line}</del>`
          : line,
    );
  return joinHtml(marked, '\n');
}

function poolSection(c: Comparison): Html[] {
  const pool = poolText(c);
  if (pool === null || c.pool === undefined) return [];
  const { runs, leftOut } = c.pool;
  const ids = runs.length === 1 ? '' : html` <span class="dim">(${runs.join(', ')})</span>`;
  const reasons = leftOutTexts(leftOut).map((text) => html`<li>left out: ${text}</li>`);
  return [
    html`<p class="small">Baseline: ${pool}${ids}</p>`,
    ...(reasons.length === 0 ? [] : [html`<ul class="small">${joinHtml(reasons, '')}</ul>`]),
  ];
}

export function methodSection(c: Comparison): Html {
  const { overall, engine } = c;
  return htmlLines([
    html`<p class="small">${overall.method}; ${overall.pairs} pairs; p ${pValue(overall.p, overall.log10p)} two-sided; seed ${engine.seed}; ${engine.replicates} replicates; margin ${percent(engine.margin)}.${
      overall.minimumDetectable === null
        ? ''
        : ` This run could not have seen a uniform drop smaller than ${(100 * overall.minimumDetectable).toFixed(1)} points.`
    }</p>`,
    ...(betweenRunsText(c) === null ? [] : [html`<p class="small">${betweenRunsText(c) ?? ''}</p>`]),
    ...poolSection(c),
    html`<p class="small">Coverage: ${c.coverage.sentence}</p>`,
    ...c.notes.map((n) => html`<p class="warn">${n}</p>`),
  ]);
}
