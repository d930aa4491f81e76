// The verdict on each single case: careful, because on few trials a case flips for nothing.

import { percent, probability } from '../base/numbers.ts';
import type { CaseArm, Interval, PairedDelta, Verdict } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import { asReason, type Reason, reason, statistic } from '../core/reason.ts';
import { moverDelta } from '../stats/delta-interval.ts';
import { bh } from '../stats/multiple-testing.ts';
import type { ArmTally } from './arm.ts';
import { rateOf } from './arm.ts';
import type { Confirmed, FreshTest, SortTest } from './confirmation.ts';
import type { PairedCase } from './pairing.ts';
import type { CasePrior } from './screen.ts';
import { type CountKey, isSingle, keyOf, suspicion } from './screen.ts';
import { tally } from './wording.ts';

/** What the single-case rules look at besides the case. */
export interface CaseContext {
  readonly policy: Policy;
  readonly prior: CasePrior;
  readonly confirmed: Confirmed;
  /** Fresh trials of the candidate alone, where flagged cases were sorted by them. */
  readonly sorted: ReadonlyMap<string, SortTest>;
  /** Were fresh trials run at all? */
  readonly freshRun: boolean;
  /** Cases the screen picked for fresh trials. */
  readonly flagged: ReadonlySet<string>;
  /** Why no verdict may be given on any case (an invalid snapshot); null = they may. */
  readonly withheld: string | null;
}

interface StageOne {
  /** One-sided p in the direction the case moved, and of a drop; null with one trial each. */
  readonly drop: number | null;
  readonly qDrop: number | null;
  readonly qRise: number | null;
}

interface Judged {
  readonly verdict: Verdict;
  readonly evidence: PairedDelta['evidence'];
  readonly reason: Reason;
}

/** p of a case by its counts, and the Benjamini–Hochberg adjustment over all cases: nothing was selected before it. */
function stageOne(pairs: readonly PairedCase[], prior: CasePrior): StageOne[] {
  const tested = pairs.map((pair) => (isSingle(pair) ? null : prior.evidence(pair)));
  const drops = bh(tested.flatMap((p) => (p === null ? [] : [p.less])));
  const rises = bh(tested.flatMap((p) => (p === null ? [] : [p.greater])));
  let at = 0;
  return tested.map((p) => {
    if (p === null) return { drop: null, qDrop: null, qRise: null };
    const row = { drop: p.less, qDrop: drops[at] ?? 1, qRise: rises[at] ?? 1 };
    at += 1;
    return row;
  });
}

/** `fresh`: trials run after the case was flagged; the shrunk rate knows them, the counts shown do not. */
function armOf(
  tallied: ArmTally,
  prior: CasePrior,
  fresh: { readonly passed: number; readonly trials: number } = { passed: 0, trials: 0 },
): CaseArm {
  return {
    passRate: rateOf(tallied),
    score: tallied.scoreSum / tallied.graded,
    passed: tallied.passed,
    trials: tallied.graded,
    shrunkRate: prior.posterior(tallied.passed + fresh.passed, tallied.graded + fresh.trials).mean,
  };
}

function intervals(confidence: number): (pair: PairedCase) => Interval | null {
  const known = new Map<CountKey, Interval>();
  return (pair) => {
    if (isSingle(pair)) return null;
    const key = keyOf(pair);
    let interval = known.get(key);
    if (interval === undefined) {
      const { baseline: a, candidate: b } = pair;
      const { lower, upper } = moverDelta(
        [new Float64Array(a.graded).fill(1, 0, a.passed)],
        [new Float64Array(b.graded).fill(1, 0, b.passed)],
        confidence,
      );
      interval = [lower, upper];
      known.set(key, interval);
    }
    return interval;
  };
}

/** Posterior probability that a case is one that sometimes passes and sometimes fails, above which it is called flaky. */
const FLAKY_POSTERIOR = 0.8;

function isFlaky(pair: PairedCase, prior: CasePrior): boolean {
  const { baseline: a, candidate: b } = pair;
  if (a.graded < 2 || b.graded < 2) return false;
  return prior.posterior(a.passed + b.passed, a.graded + b.graded).mixed >= FLAKY_POSTERIOR;
}

function change(pair: PairedCase): string {
  const before = tally({ passed: pair.baseline.passed, trials: pair.baseline.graded });
  const after = tally({ passed: pair.candidate.passed, trials: pair.candidate.graded });
  return `${before} → ${after}`;
}

function freshReason(test: FreshTest, policy: Policy): Reason {
  const against = test.baseline.trials > 0 ? `${tally(test.baseline)} → ` : '';
  const counts = `${against}${tally(test.candidate)} on fresh trials`;
  if (test.p === null || test.q === null)
    return reason`looked worse; the fresh trials gave no grade (${counts})`;
  const numbers = `p = ${probability(test.p)}, q = ${probability(test.q)}`;
  return test.listed
    ? reason`confirmed: ${counts}${statistic(`, ${numbers} ≤ ${policy.alphaCase}`)}`
    : reason`looked worse, but fresh trials did not confirm it: ${counts}${statistic(`, ${numbers} > ${policy.alphaCase}`)}`;
}

