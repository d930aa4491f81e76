// The course of a check: what is looked at, what is run next, and when the answer is in. Pure; the job and the benchmark run what it asks for.

import type { Comparison, LeftOutRun } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import { spendingLevels } from '../stats/error-spending.ts';
import { CaseRates, caseRatePrior } from '../stats/mean-change.ts';
import { compareInDetail } from './compare.ts';
import { openCases } from './confirmation.ts';
import { worldStands } from './control.ts';
import type { Findings } from './findings.ts';
import { floorsAtRisk } from './floors.ts';
import type { CompareOptions, Confirmation } from './options.ts';
import { settingsOf } from './options.ts';
import { storedTallies } from './pairing.ts';
import { screenDrops } from './screen.ts';
import { LOOKS_WORSE } from './undecided.ts';

/** Trials a case, on average, after which the candidate is looked at; and rounds of both releases after which a control is. */
export interface CheckDesign {
  readonly screening: readonly number[];
  readonly control: readonly number[];
}

export const CHECK_DESIGNS: Readonly<Record<'smoke' | 'std' | 'deep', CheckDesign>> = {
  smoke: { screening: [1], control: [2, 4] },
  std: { screening: [2, 3], control: [2, 4] },
  deep: { screening: [2, 3, 5], control: [2, 4, 8] },
};

/** Fresh trials an arm that confirm a case, and of the candidate alone that sort out which cases deserve them. */
export const CONFIRM_TRIALS = 8;
export const SORT_TRIALS = 3;
/** A family this surprising on trial noise alone is settled by a control. What looks worse stays open without one. */
const SCREEN_P = LOOKS_WORSE;
/** A control this far from a drop ends before its last look. */
const CONTROL_QUIET = 0.5;
/** A control of a few cases may take this many rounds for the calls that one of the whole suite would cost. */
const MOST_ROUNDS = 16;

/** What has been run so far. */
export interface CheckEvidence {
  readonly stored: SnapshotResults;
  readonly pool: readonly SnapshotResults[];
  /** Runs of the baseline's release that are not in the pool. */
  readonly leftOut?: readonly LeftOutRun[] | undefined;
  /** The candidate's screening trials. */
  readonly candidate: SnapshotResults;
  /** Fresh candidate trials of flagged cases. */
  readonly sorted: readonly CaseResult[];
  /** Fresh trials of flagged cases in both arms, and of the suite or its suspicious tags, interleaved. */
  readonly confirm: Confirmation;
  readonly control: Confirmation;
  /** Rounds of the control that were run. */
  readonly rounds: number;
  readonly policy: Policy;
  readonly design: CheckDesign;
  /** Screening looks taken, this one included. */
  readonly look: number;
  /** Why the baseline's release cannot be run; null = it can. */
  readonly impossible: string | null;
  /** See `Control`. */
  readonly sharedApplication?: boolean | undefined;
  /**
   * Why the control can show a regression and clear nothing: one application, changed since the baseline was run, may answer both
   * releases badly today. Default null.
   */
  readonly clearsNothing?: string | null | undefined;
  /** The candidate is a recording: it has no fresh trials, only those that were recorded. */
  readonly frozen?: boolean | undefined;
  readonly options?: Pick<CompareOptions, 'seed' | 'replicates' | 'vectors' | 'tier' | 'callsSpent'>;
}

/** What is to be run before the check is looked at again. */
export type CheckWanted =
  | { readonly kind: 'screen'; readonly trials: ReadonlyMap<string, number> }
  | { readonly kind: 'sort'; readonly cases: readonly string[] }
  | { readonly kind: 'confirm'; readonly cases: readonly string[] }
  | { readonly kind: 'control'; readonly cases: readonly string[]; readonly rounds: number };

export interface CheckStep {
  readonly comparison: Comparison;
  /** null = the answer is in, or nothing more can bring it. */
  readonly wanted: CheckWanted | null;
}

/** Looks at what there is, and says what to run next. */
export function checkStep(e: CheckEvidence): CheckStep {
  const { clearsNothing = null } = e;
  if (clearsNothing === null) return stepOf(e);
  const settledToday = stepOf(e);
  if (settledToday.comparison.verdict === 'regressed') return settledToday;
  // Whatever fresh trials of both releases clear may be broken in both: without a regression they count for nothing.
  const alike = e.rounds > 0 ? 'run side by side today, neither release is shown to be worse; ' : '';
  const none = { baseline: [], candidate: [] };
  const stored = stepOf({
    ...e,
    ...{ confirm: none, control: none, rounds: 0 },
    impossible: `${alike}${clearsNothing}`,
    sharedApplication: true,
  });
  const { wanted } = settledToday;
  const towardsControl = wanted !== null && wanted.kind !== 'screen';
  return { comparison: stored.comparison, wanted: towardsControl ? wanted : stored.wanted };
}

