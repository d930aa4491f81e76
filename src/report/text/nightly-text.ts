// A night for the person who reads it over breakfast: five lines when all is well, the change and the next command when it is not.

import { shortHash } from '../../base/index.ts';
import { count, percent, pointInterval, points, pValue, signed, when } from '../../base/numbers.ts';
import type { Comparison, InWords, SnapshotSummary } from '../../core/index.ts';
import { terminalLine } from '../parts/escape.ts';
import { passRateText, spent, spentOnAll } from '../parts/format.ts';
import { PLAIN, type Style } from './style.ts';

/** One look of a night's decision, as the report needs it. */
interface Look {
  readonly look: string;
  readonly outcome: string;
  readonly p: number;
  readonly alpha: number;
  readonly delta: number;
  readonly interval: readonly [number, number];
  readonly drivenBy: string;
  readonly passRate: number;
  readonly baselinePassRate: number;
}

interface LookedCase {
  readonly id: string;
  readonly baseline: { readonly passed: number; readonly trials: number };
  readonly tonight: { readonly passed: number; readonly trials: number };
  readonly fresh: { readonly passed: number; readonly trials: number } | null;
  readonly p: number | null;
  readonly outcome: string;
}

/** What `nightly` prints; a subset of the job's own result. */
export interface NightlyFacts extends InWords {
  readonly state: string;
  readonly reason: string;
  readonly night: {
    readonly summary: SnapshotSummary;
    readonly comparison: Comparison | null;
    readonly rerun: { readonly summary: SnapshotSummary; readonly comparison: Comparison } | null;
    readonly decision: {
      readonly looks: readonly Look[];
      readonly cases: readonly LookedCase[];
      readonly minimumDetectable: number | null;
      readonly notes: readonly string[];
    } | null;
    readonly fresh: readonly SnapshotSummary[];
    readonly spent: { readonly calls: number; readonly stoppedBy: string | null };
  };
  readonly record: {
    readonly number: number | null;
    readonly series: string;
    readonly spreadMs?: number | null | undefined;
  };
  readonly baseline: { readonly id: string; readonly at: string; readonly pooled: number } | null;
  readonly budget: { readonly period: number; readonly spent: number; readonly limit: number } | null;
  readonly previous: {
    readonly delta: number | null;
    readonly p: number | null;
    readonly servedModelChanged: boolean;
    readonly layersChanged: readonly string[];
  } | null;
  readonly trend: {
    readonly nights: number;
    readonly per30Nights: number | null;
    readonly projected90: number | null;
    readonly p: number | null;
    readonly cusum: {
      readonly value: number;
      readonly limit: number;
      readonly crossedAt: string | null;
    } | null;
    readonly changedAt: string | null;
  } | null;
  readonly sentinel:
    | { readonly kind: 'none'; readonly why: string }
    | {
        readonly kind: 'judged';
        readonly outputs: number;
        readonly agreed: number;
        readonly ungraded: number;
        readonly p: number;
        readonly drifted: boolean;
      };
  readonly model: { readonly state: string; readonly retiresAt?: string | undefined } | null;
  readonly episode: {
    readonly status: string;
    readonly openedAt: string;
    readonly nights: number;
    readonly last: string;
  } | null;
  readonly alerts: readonly {
    readonly alert: { readonly event: string };
    readonly delivered: boolean;
    readonly lastError: string | null;
  }[];
  readonly webhook: boolean;
  readonly events: readonly { readonly at: string; readonly kind: string; readonly text: string }[];
  readonly missed: { readonly nights: number; readonly since: string } | null;
  readonly next: string;
}

/** What a night's state is called. */
export const NIGHT_WORDS: Readonly<Record<string, string>> = {
  green: 'green',
  watch: 'green, watch it',
  alarm: 'REGRESSED',
  still: 'STILL REGRESSED',
  recovered: 'recovered',
  unknown: 'could not tell',
  'no-baseline': 'no baseline yet',
};
/** A model that retires sooner than this gets a line. */
const RETIREMENT_DAYS = 60;
const MOST_CASES = 12;
/** Baseline runs from which a broken case is named the same night nine times in ten. */
const ENOUGH_POOLED = 5;

