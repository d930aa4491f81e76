// A flag: its value for everybody, and rules that give other values to a part of the traffic.

import type { FlagValue } from './ticket.ts';

export const FLAG_TYPES = ['boolean', 'string', 'number'] as const;
export type FlagType = (typeof FLAG_TYPES)[number];

/** How a property of a request is compared. There are no patterns: each takes time in proportion to its texts. */
export const FLAG_OPERATORS = {
  '=': 'is one of',
  '!=': 'is none of',
  '>': 'above',
  '>=': 'at least',
  '<': 'below',
  '<=': 'at most',
  '^=': 'begins with one of',
  '$=': 'ends with one of',
} as const;
export type FlagOperator = keyof typeof FLAG_OPERATORS;

export interface FlagCondition {
  /** Of the evaluation context: `segment`, `region`, or any other. */
  readonly property: string;
  readonly operator: FlagOperator;
  readonly values: readonly FlagValue[];
}

export interface FlagRule {
  /** All must hold; empty = every request. */
  readonly when: readonly FlagCondition[];
  /** Of the targeting keys, from 0 to 100; null = all. */
  readonly percent: number | null;
  readonly value: FlagValue;
}

export interface FlagDefinition {
  readonly type: FlagType;
  /** Where no rule gives another. */
  readonly value: FlagValue;
  /** The first that fits decides. */
  readonly rules: readonly FlagRule[];
}

/** A flag as it is in force. */
export interface Flag extends FlagDefinition {
  readonly key: string;
  /** Or `EVERY_FEATURE`. */
  readonly feature: string;
  readonly environment: string;
  /** Place of the change in the log. */
  readonly no: number;
  readonly at: string;
  readonly by: string;
  readonly why: string;
}

/** Served, never set: the fingerprint of the release that a request gets. */
export const RELEASE_FLAG = 'ai.release';

/** Why a flag has its value for a request, in OpenFeature's words. */
export type FlagReason = 'STATIC' | 'TARGETING_MATCH' | 'SPLIT';

export type FlagErrorCode =
  | 'PARSE_ERROR'
  | 'TARGETING_KEY_MISSING'
  | 'INVALID_CONTEXT'
  | 'FLAG_NOT_FOUND'
  | 'GENERAL';

/** What a request says of itself. */
export interface FlagContext {
  /** The user, session or request that must always get the same; null = none. */
  readonly targetingKey: string | null;
  readonly properties: Readonly<Record<string, unknown>>;
}

/** One evaluated flag. */
export type FlagAnswer =
  | {
      readonly ok: true;
      readonly key: string;
      readonly value: FlagValue;
      readonly reason: FlagReason;
      /** Fingerprint of the release that the request gets; null = none is registered. */
      readonly variant: string | null;
      readonly metadata: Readonly<Record<string, FlagValue>>;
    }
  | {
      readonly ok: false;
      readonly key: string;
      readonly errorCode: FlagErrorCode;
      readonly errorDetails: string;
    };

/** What proves that a flip of a flag arrives, and that setting it back restores what was. */
export interface FlagTest {
  readonly flag: string;
  readonly feature: string;
  readonly environment: string;
  readonly value: FlagValue;
  /** `ledger`, or the address of the server that was asked. */
  readonly through: string;
  readonly keys: number;
  /** Milliseconds until all keys had the value; null = they did not. */
  readonly flippedMs: number | null;
  /** Milliseconds until all keys had again what they had before; null = they did not. */
  readonly restoredMs: number | null;
  readonly outcome: 'passed' | 'failed';
  /** One sentence. */
  readonly reason: string;
}

/** A percentage from 0 to 100, with or without its sign; undefined where it is none. */
export function percentOf(text: string): number | undefined {
  const value = Number(text.trim().replace(/%$/, ''));
  return text.trim() !== '' && value >= 0 && value <= 100 ? value : undefined;
}

export function flagTypeOf(text: string): FlagType | undefined {
  return FLAG_TYPES.find((type) => type === text);
}

/** All conditions of a request: its segments, its regions, and whatever else must hold. */
export function typedConditions(typed: {
  readonly segment?: string | undefined;
  readonly region?: string | undefined;
  readonly when?: readonly string[] | undefined;
}): readonly string[] {
  const { segment, region, when = [] } = typed;
  return [
    ...(segment === undefined ? [] : [`segment=${segment}`]),
    ...(region === undefined ? [] : [`region=${region}`]),
    ...when,
  ];
}