function stepOf(e: CheckEvidence): CheckStep {
  const confirmation =
    e.confirm.candidate.length > 0 || e.sorted.length > 0 ? { confirmation: e.confirm } : {};
  const { comparison, findings } = compareInDetail(e.stored, e.candidate, {
    ...e.options,
    ...confirmation,
    policy: { ...e.policy, confidence: confidenceAt(e) },
    pool: e.pool,
    leftOut: e.leftOut,
    interleaved: false,
    sorted: e.sorted,
    control: {
      ...e.control,
      impossible: e.impossible,
      sharedApplication: e.sharedApplication,
      level: levelAt(e),
      most: e.design.control.at(-1) ?? 1,
    },
  });
  return { comparison, wanted: findings === null ? null : wantedOf(e, comparison, findings) };
}

function wantedOf(e: CheckEvidence, comparison: Comparison, findings: Findings): CheckWanted | null {
  if (comparison.verdict === 'invalid') return null;
  if (e.frozen === true) return comparison.verdict === 'regressed' ? null : screenWanted(e, comparison);
  if (comparison.verdict === 'regressed') return openWanted(findings);
  return casesWanted(e, findings) ?? controlWanted(e, comparison, findings) ?? screenWanted(e, comparison);
}

// Single cases

function casesWanted(e: CheckEvidence, findings: Findings): CheckWanted | null {
  const { pairs, prior, confirmed, cleared } = findings;
  const { seed } = settingsOf(e.stored.summary, e.candidate.summary, { policy: e.policy, ...e.options });
  const tried = new Set(e.sorted.map((c) => c.id));
  const risky = floorsAtRisk(e.candidate, e.policy).filter((id) => pairs.some((pair) => pair.id === id));
  const { flagged } = screenDrops(pairs, prior, seed, pairs.length);
  const all = [...new Set([...flagged, ...risky])];
  const fresh = all.filter((id) => !confirmed.tests.has(id));
  const unsorted = fresh.filter((id) => !tried.has(id));
  if (e.impossible !== null) return unsorted.length > 0 ? { kind: 'sort', cases: unsorted } : null;
  const critical = new Set(pairs.filter((pair) => pair.critical).map((pair) => pair.id));
  // A critical case decides alone and is not sorted out on three trials.
  const doubtful = unsorted.filter((id) => !critical.has(id));
  if (doubtful.length > 0) return { kind: 'sort', cases: doubtful };
  const worth = fresh.filter((id) => !cleared.has(id));
  if (worth.length > 0) return { kind: 'confirm', cases: worth };
  return openWanted(findings);
}

/** The second batch, also where the verdict is in: the list of cases is what its reader needs. */
function openWanted({ confirmed }: Findings): CheckWanted | null {
  const open = openCases(confirmed.tests);
  return open.length > 0 ? { kind: 'confirm', cases: open } : null;
}

// The suite and its tags

function controlWanted(e: CheckEvidence, comparison: Comparison, findings: Findings): CheckWanted | null {
  if (e.impossible !== null) return null;
  if (e.rounds > 0) {
    const { today } = findings;
    if (today === null || settled(comparison)) return null;
    if (comparison.gate.outcome === 'pass' && today.evidence.pRegression > CONTROL_QUIET) return null;
    const planned = nextRounds(e, today.pairs.length, findings.pairs.length);
    // Where the world moved, stored runs no longer help to show that the change is innocent: the control alone has to.
    const extra =
      comparison.gate.outcome !== 'pass' && !worldStands(findings.contrasts.world) ? extraRounds(e) : null;
    const rounds = planned ?? extra;
    return rounds === null ? null : { kind: 'control', cases: today.pairs.map((p) => p.id), rounds };
  }
  const cases = suspiciousCases(e, comparison, findings);
  if (cases.length === 0) return null;
  const rounds = nextRounds(e, cases.length, findings.pairs.length);
  return rounds === null ? null : { kind: 'control', cases, rounds };
}

/** The cases a control has to cover: all where the suite looks worse, else those of the tags that do; none where nothing does. */
function suspiciousCases(e: CheckEvidence, comparison: Comparison, { evidence, pairs }: Findings): string[] {
  const all = pairs.map((pair) => pair.id);
  const { score } = comparison.metrics;
  const tone = e.policy.channels.score === 'fail' && score?.verdict === 'shifted' && (score.change ?? 0) < 0;
  if (tone) return all;
  if (evidence.permuted.less > SCREEN_P) return [];
  const tags = [...evidence.permuted.tags].filter(([, p]) => p.less <= SCREEN_P).map(([tag]) => tag);
  if (evidence.permuted.suite.less <= SCREEN_P || tags.length === 0) return all;
  return pairs.filter((pair) => pair.tags.some((tag) => tags.includes(tag))).map((pair) => pair.id);
}

