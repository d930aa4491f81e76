// The judge: asks one question k times, reads each reply down the ladder (structured → tolerant → one re-ask → error) and remembers verdicts.

import { GRADER_CODE_VERSION } from '../core/exam.ts';
import type { UngradedCause } from '../core/grade.ts';
import { contentHash, isJsonObject, type JsonObject, type JsonValue } from '../core/json.ts';
import type { Answered } from '../core/provider.ts';
import { type CostMeter, costMeter, type Examined, type GraderContext } from './context.ts';
import { createCaller, isFailure } from './judge-call.ts';
import type { AskedCriterion } from './judge-prompt.ts';
import {
  type JudgeQuestion,
  judgeMessages,
  judgeQuestion,
  type QuestionExtras,
  VERDICT_SCHEMA_NAME,
  verdictSchema,
} from './judge-prompt.ts';
import { type ReadReply, type Ruling, readReply, rulingsOf } from './judge-reply.ts';
import type { Subject } from './mark.ts';
import { firstCodePoints } from './quote.ts';

/** Output tokens a judge may use where its release does not say; reasoning models need room before the verdict. */
export const JUDGE_OUTPUT_TOKENS = 4096;
const RAW_KEPT = 4096;

/** One vote of the judge on all asked criteria. */
export type Vote =
  | {
      readonly kind: 'ruled';
      readonly rulings: readonly Ruling[];
      readonly model: string | null;
      readonly cached: boolean;
      readonly droppedParams: readonly string[];
      /** Fingerprint of the judge that voted. */
      readonly judge: string;
    }
  | {
      readonly kind: 'ungraded';
      readonly cause: UngradedCause;
      readonly reason: string;
      /** The reply that could not be read, cut to 4 KB. */
      readonly raw: string | null;
      readonly judge: string;
    };

export interface Judge {
  /** One for each judge that votes. */
  readonly fingerprints: readonly string[];
  /** All votes on the asked criteria, in order; costs are added to `cost`. */
  votes(
    criteria: readonly AskedCriterion[],
    subject: Subject,
    graderId: string,
    cost: CostMeter,
    signal: AbortSignal,
    extras?: QuestionExtras,
  ): Promise<readonly Vote[]>;
}

/** All judges of a panel as one: the votes of the first, then those of the next. */
export function createPanel(panel: readonly Examined[], context: GraderContext): Judge {
  const judges = panel.map((examined) => createJudge(examined, context));
  return {
    fingerprints: judges.flatMap((j) => j.fingerprints),
    votes: async (...question) => (await Promise.all(judges.map((j) => j.votes(...question)))).flat(),
  };
}