function judgeDrop(pair: PairedCase, one: StageOne, context: CaseContext): Judged {
  const test = context.confirmed.tests.get(pair.id);
  const { policy } = context;
  if (test !== undefined)
    return test.listed
      ? { verdict: 'regressed', evidence: 'confirmed', reason: freshReason(test, policy) }
      : { verdict: 'inconclusive', evidence: 'suspected', reason: freshReason(test, policy) };
  const suspected = { verdict: 'inconclusive', evidence: 'suspected' } as const;
  const sorted = context.sorted.get(pair.id);
  if (sorted !== undefined)
    return {
      ...suspected,
      reason: sorted.cleared
        ? reason`${change(pair)} looks worse; ${tally(sorted)} on fresh trials does not bear it out`
        : reason`${change(pair)} looks worse, and so do its fresh trials (${tally(sorted)}); not run beside the baseline's release`,
    };
  if (context.freshRun) {
    const sent = context.flagged.has(pair.id);
    return {
      ...suspected,
      reason: sent
        ? reason`${change(pair)} looks worse; no fresh trial of it was graded`
        : reason`${change(pair)} looks worse; not confirmed, because more cases were suspected than are given fresh trials`,
    };
  }
  if (one.drop === null || one.qDrop === null)
    return {
      ...suspected,
      reason: reason`flipped pass → fail once; one trial each cannot tell a flip from noise`,
    };
  const numbers = `p = ${probability(one.drop)}, q = ${probability(one.qDrop)} over all cases`;
  return one.qDrop <= policy.alphaList
    ? {
        verdict: 'regressed',
        evidence: 'suspected',
        reason: reason`${change(pair)}${statistic(`: ${numbers} ≤ ${policy.alphaList}`)}, on the trials that made it look suspicious`,
      }
    : {
        ...suspected,
        reason: reason`${change(pair)} looks worse${statistic(` (${numbers}), which these trials cannot tell from noise`, ' (not proven)')}`,
      };
}

function judgeRise(pair: PairedCase, one: StageOne, context: CaseContext): Judged {
  const suspected = { verdict: 'inconclusive', evidence: 'suspected' } as const;
  if (one.qRise === null)
    return {
      ...suspected,
      reason: reason`flipped fail → pass once; one trial each cannot tell a flip from noise`,
    };
  const q = probability(one.qRise);
  return one.qRise <= context.policy.alphaList
    ? {
        verdict: 'improved',
        evidence: 'suspected',
        reason: reason`${change(pair)}${statistic(`: q = ${q} over all cases ≤ ${context.policy.alphaList}`)}`,
      }
    : {
        ...suspected,
        reason: reason`${change(pair)} looks better${statistic(` (q = ${q} over all cases), which these trials cannot tell from noise`, ' (not proven)')}`,
      };
}

function judge(pair: PairedCase, one: StageOne, context: CaseContext): Judged {
  if (context.withheld !== null)
    return { verdict: 'inconclusive', evidence: null, reason: reason`${context.withheld}` };
  // Fresh trials are shown for whatever case they were run, also one the screen would not have picked.
  if (context.confirmed.tests.has(pair.id)) return judgeDrop(pair, one, context);
  const direction = suspicion(pair, context.prior);
  if (direction === -1) return judgeDrop(pair, one, context);
  if (direction === 1) return judgeRise(pair, one, context);
  if (rateOf(pair.baseline) === rateOf(pair.candidate))
    return {
      verdict: 'unchanged',
      evidence: null,
      reason: reason`${change(pair)}: passes ${percent(rateOf(pair.candidate))} in both`,
    };
  return {
    verdict: 'inconclusive',
    evidence: null,
    reason: reason`${change(pair)} is what this case does by chance${statistic(one.drop === null ? '' : ` (p of a drop ${probability(one.drop)})`)}`,
  };
}

/** A delta for every paired case, in the order given. */
export function caseDeltas(pairs: readonly PairedCase[], context: CaseContext): PairedDelta[] {
  const first = stageOne(pairs, context.prior);
  const intervalOf = intervals(context.policy.confidence);
  const alike = new Map<CountKey, Judged>();
  return pairs.map((pair, i) => {
    const one = first[i] ?? { drop: null, qDrop: null, qRise: null };
    const test = context.confirmed.tests.get(pair.id);
    // Without fresh trials the counts decide, sentence and all: of 100,000 cases few differ in them.
    const key = context.freshRun || test !== undefined ? null : keyOf(pair);
    let judged = key === null ? undefined : alike.get(key);
    if (judged === undefined) {
      judged = judge(pair, one, context);
      if (key !== null) alike.set(key, judged);
    }
    const { id, tags, group, critical } = pair;
    return {
      id,
      tags,
      group,
      critical,
      verdict: judged.verdict,
      ...asReason(judged.reason),
      evidence: judged.evidence,
      flaky:
        (judged.verdict === 'unchanged' || judged.verdict === 'inconclusive') && isFlaky(pair, context.prior),
      baseline: armOf(pair.baseline, context.prior, test?.baseline),
      candidate: armOf(pair.candidate, context.prior, test?.candidate),
      delta: rateOf(pair.candidate) - rateOf(pair.baseline),
      interval: intervalOf(pair),
      p: test === undefined ? one.drop : test.p,
      q: test === undefined ? one.qDrop : test.q,
      confirmation: test === undefined ? null : { baseline: test.baseline, candidate: test.candidate },
    };
  });
}
