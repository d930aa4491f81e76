// The judge: asks one question k times, reads each reply down the ladder (structured → tolerant → one re-ask → error) and remembers verdicts.

import { contentHash, isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import { GRADER_CODE_VERSION } from '../core/exam.ts';
import { FailureStreak } from '../core/failure-streak.ts';
import type { UngradedCause } from '../core/grade.ts';
import type { Answered, Failure, ProviderRequest } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import { type CostMeter, costMeter, type Examined, type GraderContext } from './context.ts';
import type { Subject } from './grader-result.ts';
import { type Caller, createCaller, isFailure, UNASKED } from './judge-call.ts';
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
import { firstCodePoints } from './quote.ts';

/** Output tokens a judge may use where its release does not say; reasoning models need room before the verdict. */
export const JUDGE_OUTPUT_TOKENS = 4096;
const RAW_KEPT = 4096;
/** A reply that holds no verdict, as a failure. */
const NO_VERDICT: Failure = {
  kind: 'failed',
  cause: 'infra_error',
  code: 'no_verdict',
  message: '',
  retryable: false,
  fatal: false,
  latencyMs: 0,
};

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
  const judges = panel.map((examined) => new SingleJudge(examined, context));
  return {
    fingerprints: judges.flatMap((j) => j.fingerprints),
    votes: async (...question) => (await Promise.all(judges.map((j) => j.votes(...question)))).flat(),
  };
}

/** One vote that is asked for. */
interface Ballot {
  readonly question: JudgeQuestion;
  /** Of the vote, for the cache. */
  readonly key: string;
  /** Which of the votes, from 0. */
  readonly number: number;
  readonly subject: Subject;
  readonly graderId: string;
  readonly cost: CostMeter;
  readonly signal: AbortSignal;
}

/** One judge, asked `votes` times a question. */
class SingleJudge implements Judge {
  readonly fingerprints: readonly string[];
  private readonly release: Release;
  private readonly context: GraderContext;
  private readonly caller: Caller;
  private readonly voteCount: number;
  private readonly isBatched: boolean;
  /** Questions in a row that ended alike without a verdict: a judge whose replies cannot be read is not asked for every trial. */
  private readonly streak = new FailureStreak(false);
  /** Questions under way: a second trial with the same answer waits for the first one's verdict. */
  private readonly underWay = new Map<string, Promise<Vote>>();

  constructor(examined: Examined, context: GraderContext) {
    this.release = examined.release;
    this.isBatched = examined.isBatched === true;
    this.context = context;
    this.caller = createCaller(examined, context);
    this.voteCount = Math.max(1, Math.floor(context.judgeOptions?.votes ?? 1));
    this.fingerprints = [this.release.fingerprint];
  }

  async votes(...[criteria, subject, graderId, cost, signal, extras]: Parameters<Judge['votes']>) {
    const question = judgeQuestion(criteria, subject, extras);
    return Promise.all(
      Array.from({ length: this.voteCount }, async (_, number) => {
        const meter = costMeter();
        const key = verdictKey(this.release.fingerprint, question, number);
        const vote = await this.vote({ question, key, number, subject, graderId, cost: meter, signal });
        cost.add(meter.usd);
        return vote;
      }),
    );
  }

  private async vote(ballot: Ballot): Promise<Vote> {
    const { key } = ballot;
    for (let earlier = this.underWay.get(key); earlier !== undefined; earlier = this.underWay.get(key)) {
      const other = await earlier;
      if (other.kind === 'ruled') return { ...other, cached: true };
    }
    const asking = this.recallOrAsk(ballot);
    this.underWay.set(key, asking);
    try {
      return await asking;
    } finally {
      this.underWay.delete(key);
    }
  }

  private async recallOrAsk(ballot: Ballot): Promise<Vote> {
    const { key } = ballot;
    const kept = await this.recall(key, ballot.question);
    if (kept !== null) return kept;
    const vote = await this.ask(ballot);
    if (vote.kind === 'ruled') await this.context.verdicts?.put(key, this.keptForm(vote));
    return vote;
  }

  private async recall(key: string, question: JudgeQuestion): Promise<Vote | null> {
    const kept = await this.context.verdicts?.get(key);
    const rulings = isJsonObject(kept) ? rulingsOf(kept, question.criteria) : 'no verdict';
    if (!isJsonObject(kept) || typeof rulings === 'string') return null;
    const model = typeof kept['model'] === 'string' ? kept['model'] : null;
    const droppedParams = Array.isArray(kept['droppedParams'])
      ? (kept['droppedParams'] as readonly string[])
      : [];
    return { kind: 'ruled', rulings, model, cached: true, droppedParams, judge: this.release.fingerprint };
  }

  private keptForm(ruled: Extract<Vote, { kind: 'ruled' }>): JsonObject {
    return {
      criteria: this.context.mask.json(ruled.rulings as unknown as JsonValue),
      model: ruled.model,
      ...(ruled.droppedParams.length === 0 ? {} : { droppedParams: ruled.droppedParams }),
    };
  }

