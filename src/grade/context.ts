// What grading needs from outside: the judge's and the embedder's provider, the verdict cache, prices, randomness.

import type { JsonValue } from '../base/json.ts';
import type { SecretMask } from '../base/secrets.ts';
import type { PricedModel } from '../core/prices.ts';
import type { ProgramGraders } from '../core/program-grader.ts';
import type { Failure, Provider, ProviderRequest, Usage } from '../core/provider.ts';
import type { Release } from '../core/release.ts';

/** A release and the provider that calls it. */
export interface Examined {
  readonly release: Release;
  readonly provider: Provider;
  /** Its calls are gathered into batches: a reply may take a day, and the service sets the pace. */
  readonly isBatched?: boolean | undefined;
}

/** Keeps judge verdicts by key, so that an unchanged answer is not paid for twice. */
export interface VerdictCache {
  get(key: string): Promise<JsonValue | undefined>;
  put(key: string, verdict: JsonValue): Promise<void>;
}

export interface JudgeOptions {
  /** Independent calls per judge, rubric and trial; the majority of all votes counts. Default 1. */
  readonly votes?: number | undefined;
  /** Per call. Default 120000. */
  readonly timeoutMs?: number | undefined;
  /** Calls per question when the provider fails in a way that may pass. Default 4. */
  readonly maxAttempts?: number | undefined;
  /** Judge calls at a time, over all trials. Default 4. */
  readonly concurrency?: number | undefined;
}

/** Lets calls to one examiner through at the pace its service allows. */
export interface Pace {
  /** `about`: the same object for all attempts of one question. `started`: the call starts only now, after a wait for something else. */
  run<T extends { readonly kind: string }>(
    attempt: (started: () => void) => Promise<T>,
    signal: AbortSignal,
    about?: object,
  ): Promise<T>;
  /** What a reply of `run` meant: `down` = the service is, so the attempt does not count; `over` = it is down for too long. Absent: `fine`. */
  verdictOn?(reply: object): 'fine' | 'refused' | 'down' | 'over';
}

/** A call that was admitted and has ended. */
export interface ExaminerCall {
  readonly examined: Examined;
  /** false = it was called off before it started. */
  readonly called: boolean;
  /** null = unknown. */
  readonly costUsd: number | null;
  readonly reply: { readonly kind: string };
}

/** A budget of calls; `end` follows every call that was admitted. */
export interface CallLimit {
  /** null = the call may be made; otherwise why no further one may. `mostUsd`: the most it can cost, where that is known. */
  admit(signal: AbortSignal, examined: Examined, mostUsd?: number | null): Promise<string | null>;
  end(call: ExaminerCall): void;
}

/** One call to the judge, for progress and budgets. */
export interface JudgeCallInfo {
  readonly caseId: string;
  readonly trial: number;
  readonly graderId: string;
  /** From 0. */
  readonly vote: number;
  /** `answered`, or the failure's code. */
  readonly outcome: string;
  readonly model: string | null;
  readonly latencyMs: number | null;
  /** null = price or usage unknown. */
  readonly costUsd: number | null;
}

export interface GraderContext {
  readonly judge: Examined | null;
  /** Further judges, each with a vote of its own. */
  readonly panel?: readonly Examined[] | undefined;
  readonly embedder: Examined | null;
  /** Runs graders outside this process; without it their grades are missing. */
  readonly programs?: ProgramGraders | null | undefined;
  readonly verdicts: VerdictCache | null;
  /** Cost of one call in US dollars; null = unknown. */
  costOf(model: PricedModel, usage: Usage | null, tier?: string | null): number | null;
  /** Fresh random hex, at least 32 digits. */
  nonce(): string;
  readonly judgeOptions?: JudgeOptions | undefined;
  onJudgeCall?(info: JudgeCallInfo): void;
  /** A pace for each examiner; default: `concurrency` calls at a time, whatever the service says. */
  pace?(): Pace;
  /** Of all examiners together; default: none. */
  readonly limit?: CallLimit | undefined;
  /** Upper bound of one call's cost in US dollars, for calls that are made long before any of them has a price; null = unknown. */
  mostOf?(release: Release, request: ProviderRequest): number | null;
  /** An examiner failed in a way that no other call to it can escape (quota, key, model). */
  onFatal?(failure: Failure, release: Release): void;
  readonly mask: SecretMask;
  /** Waits; default: real time. */
  sleep?(ms: number, signal: AbortSignal): Promise<void>;
}

/** Adds up what judging one trial cost; once a part is unknown, so is the sum. */
export interface CostMeter {
  add(usd: number | null): void;
  readonly usd: number | null;
}

export function costMeter(): CostMeter {
  return new Meter();
}

class Meter implements CostMeter {
  usd: number | null = 0;

  add(usd: number | null): void {
    this.usd = this.usd === null || usd === null ? null : this.usd + usd;
  }
}