export function createJudge(examined: Examined, context: GraderContext): Judge {
  const { release } = examined;
  const caller = createCaller(examined, context);
  const votes = Math.max(1, Math.floor(context.judgeOptions?.votes ?? 1));
  /** Questions under way: a second trial with the same answer waits for the first one's verdict. */
  const underWay = new Map<string, Promise<Vote>>();

  async function vote(
    question: JudgeQuestion,
    number: number,
    subject: Subject,
    graderId: string,
    cost: CostMeter,
    signal: AbortSignal,
  ): Promise<Vote> {
    const key = verdictKey(release.fingerprint, question, number);
    for (let earlier = underWay.get(key); earlier !== undefined; earlier = underWay.get(key)) {
      const other = await earlier;
      if (other.kind === 'ruled') return { ...other, cached: true };
    }
    const asking = (async (): Promise<Vote> => {
      const kept = await recall(key, question);
      if (kept !== null) return kept;
      const ruled = await ask(question, number, subject, graderId, cost, signal);
      if (ruled.kind === 'ruled') await context.verdicts?.put(key, keptForm(ruled));
      return ruled;
    })();
    underWay.set(key, asking);
    try {
      return await asking;
    } finally {
      underWay.delete(key);
    }
  }

  async function recall(key: string, question: JudgeQuestion): Promise<Vote | null> {
    const kept = await context.verdicts?.get(key);
    const rulings = isJsonObject(kept) ? rulingsOf(kept, question.criteria) : 'no verdict';
    if (!isJsonObject(kept) || typeof rulings === 'string') return null;
    const model = typeof kept['model'] === 'string' ? kept['model'] : null;
    const droppedParams = Array.isArray(kept['droppedParams'])
      ? (kept['droppedParams'] as readonly string[])
      : [];
    return { kind: 'ruled', rulings, model, cached: true, droppedParams, judge: release.fingerprint };
  }

  function keptForm(ruled: Extract<Vote, { kind: 'ruled' }>): JsonObject {
    return {
      criteria: context.mask.json(ruled.rulings as unknown as JsonValue),
      model: ruled.model,
      ...(ruled.droppedParams.length === 0 ? {} : { droppedParams: ruled.droppedParams }),
    };
  }

  async function ask(
    question: JudgeQuestion,
    number: number,
    subject: Subject,
    graderId: string,
    cost: CostMeter,
    signal: AbortSignal,
  ): Promise<Vote> {
    const { c, trial } = subject;
    const params = release.layers.params ?? {};
    const given = params['max-output-tokens'];
    let tokens = typeof given === 'number' ? given : JUDGE_OUTPUT_TOKENS;
    let doubled = false;
    let problem: string | null = null;
    for (;;) {
      const reply = await caller.call(
        {
          caseId: c.id,
          trial: trial.trial,
          messages: judgeMessages(release, question, context.nonce(), problem),
          vars: {},
          params: { ...params, 'max-output-tokens': tokens },
          outputSchema: { name: VERDICT_SCHEMA_NAME, schema: verdictSchema(question.criteria) },
        },
        signal,
        cost,
        (outcome, model, latencyMs, costUsd) =>
          context.onJudgeCall?.({
            caseId: c.id,
            trial: trial.trial,
            graderId,
            vote: number,
            outcome,
            model,
            latencyMs,
            costUsd,
          }),
      );
      if (isFailure(reply))
        return ungraded('judge_error', `the judge could not be asked: ${reply.message} [${reply.code}]`);
      if (reply.stopReason === 'length') {
        if (doubled)
          return ungraded(
            'judge_truncated',
            `the judge was cut off at ${tokens} output tokens, twice the first limit`,
            reply,
          );
        doubled = true;
        tokens *= 2;
        continue;
      }
      const read: ReadReply = readReply(reply, question.criteria, candidateText(question));
      if (read.kind === 'ok') {
        const { model } = reply.served;
        return {
          kind: 'ruled',
          rulings: read.rulings,
          model,
          cached: false,
          droppedParams: reply.droppedParams ?? [],
          judge: release.fingerprint,
        };
      }
      if (problem !== null)
        return ungraded('judge_error', `the judge's reply could not be read, twice: ${read.problem}`, reply);
      problem = read.problem;
    }
  }

  function ungraded(cause: UngradedCause, reason: string, reply?: Answered): Vote {
    // Masked before it is cut: half a secret would not be recognised.
    const raw = reply === undefined ? null : firstCodePoints(context.mask.text(rawText(reply)), RAW_KEPT);
    return { kind: 'ungraded', cause, reason, raw, judge: release.fingerprint };
  }

  return {
    fingerprints: [release.fingerprint],
    votes: (criteria, subject, graderId, cost, signal, extras) => {
      const question = judgeQuestion(criteria, subject, extras);
      return Promise.all(
        Array.from({ length: votes }, async (_, number) => {
          const meter = costMeter();
          const result = await vote(question, number, subject, graderId, meter, signal);
          cost.add(meter.usd);
          return result;
        }),
      );
    },
  };
}

/** Key of one vote: the judge, everything it is shown and how its replies are read. */
export function verdictKey(judgeFingerprint: string, question: JudgeQuestion, vote: number): string {
  return contentHash({
    judge: judgeFingerprint,
    graderCode: GRADER_CODE_VERSION,
    rubric: contentHash({
      criteria: question.criteria as unknown as JsonValue,
      conversation: question.conversation,
      expected: question.expected,
      ...(question.sources === undefined ? {} : { sources: question.sources }),
      ...(question.rival === undefined ? {} : { rival: question.rival }),
    }),
    output: contentHash(question.candidate),
    vote,
  });
}

/** All foreign text a judge could copy a verdict from. */
function candidateText(question: JudgeQuestion): string {
  return [
    question.candidate.text,
    question.rival?.text ?? '',
    question.sources === undefined ? '' : JSON.stringify(question.sources),
    JSON.stringify(question.candidate.toolCalls),
    typeof question.conversation === 'string' ? question.conversation : JSON.stringify(question.conversation),
  ].join('\n');
}

function rawText(reply: Answered): string {
  const calls = reply.output.toolCalls.length === 0 ? '' : `\n${JSON.stringify(reply.output.toolCalls)}`;
  return `${reply.output.refusal ?? ''}${reply.output.text}${calls}`;
}
