// What is said to a model and what it says back, in no provider's dialect.

import type { JsonObject, JsonValue } from '../base/json.ts';

export type Role = 'system' | 'developer' | 'user' | 'assistant' | 'tool';

export interface ToolCall {
  readonly id?: string | undefined;
  readonly name: string;
  /** Parsed arguments; the raw text where they were not JSON. */
  readonly args: JsonValue;
}

/** A file that goes with a message: its bytes, or an address that the provider reads. */
export type Media = StoredMedia | LinkedMedia;

/** The bytes of a file. */
export interface StoredMedia {
  readonly kind: 'image' | 'file';
  /** Media type, by the first bytes. */
  readonly type: string;
  readonly bytes: number;
  /** Of the bytes. */
  readonly sha256: string;
  /** Base64. One text, so that the ledger keeps it once. */
  readonly data: string;
  readonly name?: string | undefined;
}

export interface LinkedMedia {
  readonly kind: 'image' | 'file';
  readonly url: string;
  readonly name?: string | undefined;
}

/** Marks the end of a prefix that the provider is asked to cache: for its own time, or for one such as `1h`. */
export type CacheMark = true | string;

/** A piece of a message. */
export type Part = (
  | { readonly text: string }
  | {
      readonly media: Media;
      /** How closely the model looks at an image, in the word of the API. */
      readonly detail?: string | undefined;
    }
) & { readonly cache?: CacheMark | undefined };

export interface Message {
  readonly role: Role;
  /** All of it in words; files as labels. */
  readonly content: string;
  /** What is sent instead of `content`, where it is more than one text. */
  readonly parts?: readonly Part[] | undefined;
  /** Calls an assistant turn made. */
  readonly toolCalls?: readonly ToolCall[] | undefined;
  /** On a `tool` turn: which call it answers. */
  readonly toolCallId?: string | undefined;
  readonly name?: string | undefined;
  /** On a `tool` turn: the tool failed, and `content` says how. */
  readonly error?: true | undefined;
  /** On an `assistant` turn of the run itself: the provider's own form of the reply, sent back as it came (reasoning, signatures). Never stored. */
  readonly native?: JsonValue | undefined;
}

export interface ToolDefinition {
  readonly name: string;
  readonly description?: string | undefined;
  /** JSON Schema of the arguments. */
  readonly parameters?: JsonObject | undefined;
  /** Asks the provider to hold the arguments to the schema. */
  readonly strict?: boolean | undefined;
  /** A tool that the service runs itself (web search, code, MCP), in its API's form: sent as it is. */
  readonly hosted?: JsonObject | undefined;
}

/** The whole visible answer of one trial. */
export interface Output {
  readonly text: string;
  readonly toolCalls: readonly ToolCall[];
  /** The provider's own refusal text, where it marks refusals apart from text. */
  readonly refusal?: string | undefined;
  /** The sources that the application says its answer rests on: what it retrieved. Shown to judges, not to users. */
  readonly context?: JsonValue | undefined;
  /** Sources that the API names for parts of the text, in its own form: OpenAI's annotations, Anthropic's citations. */
  readonly citations?: readonly JsonValue[] | undefined;
  /** Log probabilities of the text's tokens, in the API's own form. */
  readonly logprobs?: JsonValue | undefined;
  /** What was said and called on the way to the answer, in order. Only of cases with turns or tools, and of applications that tell it. */
  readonly trajectory?: readonly TrajectoryEntry[] | undefined;
  /** Why the conversation was cut off before it came to its end. */
  readonly cutOff?: CutOff | undefined;
}

/** One message of a trial's conversation, after what the release and the case put in front of it. */
export interface TrajectoryEntry {
  /** Which entry of the case's `turns` it belongs to, from 1; 1 where the case has none. */
  readonly turn: number;
  readonly role: 'user' | 'assistant' | 'tool';
  readonly content: string;
  /** Calls of an assistant's message. Ids are ours (`call_1`, …), so that equal conversations are equal. */
  readonly toolCalls?: readonly ToolCall[] | undefined;
  readonly refusal?: string | undefined;
  /** Of a tool's result: which call it answers, and which tool gave it. */
  readonly toolCallId?: string | undefined;
  readonly name?: string | undefined;
  readonly error?: true | undefined;
}

/**
 * `tool_unmatched`: a call for which the case has no canned result. `tool_args_invalid`: the arguments of a call are no JSON object.
 * `max_steps`: the model still called tools when its replies were used up. `empty_reply`: nothing came that the next turn could follow.
 */
export const CUT_OFF_CODES = ['tool_unmatched', 'tool_args_invalid', 'max_steps', 'empty_reply'] as const;
export type CutOffCode = (typeof CUT_OFF_CODES)[number];

interface CutOff {
  readonly code: CutOffCode;
  /** In one sentence, with the turn and the call. */
  readonly message: string;
}