  /** Asks until there is a verdict: once more with twice the room where the reply was cut off, once more where it could not be read. */
  private async ask(ballot: Ballot): Promise<Vote> {
    const { question, signal } = ballot;
    const given = this.release.layers.params?.[capName(this.release.layers.params)];
    let tokens = typeof given === 'number' ? given : JUDGE_OUTPUT_TOKENS;
    let doubled = false;
    let problem: string | null = null;
    for (;;) {
      const reply = await this.call(ballot, tokens, problem);
      if (isFailure(reply)) {
        if (!signal.aborted && !UNASKED.includes(reply.code)) this.lost(reply);
        return this.ungraded('judge_error', `the judge could not be asked: ${reply.message} [${reply.code}]`);
      }
      if (reply.stopReason === 'length') {
        if (doubled) {
          this.lost({ ...NO_VERDICT, message: 'its replies are cut off by the limit of output tokens' });
          const reason = `the judge was cut off at ${tokens} output tokens, twice the first limit`;
          return this.ungraded('judge_truncated', reason, reply);
        }
        doubled = true;
        tokens *= 2;
        continue;
      }
      const read: ReadReply = readReply(reply, question.criteria, candidateText(question));
      if (read.kind === 'ok') return this.ruled(read.rulings, reply);
      if (problem !== null) {
        this.lost({ ...NO_VERDICT, message: `its replies cannot be read: ${read.problem}` });
        const reason = `the judge's reply could not be read, twice: ${read.problem}`;
        return this.ungraded('judge_error', reason, reply);
      }
      problem = read.problem;
    }
  }

  /** One call; `problem` = what was wrong with the reply before. */
  private call(
    { question, key, number, subject: { c, trial }, graderId, cost, signal }: Ballot,
    tokens: number,
    problem: string | null,
  ): ReturnType<Caller['call']> {
    const params = this.release.layers.params ?? {};
    const request: ProviderRequest = {
      caseId: c.id,
      trial: trial.trial,
      messages: judgeMessages(this.release, question, this.context.nonce(), problem),
      vars: {},
      params: { ...params, [capName(params)]: tokens },
      outputSchema: { name: VERDICT_SCHEMA_NAME, schema: verdictSchema(question.criteria), flexible: true },
      ...(this.isBatched ? { askedAs: JSON.stringify([key, tokens, problem]) } : {}),
    };
    const asked = { caseId: c.id, trial: trial.trial, graderId, vote: number };
    return this.caller.call(request, signal, cost, (outcome, model, latencyMs, costUsd) =>
      this.context.onJudgeCall?.({ ...asked, outcome, model, latencyMs, costUsd }),
    );
  }

  private ruled(rulings: readonly Ruling[], reply: Answered): Vote {
    this.streak.answer();
    return {
      kind: 'ruled',
      rulings,
      model: reply.served.model,
      cached: false,
      droppedParams: reply.droppedParams ?? [],
      judge: this.release.fingerprint,
    };
  }

  /** A question is left without a verdict; the last of many alike ends the judging. */
  private lost(failure: Failure): void {
    // Whatever else a reply without a verdict says, it is one.
    const { code } = failure;
    this.streak.fail(code === NO_VERDICT.code ? NO_VERDICT : failure);
    if (!this.streak.stops(failure)) return;
    const message =
      code === 'auth'
        ? failure.message
        : `${this.streak.count} questions in a row ended in the same way: ${failure.message}`;
    this.caller.stop({ ...failure, message, retryable: false, fatal: true });
  }

  private ungraded(cause: UngradedCause, reason: string, reply?: Answered): Vote {
    // Masked before it is cut: half a secret would not be recognised.
    const raw =
      reply === undefined ? null : firstCodePoints(this.context.mask.text(rawText(reply)), RAW_KEPT);
    return { kind: 'ungraded', cause, reason, raw, judge: this.release.fingerprint };
  }
}

/** The cap on output tokens under the name that the judge's release gives it. */
export function capName(params: JsonObject): string {
  const caps = ['max-output-tokens', 'max-completion-tokens', 'max-tokens'];
  return (
    Object.keys(params).find((name) => caps.includes(name.replaceAll('_', '-').toLowerCase())) ??
    'max-output-tokens'
  );
}

/** Key of one vote: the judge, everything it is shown and how its replies are read. */
function verdictKey(judgeFingerprint: string, question: JudgeQuestion, vote: number): string {
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
    question.candidate.transcript ?? '',
    typeof question.conversation === 'string' ? question.conversation : JSON.stringify(question.conversation),
  ].join('\n');
}

function rawText(reply: Answered): string {
  const calls = reply.output.toolCalls.length === 0 ? '' : `\n${JSON.stringify(reply.output.toolCalls)}`;
  return `${reply.output.refusal ?? ''}${reply.output.text}${calls}`;
}