/** The report of one night. */
export function nightlyText(f: NightlyFacts, options: { readonly style?: Style } = {}): string {
  const style = options.style ?? PLAIN;
  const { night } = f;
  const s = night.summary;
  const paint = nightStyle(style, f.state);
  const loud = f.state !== 'green';
  const number = f.record.number === null ? '' : `, night ${f.record.number} of this baseline`;
  const lines = [
    `${style.bold(paint(NIGHT_WORDS[f.state] ?? f.state))}  ${terminalLine(s.suite, 60)} × ${terminalLine(s.release, 60)} ${shortHash(s.fingerprint)}  ${when(s.startedAt)} UTC${number}`,
    `  ${resultLine(f)}`,
    ...(loud ? [`  ${terminalLine(f.reason, 600)}`] : []),
    ...windowLines(f, style),
    ...(loud ? regressedLines(f, style) : []),
    `  ${contextLine(f)}`,
    ...trendLines(f, loud),
    ...findings(f, style),
    ...alertLines(f, style),
    ...f.events.map((e) => `  ${when(e.at)} UTC  ${e.kind}: ${terminalLine(e.text, 200)}`),
    ...(loud ? [`next: ${f.next}`] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** Red for an open regression, yellow for an undecided night or one to watch. */
export function nightStyle(style: Style, state: string): (text: string) => string {
  if (state === 'alarm' || state === 'still') return style.red;
  return state === 'unknown' || state === 'no-baseline' || state === 'watch' ? style.yellow : style.green;
}

function resultLine({ night, baseline }: NightlyFacts): string {
  const s = night.summary;
  const runs = [s, ...(night.rerun === null ? [] : [night.rerun.summary]), ...night.fresh];
  const made = `${count(s.cases, 'case')}, ${count(s.answered, 'answer')} of ${s.plannedTrials}, ${count(night.spent.calls, 'call')}, cost ${spent(spentOnAll(runs))}`;
  const look = night.decision?.looks[0];
  if (look === undefined || baseline === null)
    return `snapshot ${s.id}: pass rate ${passRateText(s)}; ${made}`;
  const blind =
    night.decision?.minimumDetectable == null
      ? ''
      : `; one night alone would not see a drop under ${(100 * night.decision.minimumDetectable).toFixed(1)} points`;
  return `snapshot ${s.id}: ${percent(look.baselinePassRate)} → ${percent(look.passRate)} (${signed(100 * look.delta)} points ${pointInterval(look.interval)}, p = ${pValue(look.p)})${blind}; ${made}`;
}

function windowLines({ night, budget }: NightlyFacts, style: Style): string[] {
  if (budget === null) return [];
  const looks = (night.decision?.looks ?? []).filter((l) => l.look !== 'night');
  const names: Readonly<Record<string, string>> = {
    rerun: 'run again',
    'ewma-fast': 'last nights',
    'ewma-slow': 'last weeks',
    week: '7 nights',
    month: '28 nights',
  };
  const parts = looks.map((l) => {
    const text = `${names[l.look] ?? l.look} ${signed(100 * l.delta)} points, p = ${pValue(l.p)}, alarm at ${pValue(l.alpha)}`;
    return l.outcome === 'regressed' ? style.red(text) : text;
  });
  const spent = `false-alarm budget ${percent(budget.spent, 2)} of ${percent(budget.limit, 0)} per 90 nights${budget.period === 1 ? '' : `, stretch ${budget.period}: look at the baseline again`}`;
  return [`  ${[...parts, spent].join('; ')}`];
}

function regressedLines({ night }: NightlyFacts, style: Style): string[] {
  const proven = (night.decision?.cases ?? []).filter((c) => c.outcome === 'alarm' || c.outcome === 'listed');
  const lines = proven.map(
    (c) =>
      `  ${terminalLine(c.id, 60)}  baseline ${c.baseline.passed}/${c.baseline.trials}, tonight ${c.tonight.passed}/${c.tonight.trials}, fresh ${c.fresh === null ? 'none' : `${c.fresh.passed}/${c.fresh.trials}`}  p = ${pValue(c.p)}  ${c.outcome === 'alarm' ? style.red('regressed') : 'on the list'}`,
  );
  const known = new Set(proven.map((c) => c.id));
  const compared = (night.rerun?.comparison ?? night.comparison)?.cases ?? [];
  for (const c of compared) {
    if (c.verdict !== 'regressed' || known.has(c.id) || !('delta' in c)) continue;
    lines.push(
      `  ${terminalLine(c.id, 60)}  baseline ${c.baseline.passed}/${c.baseline.trials}, tonight ${c.candidate.passed}/${c.candidate.trials}  ${c.evidence ?? ''}`.trimEnd(),
    );
  }
  return lines.length > MOST_CASES
    ? [...lines.slice(0, MOST_CASES), `  … ${lines.length - MOST_CASES} more; --json has all of them`]
    : lines;
}

function contextLine({ baseline, previous, night, record }: NightlyFacts): string {
  const parts: string[] = [];
  const { startedAt, finishedAt } = night.summary;
  if (record.spreadMs != null && finishedAt !== null)
    parts.push(`trials spread from ${when(startedAt)} to ${when(finishedAt)} UTC`);
  if (baseline !== null)
    parts.push(
      `baseline ${baseline.id} of ${baseline.at.slice(0, 10)}, ${baseline.pooled === 1 ? 'a single run' : `pool of ${baseline.pooled} runs`}${baseline.pooled < ENOUGH_POOLED ? ` (too few to prove single cases; from ${ENOUGH_POOLED} on they can be)` : ''}`,
    );
  if (previous !== null && previous.delta !== null)
    parts.push(`last night ${points(previous.delta)} (p = ${pValue(previous.p)})`);
  const served = night.summary.servedModels
    .map((m) => (m === null ? 'model not disclosed' : terminalLine(m, 60)))
    .join(', ');
  parts.push(`served ${served || 'nothing'}${night.summary.simulated ? ' (simulated or recorded)' : ''}`);
  return parts.join('; ');
}

function trendLines({ trend, sentinel }: NightlyFacts, loud: boolean): string[] {
  const judge =
    sentinel.kind === 'none'
      ? `no sentinel: ${sentinel.why}`
      : `judge agrees with itself on ${sentinel.agreed} of ${count(sentinel.outputs, 'frozen output')}${sentinel.ungraded > 0 ? `, ${sentinel.ungraded} without a verdict` : ''}`;
  if (trend === null) return [`  ${judge}`];
  const parts = [
    trend.per30Nights === null || trend.projected90 === null
      ? `trend after ${trend.nights} of 8 nights`
      : `trend ${signed(100 * trend.per30Nights)} points per 30 nights (p = ${pValue(trend.p)}), in 90 nights ${signed(100 * trend.projected90)}`,
  ];
  if (trend.changedAt !== null && (loud || (trend.p ?? 1) < 0.05))
    parts.push(`level changed about ${trend.changedAt.slice(0, 10)}`);
  if (trend.cusum !== null)
    parts.push(
      `CUSUM ${trend.cusum.value.toFixed(1)} of ${trend.cusum.limit}${trend.cusum.crossedAt === null ? '' : `, crossed ${trend.cusum.crossedAt.slice(0, 10)}`}`,
    );
  return [`  ${[...parts, judge].join('; ')}`];
}

function findings(f: NightlyFacts, style: Style): string[] {
  return findingTexts(f).map((l) => `  ${style.yellow('finding')}: ${terminalLine(l, 400)}`);
}

/** Everything that changes how the night's numbers are read. */
export function findingTexts(
  f: NightlyFacts,
  options: { readonly statistics: boolean } = { statistics: true },
): string[] {
  const { night, model, sentinel, missed } = f;
  const s = night.summary;
  const attribution = night.comparison?.attribution;
  const lines: string[] = [];
  if (attribution?.servedModelChanged)
    lines.push(
      `the served model changed since the baseline: ${attribution.servedModels.baseline.join(', ')} → ${attribution.servedModels.candidate.join(', ')}`,
    );
  else if (attribution?.systemFingerprintChanged)
    lines.push("the provider's system fingerprint changed since the baseline, the served model id did not");
  if (f.previous?.servedModelChanged && !attribution?.servedModelChanged)
    lines.push('what the provider serves changed since the night before');
  if ((attribution?.layersChanged.length ?? 0) > 0)
    lines.push(`changed since the baseline by us: ${attribution?.layersChanged.join(', ')}`);
  if (sentinel.kind === 'judged' && sentinel.drifted)
    lines.push(
      `the judge no longer agrees with its own verdicts${options.statistics ? ` (p = ${pValue(sentinel.p)})` : ''}: what looks like a change of the release may be one of the judge`,
    );
  if (model?.state === 'deprecated' || model?.state === 'retired' || retiresSoon(model, s.startedAt))
    lines.push(
      `the model is ${model?.state === 'available' ? 'going to be retired' : model?.state}${model?.retiresAt === undefined ? '' : ` (${model.retiresAt.slice(0, 10)})`}`,
    );
  if (model?.state === 'unreachable') lines.push("the provider's catalogue could not be asked");
  if (missed !== null) lines.push(`${count(missed.nights, 'night')} missed since ${when(missed.since)} UTC`);
  lines.push(
    ...s.validityReasons.map((r) => `${s.validity}: ${r}`),
    ...s.findings.map((x) => `${x.message} [${x.code}]`),
    ...(night.decision?.notes ?? []),
  );
  return lines;
}

function retiresSoon(model: NightlyFacts['model'], now: string): boolean {
  if (model?.retiresAt === undefined) return false;
  return Date.parse(model.retiresAt) - Date.parse(now) < RETIREMENT_DAYS * 86_400_000;
}

/** The open alert and what became of tonight's alerts. */
export function alertLines(f: NightlyFacts, style: Style, errorWidth = 200): string[] {
  const lines: string[] = [];
  const { episode } = f;
  if (episode?.last === 'still')
    lines.push(
      `open since ${when(episode.openedAt)} UTC, ${count(episode.nights, 'night')}; already alerted`,
    );
  if (episode?.last === 'recovered')
    lines.push(`the regression that opened ${when(episode.openedAt)} UTC is over`);
  if (episode?.last === 'superseded') lines.push('the open regression was closed by a new baseline');
  for (const { alert, delivered, lastError } of f.alerts) {
    if (delivered) lines.push(`alert sent: ${alert.event}`);
    else if (f.webhook)
      lines.push(
        style.red(
          `alert NOT sent (${terminalLine(lastError ?? 'queued behind an earlier alert', errorWidth)}), kept: ${alert.event}`,
        ),
      );
    else lines.push(`alert kept, no webhook is set: ${alert.event}`);
  }
  return lines.map((l) => `  ${l}`);
}
