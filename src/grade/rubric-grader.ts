// The `rubric` grader: criteria checked by graders and asked of the judge, put together into one grade.

import { type JsonObject, type JsonValue, shortHash } from '../base/json.ts';
import type { Criterion, GraderSpec } from '../core/grader-spec.ts';
import type { CostMeter } from './context.ts';
import { type GraderResult, type Subject, unmeasured } from './grader-result.ts';
import type { Judge, Vote } from './judge.ts';
import { quote } from './quote.ts';

type RubricSpec = Extract<GraderSpec, { type: 'rubric' }>;
export type RuledVote = Extract<Vote, { kind: 'ruled' }>;

/** What came out for one criterion. */
interface Settled {
  readonly criterion: Criterion;
  readonly verdict: string;
  readonly reason: string;
  /** Share of the votes that said so; absent for checks and single votes. */
  readonly agreement?: number;
}

/** Grades one check criterion; `not-` already applied. */
export type CheckGrader = (spec: GraderSpec) => Promise<GraderResult>;

export async function gradeRubric(
  spec: RubricSpec,
  subject: Subject,
  judge: Judge | null,
  check: CheckGrader,
  cost: CostMeter,
  signal: AbortSignal,
): Promise<GraderResult> {
  const { criteria, threshold } = spec.options;
  const settled = new Map<string, Settled>();

  const asked = criteria.filter((c) => c.kind === 'ask');
  let votes: readonly Vote[] = [];
  if (asked.length > 0) {
    if (judge === null) return unmeasured('judge_error', 'the rubric asks a judge, and there is none');
    votes = await judge.votes(asked, subject, spec.id, cost, signal);
  }
  for (const criterion of criteria) {
    if (criterion.kind === 'ask') continue;
    const found = await check(criterion.check);
    if (found.kind === 'ungraded') {
      return unmeasured(found.cause, `criterion ${quote(criterion.id, 40)}: ${found.reason}`, found.details);
    }
    settled.set(criterion.id, { criterion, verdict: found.met ? 'yes' : 'no', reason: found.reason });
  }
  const judged = judgement(votes, judge);
  for (const criterion of asked) {
    const decided = majority(criterion, votes);
    if (decided === null) return undecided(criterion, votes, judged);
    settled.set(criterion.id, decided);
  }

  const inOrder = criteria.map((c) => settled.get(c.id)).filter((s) => s !== undefined);
  const result = sum(inOrder, threshold);
  const borderline = straddles(inOrder, votes, threshold);
  const details: JsonObject = {
    criteria: inOrder.map(shownCriterion),
    ...judged,
    ...(borderline ? { borderline: true } : {}),
  };
  if (result === null) {
    return unmeasured(
      'judge_error',
      'every criterion was found not applicable: nothing was measured',
      details,
    );
  }
  const suffix = borderline ? '; borderline: the votes fall on both sides' : '';
  return {
    kind: 'scored',
    met: result.pass,
    score: result.score,
    reason: `${result.reason}${suffix}`,
    details,
  };
}

/** Weighted share of met criteria among those that apply; null when none applies. An unmet `must` fails the whole. */
function sum(
  settled: readonly Settled[],
  threshold: number,
): { score: number; pass: boolean; reason: string } | null {
  const applicable = settled.filter((s) => s.verdict !== 'not-applicable');
  const whole = applicable.reduce((total, s) => total + s.criterion.weight, 0);
  if (applicable.length === 0) return null;
  const unmet = applicable.filter((s) => s.verdict === 'no');
  const lost = unmet.reduce((total, s) => total + s.criterion.weight, 0);
  const score = unmet.length === 0 ? 1 : (whole - lost) / whole;
  const veto = unmet.find((s) => s.criterion.must);
  const met = `${applicable.length - unmet.length} of ${applicable.length} criteria met`;
  const first = veto ?? unmet[0];
  const why =
    first === undefined
      ? ''
      : `; ${veto ? 'a must is not met' : 'not met'}: ${first.criterion.id} (${first.reason})`;
  return { score, pass: veto === undefined && score >= threshold - 1e-9, reason: `${met}${why}` };
}

/** The verdict that more than half of all votes gave; null when there is none. */
function majority(criterion: Criterion, votes: readonly Vote[]): Settled | null {
  const said = votes.filter(isRuled).flatMap((v) => v.rulings.filter((r) => r.id === criterion.id));
  for (const verdict of ['yes', 'no', 'not-applicable'] as const) {
    const same = said.filter((r) => r.verdict === verdict);
    const first = same[0];
    if (first !== undefined && same.length * 2 > votes.length) {
      const agreement = votes.length > 1 ? { agreement: same.length / votes.length } : {};
      return { criterion, verdict, reason: first.reason, ...agreement };
    }
  }
  return null;
}

function undecided(criterion: Criterion, votes: readonly Vote[], judged: JsonObject): GraderResult {
  const failed = votes.find((v) => v.kind === 'ungraded');
  if (failed !== undefined) return unmeasured(failed.cause, failed.reason, judged);
  return unmeasured(
    'judge_error',
    `no majority among ${votes.length} votes on ${quote(criterion.id, 40)}`,
    judged,
  );
}

/** Would the single votes, each taken alone, both pass and fail the rubric? */
function straddles(settled: readonly Settled[], votes: readonly Vote[], threshold: number): boolean {
  const outcomes = votes.filter(isRuled).map((vote) => {
    const alone = settled.map((s) => {
      const ruling = vote.rulings.find((r) => r.id === s.criterion.id);
      return ruling === undefined ? s : { ...s, verdict: ruling.verdict };
    });
    return sum(alone, threshold)?.pass ?? null;
  });
  return new Set(outcomes).size > 1;
}

/** What is kept of the judging beside the criteria. */
export function judgement(votes: readonly Vote[], judge: Judge | null): JsonObject {
  if (votes.length === 0 || judge === null) return {};
  const ruled = votes.filter(isRuled);
  const dropped = [...new Set(ruled.flatMap((v) => v.droppedParams))].sort();
  const raw = votes.flatMap((v) => (v.kind === 'ungraded' && v.raw !== null ? [v.raw] : []));
  return {
    judge: judge.fingerprints.map(shortHash).join('+'),
    judgeModels: [...new Set(ruled.map((v) => v.model))],
    cached: ruled.length === votes.length && ruled.every((v) => v.cached),
    ...(votes.length > 1 ? { votes: votes.map((v) => shownVote(v, judge)) } : {}),
    ...(dropped.length > 0 ? { droppedParams: dropped } : {}),
    ...(raw.length > 0 ? { raw } : {}),
  };
}

function shownVote(vote: Vote, judge: Judge): JsonValue {
  const who = judge.fingerprints.length > 1 ? { judge: shortHash(vote.judge) } : {};
  return vote.kind === 'ruled'
    ? { ...who, criteria: vote.rulings as unknown as JsonValue, model: vote.model, cached: vote.cached }
    : { ...who, ungraded: vote.cause, reason: vote.reason };
}

function shownCriterion(s: Settled): JsonObject {
  const { id, kind, must, weight } = s.criterion;
  return {
    id,
    kind,
    verdict: s.verdict,
    reason: s.reason,
    weight,
    ...(must ? { must } : {}),
    ...(s.agreement === undefined ? {} : { agreement: s.agreement }),
  };
}

export function isRuled(vote: Vote): vote is RuledVote {
  return vote.kind === 'ruled';
}
