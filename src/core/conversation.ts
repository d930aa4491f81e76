// What is said to a model and what it says back, in no provider's dialect.

import type { JsonObject, JsonValue } from './json.ts';

export type Role = 'system' | 'developer' | 'user' | 'assistant' | 'tool';

export interface ToolCall {
  readonly id?: string | undefined;
  readonly name: string;
  /** Parsed arguments; the raw text where they were not JSON. */
  readonly args: JsonValue;
}

export interface Message {
  readonly role: Role;
  readonly content: string;
  /** Calls an assistant turn made. */
  readonly toolCalls?: readonly ToolCall[] | undefined;
  /** On a `tool` turn: which call it answers. */
  readonly toolCallId?: string | undefined;
  readonly name?: string | undefined;
}

export interface ToolDefinition {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON Schema of the arguments. */
  readonly parameters?: JsonObject | undefined;
  /** Asks the provider to hold the arguments to the schema. */
  readonly strict?: boolean | undefined;
}

/** The whole visible answer of one trial. */
export interface Output {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  /** The provider's own refusal text, where it marks refusals apart from text. */
  readonly refusal?: string | undefined;
}
