// How a trial's attempts are written: nearly every trial has one, and it says little that the trial does not say itself.

import type { JsonValue } from '../../base/json.ts';
import { canonicalJson } from '../../base/json.ts';
import type { Attempt, Trial } from '../../core/trial.ts';
import { wellFormed } from '../model/share-long-texts.ts';

/** `code` is a number where the single attempt follows from the trial, else the attempts as JSON. */
export interface StoredAttempts {
  /** Milliseconds since 1970 of the first attempt; null when there was none or its time is not in ISO form. */
  readonly startedMs: number | null;
  readonly code: number | string;
}

const HAS_STATUS_200 = 1;
const HAS_REQUEST_ID = 2;
/** The attempt's own latency, in whole milliseconds, stands above the other bits: a recorded answer has none of its own. */
const HAS_LATENCY = 4;
const LATENCY_UNIT = 8;
const LONGEST_LATENCY_MS = 2 ** 40;
const NO_ATTEMPT = -1;

/** What the code refers back to. */
export interface AttemptContext {
  readonly latencyMs: number | null;
  readonly requestId: string | null;
}

export function attemptContext(trial: Trial): AttemptContext {
  return trial.status === 'answered'
    ? { latencyMs: trial.latencyMs, requestId: trial.served.requestId }
    : { latencyMs: null, requestId: null };
}

export function packAttempts(attempts: readonly Attempt[], context: AttemptContext): StoredAttempts {
  const first = attempts[0];
  if (first === undefined) return { startedMs: null, code: NO_ATTEMPT };
  const startedMs = isoMs(first.startedAt);
  const plain =
    attempts.length === 1 &&
    startedMs !== null &&
    first.outcome === 'answered' &&
    (first.latencyMs === context.latencyMs || ownLatency(first, context)) &&
    (first.httpStatus === undefined || first.httpStatus === 200) &&
    (first.requestId === undefined || first.requestId === context.requestId) &&
    first.message === undefined &&
    first.firstTokenMs === undefined;
  if (!plain) return { startedMs, code: canonicalJson(wellFormed(attempts as unknown as JsonValue)) };
  return {
    startedMs,
    code:
      (first.httpStatus === undefined ? 0 : HAS_STATUS_200) +
      (first.requestId === undefined ? 0 : HAS_REQUEST_ID) +
      (ownLatency(first, context) ? HAS_LATENCY + LATENCY_UNIT * first.latencyMs : 0),
  };
}

function ownLatency({ latencyMs }: Attempt, context: AttemptContext): boolean {
  return (
    context.latencyMs === null &&
    Number.isInteger(latencyMs) &&
    latencyMs >= 0 &&
    latencyMs <= LONGEST_LATENCY_MS &&
    !Object.is(latencyMs, -0)
  );
}

export function unpackAttempts(stored: StoredAttempts, context: AttemptContext): Attempt[] {
  if (typeof stored.code === 'string') return JSON.parse(stored.code) as Attempt[];
  const own = stored.code >= 0 && stored.code % LATENCY_UNIT >= HAS_LATENCY;
  const latencyMs = own ? Math.floor(stored.code / LATENCY_UNIT) : context.latencyMs;
  if (stored.code === NO_ATTEMPT || stored.startedMs === null || latencyMs === null) return [];
  const flags = stored.code % LATENCY_UNIT;
  return [
    {
      startedAt: new Date(stored.startedMs).toISOString(),
      latencyMs,
      outcome: 'answered',
      ...(flags & HAS_STATUS_200 ? { httpStatus: 200 } : {}),
      ...(flags & HAS_REQUEST_ID ? { requestId: context.requestId } : {}),
    },
  ];
}

/** The minute of the last time that was read; calls begin one after the other. */
let lastMinute: { readonly text: string; readonly ms: number } | null = null;
const MINUTE_CHARS = '2026-11-28T07:19:'.length;
const SECONDS = /^([0-5]\d)\.(\d{3})Z$/;

/** The time in milliseconds where it is written exactly as `toISOString` would, so that it can be written back. */
function isoMs(text: string): number | null {
  const minute = text.slice(0, MINUTE_CHARS);
  const within = SECONDS.exec(text.slice(MINUTE_CHARS));
  if (within === null) return wholeIsoMs(text);
  const offset = Number(within[1]) * 1000 + Number(within[2]);
  if (minute !== lastMinute?.text) {
    const ms = wholeIsoMs(text);
    if (ms === null) return null;
    lastMinute = { text: minute, ms: ms - offset };
  }
  return lastMinute.ms + offset;
}

function wholeIsoMs(text: string): number | null {
  const ms = Date.parse(text);
  return Number.isFinite(ms) && new Date(ms).toISOString() === text ? ms : null;
}
