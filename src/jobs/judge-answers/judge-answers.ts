// lastgood judge observations: a judge on a sample of stored production answers. Each score is stored as soon as it is given.

import { LastgoodError } from '../../base/index.ts';
import { trialOutcome } from '../../core/grade.ts';
import type { AnswerJudging, AnswerJudgingPlan } from '../../core/judged-answers.ts';
import type { ObservationStore } from '../../core/observation.ts';
import { estimateJudging } from '../../engine/examiners/judge-estimate.ts';
import { openExaminers, withJudges } from '../../engine/examiners/judge-examiners.ts';
import { JudgeLimit } from '../../engine/examiners/judge-limit.ts';
import { judgeRefused, probeJudges } from '../../engine/examiners/probe-judges.ts';
import { timeRange } from '../../engine/production/time-range.ts';
import { mustExist } from '../../engine/records/known-feature.ts';
import type { Privacy } from '../../engine/workplace/privacy.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { type AnswerCase, answerCases } from './answer-cases.ts';
import { drawAnswers } from './draw-answers.ts';
import { claimSeries, type ExaminerInput, isClaimed, type LoadedExaminer, loadExaminer } from './examiner.ts';

export interface JudgeAnswersInput extends ExaminerInput {
  readonly feature: string;
  /** Name of the score. */
  readonly name: string;
  /** How far back in milliseconds, or since when. */
  readonly since: number | Date;
  readonly sample: number;
  readonly seed: number;
  readonly maxCalls: number | undefined;
  readonly maxCostUsd: number | undefined;
  readonly preflight: boolean | undefined;
  readonly dryRun: boolean;
  /** What `redact` of the project names; null = nothing. */
  readonly privacy: Privacy | null;
  /** Called before the first call is made. */
  readonly onPlan: (plan: AnswerJudgingPlan) => void;
}

export type JudgeAnswersResult =
  | { readonly kind: 'plan'; readonly plan: AnswerJudgingPlan }
  | { readonly kind: 'judged'; readonly report: AnswerJudging };

/** Judges what is left of the sample. Throws only on wrong input or when nothing can be judged. */
export async function judgeAnswersJob(
  work: Workplace,
  production: ObservationStore,
  input: JudgeAnswersInput,
): Promise<JudgeAnswersResult> {
  const { feature, name } = input;
  await mustExist(production, feature);
  const examiner = await loadExaminer(input);
  const series = { feature, name, examiner: examiner.about };
  await isClaimed(work, series);
  const { sample, answers } = await drawAnswers(production, {
    ...{ feature, name, seed: input.seed, most: input.sample, examiner: examiner.about.id },
    range: timeRange(work.clock.now(), input.since),
  });
  if (sample.drawn === 0) throw noAnswers(feature, sample);
  const cases = await answerCases(work, answers, { spec: examiner.spec, privacy: input.privacy });
  const limit = new JudgeLimit({
    maxCalls: input.maxCalls,
    maxCostUsd: input.maxCostUsd,
    priced: work.prices !== null,
    flags: { calls: '--max-calls', cost: '--max-cost' },
  });
  const about = { feature, signal: `judge-score:${name}`, examiner: examiner.about, sample };
  const plan: AnswerJudgingPlan = { ...about, judge: await estimateOf(work, cases, examiner) };
  input.onPlan(plan);
  if (input.dryRun) return { kind: 'plan', plan };
  const asked = { input, examiner, cases, limit };
  if (cases.length > 0) {
    await mustAnswer(work, asked);
    await claimSeries(work, series);
  }
  return { kind: 'judged', report: { ...about, ...(await judgeAll(work, production, asked)) } };
}

interface Asked {
  readonly input: JudgeAnswersInput;
  readonly examiner: LoadedExaminer;
  readonly cases: readonly AnswerCase[];
  readonly limit: JudgeLimit;
}

async function estimateOf(
  work: Workplace,
  cases: readonly AnswerCase[],
  { judge }: LoadedExaminer,
): Promise<AnswerJudgingPlan['judge']> {
  if (cases.length === 0) return null;
  // A token is at least a byte.
  const bytes = new Map(
    cases.map(({ case: c, trial }) => [c.id, Buffer.byteLength(JSON.stringify(trial.output))]),
  );
  return estimateJudging(
    work,
    cases.map((a) => a.case),
    (c) => bytes.get(c.id) ?? 0,
    judge,
  );
}

