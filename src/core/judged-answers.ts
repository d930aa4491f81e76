// Stored production answers that a judge scores: which were drawn, and what came of it.

/** Who gives a score: one judge with one question. */
export interface AnswerExaminer {
  /** Hash of the judge, the question and how replies are read. */
  readonly id: string;
  readonly judge: { readonly name: string; readonly fingerprint: string };
  /** Name of a ready-made question, or file of a rubric. */
  readonly question: string;
}

/** Answers of a time, and what of them is judged. */
export interface AnswerSample {
  /** ISO times. */
  readonly from: string;
  readonly to: string;
  readonly observations: number;
  /** Errors of the application. */
  readonly failed: number;
  /** Stored without texts. */
  readonly numbersOnly: number;
  /** Stored without a question, or without an answer. */
  readonly incomplete: number;
  /** Their id was redacted: a score could not be filed. */
  readonly hiddenId: number;
  /** In the sample. */
  readonly drawn: number;
  /** Of those drawn, scored earlier by the same examiner. */
  readonly judgedBefore: number;
  readonly toJudge: number;
}

export interface AnswerJudgingPlan {
  readonly feature: string;
  readonly signal: string;
  readonly examiner: AnswerExaminer;
  readonly sample: AnswerSample;
  /** null = nothing is left to judge. */
  readonly judge: {
    readonly calls: number;
    readonly callsUpper: number;
    readonly costUpperUsd: number | null;
  } | null;
}

export interface AnswerJudging extends Omit<AnswerJudgingPlan, 'judge'> {
  /** Answers scored now. */
  readonly judged: number;
  /** Of those scored now; null = none. */
  readonly meanScore: number | null;
  /** Answers that were asked about and got no score, by cause. */
  readonly ungraded: Readonly<Record<string, number>>;
  /** Answers that were not asked about. */
  readonly left: number;
  /** Why judging stopped early, in words; null = it did not. */
  readonly stopped: { readonly by: 'limit' | 'cancelled' | 'fatal'; readonly why: string } | null;
  readonly judgeCalls: number;
  /** null = the price of a call is unknown. */
  readonly costUsd: number | null;
}