/** Rounds after which the control is looked at next; a control of few cases takes more of them for the same calls. */
function controlLooks({ design }: CheckEvidence, cases: number, all: number): number[] {
  return design.control.map((rounds) =>
    Math.max(rounds, Math.min(MOST_ROUNDS, Math.floor((rounds * all) / (4 * cases)))),
  );
}

function nextRounds(e: CheckEvidence, cases: number, all: number): number | null {
  return controlLooks(e, cases, all).find((rounds) => rounds > e.rounds) ?? null;
}

/** One more look, twice as long, at which nothing can be called regressed any more. */
function extraRounds({ design, rounds }: CheckEvidence): number | null {
  const last = design.control.at(-1) ?? 1;
  return rounds === last ? 2 * last : null;
}

// Screening

function screenWanted(e: CheckEvidence, comparison: Comparison): CheckWanted | null {
  const next = e.design.screening[e.look];
  if (next === undefined || settled(comparison) || e.rounds > 0) return null;
  return { kind: 'screen', trials: screeningTrials(e.stored, e.pool, e.candidate, e.policy, next) };
}

function settled({ verdict, gate }: Comparison): boolean {
  return (verdict === 'unchanged' || verdict === 'improved') && gate.outcome === 'pass';
}

/**
 * Trials of each case at a look of `average` trials: two each (or one), the rest where the next trial lowers the variance of the mean
 * most, by what is stored of the case. It depends on nothing the candidate did, so the estimate stays unbiased.
 */
export function screeningTrials(
  stored: SnapshotResults,
  pool: readonly SnapshotResults[],
  candidate: SnapshotResults,
  policy: Policy,
  average: number,
): Map<string, number> {
  const histories = storedTallies(stored, pool, policy);
  const least = Math.min(2, Math.floor(average));
  const trials = new Map(candidate.cases.map((c) => [c.id, least]));
  const known = [...trials.keys()].flatMap((id) => {
    const tally = histories.get(id);
    return tally === undefined || tally.graded === 0 ? [] : [{ id, baseline: tally }];
  });
  if (known.length === 0 || average <= least)
    return new Map([...trials.keys()].map((id) => [id, Math.ceil(average)]));
  const rates = new CaseRates(caseRatePrior(known.map(({ baseline: b }) => ({ x: b.passed, k: b.graded }))));
  const gains = known.map(({ id, baseline: b }) => ({
    id,
    variance: rates.moments(b.passed, b.graded).variance,
    trials: least,
  }));
  const most = 4 * average;
  let left = Math.round((average - least) * candidate.cases.length);
  // The number a case gets when each further trial is worth at least `worth`.
  const at = (worth: number, variance: number): number =>
    Math.min(most, Math.max(least, Math.floor(0.5 + Math.sqrt(0.25 + variance / worth))));
  let low = 1e-9;
  let high = 1;
  for (let i = 0; i < 60; i++) {
    const worth = Math.sqrt(low * high);
    const extra = gains.reduce((sum, g) => sum + at(worth, g.variance) - least, 0);
    if (extra > left) low = worth;
    else high = worth;
  }
  for (const gain of gains) {
    const given = at(high, gain.variance);
    trials.set(gain.id, given);
    left -= given - least;
  }
  for (const gain of [...gains].sort((a, b) => b.variance - a.variance)) {
    if (left <= 0) break;
    const given = trials.get(gain.id) ?? least;
    if (given >= most) continue;
    trials.set(gain.id, given + 1);
    left -= 1;
  }
  return trials;
}

// Error rates of the looks

/** Rate at which suite and tags may be called regressed at this look of the control. */
function levelAt(e: CheckEvidence): number {
  const alpha = e.policy.alphaAggregate;
  if (e.rounds === 0) return alpha;
  const looks = controlLooks(
    e,
    Math.max(1, new Set(e.control.candidate.map((c) => c.id)).size),
    e.stored.cases.length,
  );
  const distinct = [...new Set(looks)];
  const at = distinct.findIndex((rounds) => rounds >= e.rounds);
  return at < 0 ? 0 : (levelsOf(alpha, distinct)[at] ?? alpha);
}

/** Confidence of "unchanged" at this look of the screening. */
function confidenceAt({ policy, design, look }: CheckEvidence): number {
  const level = levelsOf((1 - policy.confidence) / 2, design.screening)[look - 1];
  return level === undefined ? policy.confidence : 1 - 2 * level;
}

const knownLevels = new Map<string, readonly number[]>();

/** Levels of looks at growing data: little of the rate is spent early, most is left for the last look. */
function levelsOf(total: number, information: readonly number[]): readonly number[] {
  const key = `${total}/${information.join()}`;
  let levels = knownLevels.get(key);
  if (levels === undefined) {
    const shares = information.map((_, i) => ((i + 1) / information.length) ** 2);
    levels = information.length === 1 ? [total] : spendingLevels(total, shares, information);
    knownLevels.set(key, levels);
  }
  return levels;
}
