// What a user's grader function gets and what it may return.

import type { JsonObject, JsonValue } from '../base/json.ts';
import type { ToolCall, TrajectoryEntry } from '../core/conversation.ts';

/** The one argument of a user's grader function. */
export interface UserGraderInput {
  /** The answer's text. */
  readonly output: string;
  readonly toolCalls: readonly ToolCall[];
  /** The sources that the application answered with; null where it names none. */
  readonly context: JsonValue | null;
  /** The conversation, step by step; absent where there was none. */
  readonly trajectory?: readonly TrajectoryEntry[] | undefined;
  readonly case: {
    readonly id: string;
    readonly tags: readonly string[];
    readonly vars: JsonObject;
    readonly messages: JsonValue;
    readonly expected: JsonValue | null;
    readonly meta: JsonObject;
  };
  readonly trial: {
    readonly number: number;
    readonly model: string | null;
    readonly latencyMs: number | null;
    readonly stopReason: string;
    readonly usage: JsonValue;
  };
  readonly config: JsonValue | null;
}

export interface UserVerdict {
  readonly score: number;
  readonly pass: boolean;
  readonly reason: string | null;
}

export interface ScriptJob {
  readonly kind: 'script';
  readonly path: string;
  readonly sourceHash: string;
  readonly export: string;
  readonly input: UserGraderInput;
}

/** Reads `boolean | number | { score, pass?, reason? }`; a text is what is wrong with anything else. A bare score passes at 1. */
export function readUserVerdict(
  value: unknown,
  verb: 'returned' | 'answered' = 'returned',
): UserVerdict | string {
  if (typeof value === 'boolean') return { score: value ? 1 : 0, pass: value, reason: null };
  if (typeof value === 'number') return fromScore(value, undefined, null);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return `it ${verb} ${describe(value)} instead of true, false, a score or { score, pass, reason }`;
  }
  const { pass, reason, score } = value as Record<string, unknown>;
  if (reason !== undefined && typeof reason !== 'string')
    return `its reason is ${describe(reason)} instead of a text`;
  if (pass !== undefined && typeof pass !== 'boolean')
    return `its pass is ${describe(pass)} instead of true or false`;
  if (score === undefined && pass !== undefined) return { score: pass ? 1 : 0, pass, reason: reason ?? null };
  if (typeof score !== 'number') return `its score is ${describe(score)} instead of a number`;
  return fromScore(score, pass, reason ?? null);
}

function fromScore(score: number, pass: boolean | undefined, reason: string | null): UserVerdict | string {
  if (!(score >= 0 && score <= 1)) return `its score is ${score}, not between 0 and 1`;
  return { score, pass: pass ?? score >= 1 - 1e-9, reason };
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'a text' : `a ${typeof value}`;
}
