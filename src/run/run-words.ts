// What a run reports while it lasts: what it waits for, and why.

import type { Warning } from '../base/index.ts';
import { seconds } from '../base/numbers.ts';
import type { Failure } from '../core/index.ts';
import type { BatchState } from '../core/provider-batch.ts';
import type { RunLimits } from './limits.ts';
import { isRefusal } from './overload.ts';
import type { Throttle } from './throttle.ts';

/** What the run waits for; undefined = nothing. */
export function waitsNote(throttles: readonly Throttle[], nowMs: number): string | undefined {
  for (const { outage, perSecond } of throttles) {
    if (outage.sinceMs !== null) return `service down for ${seconds(nowMs - outage.sinceMs)}, waiting`;
    if (perSecond !== null) return `rate limit: ${paceText(perSecond)}`;
  }
  return undefined;
}

function paceText(perSecond: number): string {
  return perSecond >= 1
    ? `${Number(perSecond.toPrecision(2))} calls/s`
    : `a call every ${seconds(1000 / perSecond)}`;
}

/** Why the run stops at one of its limits. */
export function limitReached(by: 'max-calls' | 'max-cost', limits: RunLimits): string {
  return by === 'max-calls'
    ? `the run's limit of ${limits.maxCalls} calls was reached`
    : `one more call could go over the run's cost limit of $${limits.maxCostUsd}`;
}

/** The cost of an answer is unknown, so a cost limit cannot be kept. */
export function costBlind(caseId: string, maxCostUsd: number | null): Warning {
  return {
    code: 'COST_UNKNOWN',
    message: `the cost of case "${caseId}" is unknown, so the cost limit of $${maxCostUsd} could not be kept`,
    hint: 'add the served model to the price file, or limit the number of calls instead (--max-calls)',
  };
}

export const RATE_LIMITED: Warning = {
  code: 'RATE_LIMITED',
  message: 'the service limits the rate of calls; the run keeps to what it accepts',
};

export function serviceDown({ outage }: Throttle, outageMs: number): Warning {
  return {
    code: 'SERVICE_DOWN',
    message: `the service is down: ${outage.message}; the run waits for it and resumes by itself, for up to ${seconds(outageMs)}`,
    hint: 'Ctrl-C keeps what is done, and `lastgood run --resume ID` finishes it later; --outage changes how long to wait',
  };
}

/** Where the batches of a run are; undefined = none is out. */
export function batchesNote(
  batches: readonly { readonly batchId: string | null; readonly state: BatchState | null }[],
  isCancelled: boolean,
): string | undefined {
  const [first] = batches;
  if (first === undefined) return undefined;
  const { batchId, state } = first;
  const done = state?.done ?? null;
  const part = done === null || state?.total == null ? '' : ` ${done}/${state.total}`;
  const phase = state === null ? 'submitted' : state.phase;
  const word = isCancelled && phase !== 'ended' ? 'cancelling' : phase;
  const one = batchId === null ? 'submitting a batch' : `batch ${word}${part}: ${batchId}`;
  return batches.length === 1 ? one : `${one}, ${batches.length - 1} more`;
}

/** Batches that the command leaves behind at its end. */
export function batchesLeft(
  batches: readonly { readonly batchId: string | null; readonly cancelAsked: boolean }[],
  continueWith: string,
): Warning {
  const ids = batches.map(({ batchId }) => batchId ?? 'one whose id is not known yet');
  const shown = ids.length <= 3 ? ids.join(', ') : `${ids.slice(0, 3).join(', ')} and ${ids.length - 3} more`;
  const open = batches.filter((one) => !one.cancelAsked).length;
  const count = ids.length === 1 ? 'a batch is' : `${ids.length} batches are`;
  return open === 0
    ? {
        code: 'BATCH_LEFT',
        message: `${count} being cancelled at the service: ${shown}; requests that it has answered are billed`,
        hint: `${continueWith}. It fetches those answers and submits the rest`,
      }
    : {
        code: 'BATCH_LEFT',
        message: `${count} still open at the service: ${shown}; requests that it answers are billed`,
        hint: `${continueWith}. It fetches the answers. Ctrl-C while it waits cancels the batch`,
      };
}

/** The failure of a service that was down, or refused every call, for too long. */
export function outageOver(failure: Failure, lastedMs: number, outageMs: number): Failure {
  const what = isRefusal(failure) ? 'has refused every call' : 'has been down';
  const message = `the service ${what} for ${seconds(lastedMs)} (--outage ${seconds(outageMs)}): ${failure.message}`;
  return { ...failure, code: 'unreachable', message, retryable: false, fatal: true };
}
