// A comparison for a person at a terminal: verdict first, then the gate, the cases, and what to do next.

import { shortHash } from '../../base/index.ts';
import {
  count,
  milliseconds,
  percent,
  pointInterval,
  points,
  pValue,
  signed,
  usd,
  when,
} from '../../base/numbers.ts';
import type {
  ArmSummary,
  CaseDelta,
  Comparison,
  EmbeddingMetric,
  Metric,
  PairedDelta,
} from '../../core/index.ts';
import { contentLines } from '../parts/case-content.ts';
import { betweenRunsText, causeLines } from '../parts/cause.ts';
import { terminalLine } from '../parts/escape.ts';
import { differingLines } from '../parts/excerpt.ts';
import { spentOnJudging, spent as spentText } from '../parts/format.ts';
import { leftOutTexts, poolText } from '../parts/pool.ts';
import { PLAIN, type Style, verdictStyle } from './style.ts';
import { table } from './table.ts';

export interface TextOptions {
  readonly style?: Style;
  /** Most cases listed per section; the rest is counted (default 20). */
  readonly maxCases?: number;
  /** Command to suggest at the end. */
  readonly next?: string | undefined;
  /** Only verdict, failed rules, regressed cases, attribution. */
  readonly brief?: boolean;
}

export const isPaired = (c: CaseDelta): c is PairedDelta => 'delta' in c;

/** The headline in plain words: what happened, to what, by how much, and with `interval` how sure. */
export function headline(c: Comparison, { interval = true }: { readonly interval?: boolean } = {}): string {
  const { overall } = c;
  const whole = wholeRunText(c);
  if (overall.delta === null)
    return `${c.suite}: could not be compared — ${c.reason}${whole === '' ? '' : `; ${whole}`}`;
  const move = `${whole === '' ? '' : `${whole}; of the ${count(c.candidate.cases, 'compared case')}: `}pass rate ${percent(c.baseline.passRate)} → ${percent(c.candidate.passRate)} (${points(overall.delta)}${againstText(c)}${interval ? `, ${Math.round(100 * overall.confidence)} % interval ${pointInterval(overall.interval)}` : ''})`;
  const words: Record<Comparison['verdict'], string> = {
    regressed: 'got worse',
    improved: 'got better',
    unchanged: 'did not change beyond the margin',
    'no-regression-found': 'shows no regression',
    inconclusive: 'is undecided',
    invalid: 'cannot be compared',
  };
  return `${c.suite} ${words[c.verdict]}: ${move}`;
}

/** The rates before and after are of stored runs; where a control of today was run, the change is not their difference. */
export function againstText({ contrasts }: Comparison): string {
  return contrasts === undefined || contrasts.world === null ? '' : ' against the baseline release run today';
}

/** The pass rate of the whole run, where the compared cases are only a part of it. */
function wholeRunText({ candidate: { run, cases } }: Comparison): string {
  if (run === undefined || run.passRate === null || run.cases === cases) return '';
  return `the run passes ${percent(run.passRate)} of all ${count(run.cases, 'case')}`;
}

