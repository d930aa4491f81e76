// What a case says of its conversation: the user's turns, and the canned results of tools.

import type { JsonObject, JsonValue } from '../base/json.ts';
import type { Part } from './conversation.ts';
import type { Layers } from './release.ts';

/** Most replies of a release to one turn, where the case does not say. */
export const DEFAULT_MAX_STEPS = 10;

/** A release that plays the user. It is part of the case, so that another persona makes another case. */
export interface Persona {
  readonly name: string;
  /** Route, system text and params, nothing left to be read from a file. */
  readonly layers: Layers;
}

/** Most messages of a simulated user, where the turn does not say. */
export const DEFAULT_MAX_TURNS = 5;

/** One turn of the user: a message, or a model that writes up to `maxTurns` of them. */
export type Turn =
  | {
      /** In words; `parts` are sent instead, where there are any. */
      readonly user: string;
      readonly parts?: readonly Part[] | undefined;
    }
  | { readonly simulate: Persona; readonly maxTurns: number };

/** A turn in words. */
export function turnText(turn: Turn): string {
  if ('user' in turn) return turn.user;
  return `(${turn.simulate.name} plays the user, at most ${turn.maxTurns} messages)`;
}

/** What a tool gives back. */
export type CannedAnswer = { readonly result: JsonValue } | { readonly error: string };

/** A canned result: given to calls of the tool whose arguments include `when`. A sequence gives one answer a call, in order. */
export type CannedTool = {
  readonly name: string;
  readonly when?: JsonObject | undefined;
} & (CannedAnswer | { readonly sequence: readonly CannedAnswer[] });

/** Whether the run leads a conversation for this case, instead of making one call. */
export function hasConversation(c: {
  readonly turns?: readonly Turn[] | undefined;
  readonly tools?: readonly CannedTool[] | undefined;
}): boolean {
  return c.turns !== undefined || c.tools !== undefined;
}