/** Asks the judge one small question first. Throws `JUDGE_REFUSED`. */
async function mustAnswer(work: Workplace, { input, examiner, cases, limit }: Asked): Promise<void> {
  const refused = await withJudges(work, examiner.judge, (judges) =>
    probeJudges(
      work,
      cases.map((a) => a.case),
      judges,
      { preflight: input.preflight, judgeLimit: limit },
    ),
  );
  if (refused !== null) throw judgeRefused(refused);
}

const AT_ONCE = 4;

async function judgeAll(
  work: Workplace,
  production: ObservationStore,
  { input, examiner, cases, limit }: Asked,
): Promise<Omit<AnswerJudging, 'feature' | 'signal' | 'examiner' | 'sample'>> {
  const queue = [...cases];
  const scores: number[] = [];
  const ungraded: Record<string, number> = {};
  let [left, judgeCalls, fatal] = [0, 0, null as string | null];
  let costUsd: number | null = 0;
  const examiners = await openExaminers(
    work,
    { judge: examiner.judge, embedder: null },
    {
      limit,
      onJudgeCall: (call) => {
        judgeCalls++;
        costUsd = costUsd === null || call.costUsd === null ? null : costUsd + call.costUsd;
      },
      onFatal: (failure) => {
        fatal ??= failure.message;
      },
    },
  );
  const stops = (): boolean => fatal !== null || limit.reached !== null || work.signal.aborted;
  const one = async (answer: AnswerCase): Promise<void> => {
    const { grades } = await examiners.grader.gradeTrial(answer.case, answer.trial, work.hardSignal);
    const outcome = trialOutcome(grades);
    if (outcome.kind === 'graded') {
      await keepScore(work, production, { id: answer.id, score: outcome.score, input, examiner });
      scores.push(outcome.score);
    } else if (work.hardSignal.aborted || limit.reached !== null || fatal !== null) left++;
    else for (const cause of new Set(outcome.causes)) ungraded[cause] = (ungraded[cause] ?? 0) + 1;
    work.progress.step({ label: 'judging', done: cases.length - queue.length, total: cases.length });
  };
  const worker = async (): Promise<void> => {
    for (let next = stops() ? undefined : queue.shift(); next !== undefined; ) {
      await one(next);
      next = stops() ? undefined : queue.shift();
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
  } finally {
    await examiners.close();
  }
  left += queue.length;
  return {
    judged: scores.length,
    meanScore: scores.length === 0 ? null : scores.reduce((sum, s) => sum + s, 0) / scores.length,
    ungraded,
    left,
    stopped: stoppedBy(work, { fatal, limit, left }),
    judgeCalls,
    costUsd,
  };
}

function stoppedBy(
  work: Workplace,
  { fatal, limit, left }: { fatal: string | null; limit: JudgeLimit; left: number },
): AnswerJudging['stopped'] {
  if (fatal !== null) return { by: 'fatal', why: fatal };
  if (left === 0) return null;
  if (work.signal.aborted) return { by: 'cancelled', why: 'it was interrupted' };
  return { by: 'limit', why: limit.reached ?? 'a limit was reached' };
}

/** The score and who gave it, in one write: a second one by the same examiner is never added to it. */
async function keepScore(
  work: Workplace,
  production: ObservationStore,
  {
    id,
    score,
    input: { name },
    examiner,
  }: { id: string; score: number; input: JudgeAnswersInput; examiner: LoadedExaminer },
): Promise<void> {
  await production.add({
    observations: [],
    outcomes: [
      {
        ...{ id, at: work.clock.now().getTime(), finalText: null, flags: {}, kpi: {} },
        scores: { [name]: score },
        examiners: { [name]: examiner.about.id },
      },
    ],
  });
}

function noAnswers(
  feature: string,
  { observations, numbersOnly }: AnswerJudgingPlan['sample'],
): LastgoodError {
  return new LastgoodError({
    code: 'JUDGE_NO_ANSWERS',
    message:
      observations === 0
        ? `there is no observation of ${feature} in this time`
        : `none of ${observations} observations of ${feature} in this time holds a question and an answer; ${numbersOnly} are stored by numbers only`,
    hint: 'store texts with --store outputs, send `messages` or `input`, or name a longer time with --since',
    exitCode: 3,
  });
}