/** Whole comparison as lines of text. */
export function comparisonText(c: Comparison, options: TextOptions = {}): string {
  const style = options.style ?? PLAIN;
  const max = options.maxCases ?? 20;
  const colour = verdictStyle(style, c.verdict);
  const out: string[] = [];
  out.push(`${colour(style.bold(c.verdict.toUpperCase()))}  ${terminalLine(headline(c), 400)}`);
  for (const line of causeLines(c)) out.push(`  ${terminalLine(line, 400)}`);
  out.push(`  rule: ${terminalLine(c.reason, 600)}`);
  out.push(...armLines(c, style));
  const brief = options.brief === true;
  if (!brief) out.push(...poolLines(c));
  out.push('', ...gateLines(c, style, brief));

  const paired = c.cases.filter(isPaired);
  const worst = (a: PairedDelta, b: PairedDelta): number => a.delta - b.delta || (a.id < b.id ? -1 : 1);
  out.push(
    ...caseSection(
      'Regressed cases',
      paired.filter((d) => d.verdict === 'regressed').sort(worst),
      max,
      style,
    ),
  );
  if (!brief) {
    const suspects = paired.filter((d) => d.verdict === 'inconclusive' && d.delta < 0).sort(worst);
    out.push(...caseSection('Worse, but not shown to be', suspects, Math.min(max, 8), style));
    out.push(
      ...caseSection(
        'Improved cases',
        paired.filter((d) => d.verdict === 'improved').sort((a, b) => worst(b, a)),
        Math.min(max, 8),
        style,
      ),
    );

    const flaky = paired.filter((d) => d.flaky);
    if (flaky.length > 0)
      out.push(
        '',
        `Flaky on both sides (${flaky.length}): ${flaky
          .slice(0, 8)
          .map((d) => terminalLine(d.id, 60))
          .join(', ')}${flaky.length > 8 ? ', …' : ''}`,
      );

    out.push('', 'Flips between the arms (cases)');
    const { flips } = c;
    out.push(
      ...table(
        [
          ['', 'passes now', 'fails now'],
          ['passed before', String(flips.bothPass), String(flips.passToFail)],
          ['failed before', String(flips.failToPass), String(flips.bothFail)],
        ],
        [1, 2],
      ),
    );
    out.push(...sliceLines(c, style));
    out.push(...metricLines(c, style));
  }
  out.push('', 'Attribution');
  out.push(`  ${terminalLine(c.attribution.diagnosis, 400)}`);
  const { layersChanged } = c.attribution;
  out.push(
    `  layers changed: ${layersChanged.length > 0 ? layersChanged.join(', ') : 'none (same fingerprint)'}`,
  );
  out.push(
    `  served model: ${served(c.attribution.servedModels.baseline)}${c.attribution.servedModelChanged ? ` → ${served(c.attribution.servedModels.candidate)}` : ', the same on both sides'}`,
  );
  if (!brief) {
    out.push('', `Coverage: ${terminalLine(c.coverage.sentence, 400)}`);
    for (const state of ['added', 'removed', 'edited', 'ungraded'] as const) {
      const ids = c.coverage[state];
      if (ids.length > 0)
        out.push(
          `  ${state}: ${ids
            .slice(0, 8)
            .map((id) => terminalLine(id, 60))
            .join(', ')}${ids.length > 8 ? `, … ${ids.length - 8} more` : ''}`,
        );
    }
    out.push(...methodLines(c));
    for (const note of c.notes) out.push(`note: ${terminalLine(note, 400)}`);
  }
  if (options.next !== undefined) out.push('', `next: ${options.next}`);
  return `${out.join('\n')}\n`;
}

function armLines(c: Comparison, style: Style): string[] {
  const row = (label: string, arm: ArmSummary): string[] => [
    label,
    arm.id,
    `${terminalLine(arm.release, 40)} ${shortHash(arm.fingerprint)}`,
    when(arm.startedAt),
    `${arm.passed}/${arm.trials} trials of ${count(arm.cases, 'case')} pass`,
    arm.validity === 'valid' ? '' : style.yellow(arm.validity),
    [arm.simulated ? 'simulated or recorded' : '', arm.imported === true ? 'imported' : '']
      .filter((note) => note !== '')
      .map((note) => style.dim(note))
      .join(', '),
  ];
  return table([row('baseline', c.baseline), row('candidate', c.candidate)]);
}

function poolLines(c: Comparison): string[] {
  const pool = poolText(c);
  if (pool === null) return [];
  return [
    `  pool: ${pool}`,
    ...leftOutTexts(c.pool?.leftOut ?? []).map((text) => `    left out: ${terminalLine(text, 300)}`),
  ];
}

function gateLines(c: Comparison, style: Style, brief: boolean): string[] {
  const mark = {
    pass: style.green('ok  '),
    fail: style.red('FAIL'),
    warn: style.yellow('warn'),
    inconclusive: style.yellow('?   '),
  };
  const lines = [`Gate: ${verdictStyle(style, c.gate.outcome)(c.gate.outcome)}`];
  const rules = brief ? c.gate.rules.filter((r) => r.outcome === 'fail') : c.gate.rules;
  const shown = rules.slice(0, brief ? 5 : 12);
  for (const rule of shown)
    lines.push(`  ${mark[rule.outcome]} ${terminalLine(rule.rule, 100)}: ${terminalLine(rule.message, 300)}`);
  if (rules.length > shown.length) lines.push(`  … ${rules.length - shown.length} more rules`);
  return lines;
}

