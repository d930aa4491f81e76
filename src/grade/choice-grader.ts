// The `judge` grader: one question whose answer is one of a few choices, each worth a score; pairwise questions are asked in both orders.

import type { JsonObject, JsonValue } from '../base/json.ts';
import type { GraderSpec, JudgeContext } from '../core/grader-spec.ts';
import type { JudgeChoice } from '../core/ready-judges.ts';
import type { CostMeter } from './context.ts';
import { type GraderResult, type Subject, unmeasured } from './grader-result.ts';
import type { Judge, Vote } from './judge.ts';
import type { AskedCriterion, QuestionExtras } from './judge-prompt.ts';
import { quote } from './quote.ts';
import { isRuled, judgement } from './rubric-grader.ts';

type ChoiceSpec = Extract<GraderSpec, { type: 'judge' }>;

/** What one vote came to. */
interface Said {
  readonly choice: string;
  readonly score: number;
  readonly reason: string;
}

export async function gradeChoice(
  spec: ChoiceSpec,
  subject: Subject,
  judge: Judge | null,
  cost: CostMeter,
  signal: AbortSignal,
): Promise<GraderResult> {
  if (judge === null) return unmeasured('judge_error', 'the question is one to a judge, and there is none');
  const { options } = spec;
  const { ask, choices, context, name } = options;
  const sources = context === null ? undefined : sourcesIn(context, subject);
  if (context !== null && (sources === undefined || sources === null || sources === ''))
    return unmeasured(
      'grader_error',
      typeof context === 'string'
        ? `the case has no variable ${quote(context, 40)} to judge against`
        : 'the application answered without any context to judge against',
    );

  const question: AskedCriterion = { id: name, ask, choices };
  const put = (extras: QuestionExtras): Promise<readonly Vote[]> =>
    judge.votes([question], subject, spec.id, cost, signal, { sources, ...extras });
  if (options.kind === 'pairwise') return gradePair(spec, subject, judge, put);

  const votes = await put({});
  return settle(
    spec,
    votes.map((v) => saidBy(v, choices)),
    votes,
    judge,
    {},
  );
}

function sourcesIn(context: JudgeContext, { c, trial }: Subject): JsonValue | undefined {
  return typeof context === 'string' ? c.vars[context] : trial.output.context;
}

/** Both orders, whatever the first one says: a preference that turns with the order is none. */
async function gradePair(
  spec: ChoiceSpec,
  subject: Subject,
  judge: Judge,
  put: (extras: QuestionExtras) => Promise<readonly Vote[]>,
): Promise<GraderResult> {
  const { expected } = subject.c;
  if (expected === undefined)
    return unmeasured('grader_error', 'the case has no `expected` to set the answer against');
  const rival = typeof expected === 'string' ? expected : JSON.stringify(expected);
  if (rival === subject.text) {
    return {
      kind: 'scored',
      met: true,
      score: 0.5,
      reason: 'the same text as the reference',
      details: { choice: 'tie' },
    };
  }
  const [candidateFirst, candidateSecond] = await Promise.all([
    put({ rival: { text: rival, stands: 'second' } }),
    put({ rival: { text: rival, stands: 'first' } }),
  ]);
  const pairs = candidateFirst.map((vote, i) => pairOf(vote, candidateSecond[i]));
  const inconsistent = pairs.filter((p) => p === 'inconsistent').length;
  return settle(
    spec,
    pairs.map((p) => (p === 'inconsistent' ? null : p)),
    [...candidateFirst, ...candidateSecond],
    judge,
    inconsistent === 0 ? {} : { inconsistentPairs: inconsistent },
  );
}

/** Win, loss or tie where both orders agree; a win in one order and anything else in the other is inconsistent. */
function pairOf(first: Vote, second: Vote | undefined): Said | null | 'inconsistent' {
  const a = winner(first, 'first');
  const b = second === undefined ? null : winner(second, 'second');
  if (a === null || b === null) return null;
  if (a.choice !== b.choice) return 'inconsistent';
  return a;
}

/** Who won, seen from the candidate, which stood `at`. */
function winner(vote: Vote, at: 'first' | 'second'): Said | null {
  if (!isRuled(vote)) return null;
  const ruling = vote.rulings[0];
  if (ruling === undefined) return null;
  const { reason, verdict } = ruling;
  if (verdict === 'tie') return { choice: 'tie', score: 0.5, reason };
  return verdict === at ? { choice: 'better', score: 1, reason } : { choice: 'worse', score: 0, reason };
}

function saidBy(vote: Vote, choices: readonly JudgeChoice[]): Said | null {
  if (!isRuled(vote)) return null;
  const ruling = vote.rulings[0];
  const choice = choices.find((c) => c.choice === ruling?.verdict);
  return ruling === undefined || choice === undefined
    ? null
    : { choice: choice.choice, score: choice.score, reason: ruling.reason };
}

/** The choice that more than half of all votes made; without one nothing was measured. */
function settle(
  spec: ChoiceSpec,
  said: readonly (Said | null)[],
  votes: readonly Vote[],
  judge: Judge,
  more: JsonObject,
): GraderResult {
  const { threshold } = spec.options;
  const passes = (s: Said): boolean => s.score >= threshold - 1e-9;
  const ruled = said.filter((s) => s !== null);
  const borderline = new Set(ruled.map(passes)).size > 1;
  const judged = { ...judgement(votes, judge), ...more, ...(borderline ? { borderline: true } : {}) };
  const winning = ruled.find((s) => ruled.filter((o) => o.choice === s.choice).length * 2 > said.length);
  if (winning === undefined) {
    const failed = votes.find((v) => v.kind === 'ungraded');
    if (failed !== undefined) return unmeasured(failed.cause, failed.reason, judged);
    const why =
      more['inconsistentPairs'] === undefined
        ? `no majority among ${said.length} votes`
        : 'the preference changed with the order of the two texts, so it is none';
    return unmeasured('judge_error', why, judged);
  }
  const details: JsonObject = {
    choice: winning.choice,
    reason: winning.reason,
    ...(said.length > 1 ? { agreement: share(said, winning) } : {}),
    ...(judged as Record<string, JsonValue>),
  };
  const suffix = borderline ? '; borderline: the votes fall on both sides' : '';
  return {
    kind: 'scored',
    met: passes(winning),
    score: winning.score,
    reason: `${winning.choice}: ${winning.reason}${suffix}`,
    details,
  };
}

function share(said: readonly (Said | null)[], winning: Said): number {
  return said.filter((s) => s?.choice === winning.choice).length / said.length;
}
