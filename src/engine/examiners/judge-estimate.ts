// What judging a run will ask and may cost, before a single call: the graders put their own questions about an empty answer, and none is sent.

import {
  type AnsweredTrial,
  type Case,
  type CaseList,
  costOf,
  type GraderSpec,
  needsJudge,
  type ProviderRequest,
  panelOf,
  pricedModel,
  type Release,
} from '../../core/index.ts';
import { outputCap } from '../../core/params.ts';
import { capName, createTrialGrader, type Examined, JUDGE_OUTPUT_TOKENS } from '../../grade/index.ts';
import { inputTokensBound, transcriptTokensBound } from '../../run/index.ts';
import type { Workplace } from '../workplace/workplace.ts';

export interface JudgeEstimate {
  /** Questions when every first reply can be read; answers that are alike are judged once, so mostly it is fewer. */
  readonly calls: number;
  /** The same when every reply is cut off once and unreadable once, each call needs all its attempts, and every judge is probed. */
  readonly callsUpper: number;
  /** US dollars for every question with its re-asks (refused attempts are free); null = a price, or the most that the subject may answer, is unknown. */
  readonly costUpperUsd: number | null;
}

/** One reply cut off, one that cannot be read, one that can. */
const REPLIES_PER_QUESTION = 3;
/** The judge may count the subject's tokens otherwise, and sees its text with its quotes escaped. */
const ANSWER_MARGIN = 2;

/** The judge's part of a run of these cases; null without a judge. `subject`: who answers, or the most tokens that a judge is shown of an answer. Makes no call and runs no code of the user. */
export async function estimateJudging(
  work: Pick<Workplace, 'prices' | 'mask'>,
  cases: CaseList,
  subject: Release | ((c: Case) => number),
  judge: Release | null,
  { maxAttempts = 4, tier = null }: { readonly maxAttempts?: number; readonly tier?: string | null } = {},
): Promise<JudgeEstimate | null> {
  if (judge === null) return null;
  /** Of the case at hand. */
  let answerTokens: number | null = null;
  const { judges, votes } = panelOf(judge);
  let calls = 0;
  let costUpperUsd: number | null = 0;
  let perTrial: { calls: number; usd: number | null } = { calls: 0, usd: 0 };
  let shownTokens: number | null = 0;
  const note = (release: Release, request: ProviderRequest): void => {
    const params = release.layers.params ?? {};
    const output = params[capName(params)];
    const usd =
      answerTokens === null || shownTokens === null
        ? null
        : costOf(
            work.prices,
            pricedModel(release.layers.route, null),
            {
              inputTokens: REPLIES_PER_QUESTION * (inputTokensBound(request) + ANSWER_MARGIN * shownTokens),
              // The first reply is cut off; the next two have twice its tokens.
              outputTokens: 5 * (typeof output === 'number' ? output : JUDGE_OUTPUT_TOKENS),
            },
            tier,
          );
    perTrial = {
      calls: perTrial.calls + 1,
      usd: perTrial.usd === null || usd === null ? null : perTrial.usd + usd,
    };
  };
  const [first, ...panel] = judges.map((release) => noting(release, note));
  const grader = createTrialGrader({
    judge: first ?? null,
    panel,
    embedder: null,
    verdicts: null,
    costOf: () => null,
    nonce: () => '0'.repeat(32),
    judgeOptions: { votes, maxAttempts: 1 },
    mask: work.mask,
  });
  try {
    for (const c of cases) {
      const graders = c.graders.flatMap(questionsOf);
      if (graders.length === 0) continue;
      perTrial = { calls: 0, usd: 0 };
      if (typeof subject === 'function') answerTokens = shownTokens = subject(c);
      else {
        answerTokens = outputCap(subject, c);
        if (answerTokens !== null) shownTokens = transcriptTokensBound(subject, c, answerTokens);
      }
      await grader.gradeTrial({ ...c, graders }, anAnswer(c), new AbortController().signal);
      calls += perTrial.calls * c.trials;
      costUpperUsd =
        costUpperUsd === null || perTrial.usd === null ? null : costUpperUsd + perTrial.usd * c.trials;
    }
  } finally {
    await grader.close();
  }
  const probes = calls === 0 ? 0 : judges.length;
  return { calls, callsUpper: calls * REPLIES_PER_QUESTION * maxAttempts + probes, costUpperUsd };
}

/** What of a grader is put to a judge. */
function questionsOf({ turn: _turn, ...given }: GraderSpec): GraderSpec[] {
  // Of whatever turn: the answer it is estimated on has but one.
  const spec = given as GraderSpec;
  if (!needsJudge(spec)) return [];
  if (spec.type !== 'rubric') return [spec];
  const criteria = spec.options.criteria.filter((c) => c.kind === 'ask');
  return [{ ...spec, options: { ...spec.options, criteria } }];
}

/** A judge that writes down what it would be asked and has nothing to say. */
function noting(release: Release, note: (release: Release, request: ProviderRequest) => void): Examined {
  return {
    release,
    provider: {
      name: 'estimate',
      call: async (request) => {
        note(release, request);
        return {
          kind: 'failed',
          cause: 'infra_error',
          // The one failure that does not end judging when many of it follow each other.
          code: 'judge_limit',
          message: 'nothing was called',
          retryable: false,
          fatal: false,
          latencyMs: 0,
        };
      },
    },
  };
}

function anAnswer(c: Case): AnsweredTrial {
  return {
    caseId: c.id,
    trial: 0,
    attempts: [],
    sent: null,
    status: 'answered',
    output: { text: '.', toolCalls: [] },
    stopReason: 'stop',
    served: { model: null, systemFingerprint: null, serviceTier: null, region: null, requestId: null },
    usage: null,
    latencyMs: null,
    costUsd: null,
    droppedParams: [],
  };
}