function caseSection(title: string, deltas: readonly PairedDelta[], max: number, style: Style): string[] {
  if (deltas.length === 0) return [];
  const lines = ['', `${title} (${deltas.length})`];
  for (const d of deltas.slice(0, max)) {
    lines.push(
      `  ${style.bold(terminalLine(d.id, 60))}${d.critical ? ' (critical)' : ''}  ${d.baseline.passed}/${d.baseline.trials} → ${d.candidate.passed}/${d.candidate.trials}  ${signed(
        d.delta,
        2,
      )}  ${verdictStyle(style, d.verdict)(d.evidence ?? d.verdict)}`,
      `    ${style.dim(`${terminalLine(d.reason, 200)}${shrunkText(d)}`)}`,
    );
    if (d.example !== undefined) {
      const { content, candidateReasons } = d.example;
      const [before, after] = differingLines(d.example.baseline, d.example.candidate, 160);
      if (content !== undefined) lines.push(...contentLines(content, '    '));
      lines.push(`    before: ${before}`, `    after:  ${after}`);
      if (candidateReasons.length > 0)
        lines.push(`    why:    ${terminalLine(candidateReasons.join('; '), 200)}`);
    }
  }
  if (deltas.length > max) lines.push(`  … ${deltas.length - max} more; --json has all of them`);
  return lines;
}

/** What the counts amount to under the suite's prior: three of three is not certainty. */
function shrunkText({ baseline, candidate }: PairedDelta): string {
  if (baseline.shrunkRate === null || candidate.shrunkRate === null) return '';
  return `; shrunk ${baseline.shrunkRate.toFixed(2)} → ${candidate.shrunkRate.toFixed(2)}`;
}

function sliceLines(c: Comparison, style: Style): string[] {
  if (c.slices.length === 0) return [];
  const rows = c.slices
    .slice(0, 24)
    .map((s) => [
      terminalLine(s.tag, 40),
      `${s.baseline.passed}/${s.baseline.trials}`,
      '→',
      `${s.candidate.passed}/${s.candidate.trials}`,
      signed(100 * s.delta),
      pointInterval(s.interval),
      s.q === null ? `p ${pValue(s.p, s.log10p)}` : `p ${pValue(s.p, s.log10p)}, adjusted ${pValue(s.q)}`,
      verdictStyle(style, s.verdict)(s.verdict),
    ]);
  const lines = ['', 'Slices (passing trials, points)', ...table(rows, [1, 3, 4])];
  if (c.slices.length > 24) lines.push(`  … ${c.slices.length - 24} more tags`);
  return lines;
}

function metricLines(c: Comparison, style: Style): string[] {
  const row = (name: string, m: Metric, show: (v: number | null) => string): string[] => [
    name,
    m.baseline === null
      ? 'not known'
      : `${show(m.baseline.mean)} mean, p50 ${show(m.baseline.p50)}, p95 ${show(m.baseline.p95)}`,
    '→',
    m.candidate === null
      ? 'not known'
      : `${show(m.candidate.mean)} mean, p50 ${show(m.candidate.p50)}, p95 ${show(m.candidate.p95)}`,
    m.verdict === 'shifted' ? style.yellow(m.verdict) : m.verdict,
    [m.change === null ? '' : `${signed(100 * m.change, 0)} %`, m.p === null ? '' : `p ${pValue(m.p)}`]
      .filter((part) => part !== '')
      .join(', '),
  ];
  const number = (v: number | null): string => (v === null ? 'not known' : v.toFixed(1));
  const { refusalRate } = c.metrics;
  return [
    '',
    'Other channels (they warn, they do not fail the gate by default)',
    ...table([
      row('length, characters', c.metrics.length, number),
      row('latency', c.metrics.latencyMs, milliseconds),
      row('cost per trial', c.metrics.costUsd, usd),
      [
        'refusals',
        percent(refusalRate.baseline),
        '→',
        percent(refusalRate.candidate),
        refusalRate.verdict === 'shifted' ? style.yellow(refusalRate.verdict) : refusalRate.verdict,
        refusalRate.p === null ? '' : `p ${pValue(refusalRate.p)}`,
      ],
      ...meaningRows(c.metrics.embedding, style),
    ]),
  ];
}

/** Nothing where the channel was not asked for. */
function meaningRows(m: EmbeddingMetric, style: Style): string[][] {
  if (m.verdict === 'not-tested') return [];
  const text =
    m.shift === null
      ? terminalLine(m.reason, 200)
      : `moved ${m.shift.toFixed(3)} (floor ${m.floor}), p ${pValue(m.p)}`;
  return [
    [
      'meaning (embeddings)',
      count(m.n.baseline, 'answer'),
      '→',
      count(m.n.candidate, 'answer'),
      m.verdict === 'unchanged' ? m.verdict : style.yellow(m.verdict),
      text,
    ],
  ];
}

function methodLines(c: Comparison): string[] {
  const { overall, engine } = c;
  const lines = [
    '',
    `Method: ${overall.method}; ${overall.pairs} pairs, p ${pValue(overall.p, overall.log10p)} two-sided; tier ${engine.tier}, k ${trialsPerCase(overall)}; margin ${percent(engine.margin)}, alpha ${engine.alphaAggregate} + ${engine.alphaCase}, seed ${engine.seed}, ${engine.replicates} replicates`,
    ...(betweenRunsText(c) === null ? [] : [betweenRunsText(c) ?? '']),
  ];
  if (overall.minimumDetectable !== null) {
    lines.push(
      `  This run could not have seen a uniform drop smaller than ${(100 * overall.minimumDetectable).toFixed(1)} points.`,
    );
  }
  if (overall.trialsNeeded !== null) {
    lines.push(`  To settle it: about ${trialsNeededText(c)}.`);
  }
  lines.push(...spentLines(c).map((line) => `  ${line}`));
  lines.push(...ladderLines(c).map((line) => `  ${terminalLine(line, 500)}`));
  const { generalisation } = overall;
  if (generalisation.interval !== null) {
    lines.push(
      `  Beyond these cases (95 %, ${count(generalisation.clusters, 'group')}): ${pointInterval(generalisation.interval)}${generalisation.note === null ? '' : `, ${generalisation.note}`}`,
    );
  }
  return lines;
}

/** Stored trials of a baseline stay as they are; arms that are run together both get more. */
export function trialsNeededText({ overall: { trialsNeeded }, betweenRuns }: Comparison): string {
  return `${count(trialsNeeded ?? 0, 'trial')} per case ${betweenRuns == null ? 'and arm' : 'of the candidate'}`;
}

function trialsPerCase({
  baselineTrialsPerCase: a,
  candidateTrialsPerCase: b,
}: Comparison['overall']): string {
  const shown = (k: number | null): string => (k === null ? '0' : String(Number(k.toFixed(1))));
  return `${shown(a)} → ${shown(b)}`;
}

/** Calls and money, and who judged. */
export function spentLines({ baseline, candidate, engine }: Comparison): string[] {
  const { spent } = candidate;
  if (spent === undefined) return [];
  const cost = (s: NonNullable<ArmSummary['spent']>): string =>
    s.judge === null
      ? `${count(s.calls, 'call')}, ${spentText(s)}`
      : `${count(s.calls, 'call')}, ${spentText(s)} and ${spentOnJudging(s)} for the judge ${shortHash(s.judge)}`;
  const before = baseline.spent === undefined ? '' : `baseline ${cost(baseline.spent)}; `;
  const now = engine.callsSpent === 0 ? '' : `; ${count(engine.callsSpent, 'call')} for this comparison`;
  return [`Spent: ${before}candidate ${cost(spent)}${now}`];
}

/** How the comparison was climbed, and what was asked of the pair before; nothing for a first comparison at a single tier. */
export function ladderLines({ multiplicity: m }: Comparison): string[] {
  if (m === undefined) return [];
  const lines =
    m.rungs.length < 2 && m.role === 'first'
      ? []
      : m.rungs.map((rung) => {
          const p =
            rung.pRegression === null
              ? ''
              : `, p of a drop ${pValue(rung.pRegression)} against ${rung.alphaAggregate}`;
          return `Tier ${rung.tier}, ${count(rung.trials, 'trial')} per case: ${rung.verdict}${p}, ${Number((100 * rung.confidence).toPrecision(3))} % interval ${pointInterval(rung.interval)}`;
        });
  return m.role === 'first' && m.rungs.length < 2 ? lines : [...lines, `This pair: ${m.sentence}`];
}

function served(models: readonly (string | null)[]): string {
  return models.length === 0
    ? 'none'
    : models.map((m) => (m === null ? 'not disclosed' : terminalLine(m, 60))).join(', ');
}
