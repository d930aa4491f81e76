// A request as the simulated model sees it, whichever of the three wire formats it came in.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { canonicalJson, isJsonObject, sha256 } from '../base/json.ts';
import type { LoopState } from './history.ts';

/** Which of the wire formats a request came in. */
type Wire = 'responses' | 'chat' | 'messages';

/** A tool as offered; `schema` describes its arguments. */
export interface OfferedTool {
  readonly name: string;
  readonly schema: JsonObject | null;
}

/** Everything about a request that can matter to the answer. */
export interface AskedRequest {
  readonly wire: Wire;
  /** The id as requested. */
  readonly model: string;
  /** Instructions, system and developer turns; all text when there are none. Effects look here. */
  readonly promptText: string;
  /** The user's turns. Knowledge is looked up here. */
  readonly userText: string;
  /** Everything the model reads. */
  readonly wholeText: string;
  readonly tools: readonly OfferedTool[];
  readonly toolsAllowed: boolean;
  /** Where the model stands in the user's last turn. */
  readonly loop: LoopState;
  readonly temperature: number | undefined;
  /** A schema the answer must fit, in the text or as the input of a forced tool. */
  readonly outputSchema: OutputDemand | null;
  readonly maxOutputTokens: number | undefined;
  readonly stop: readonly string[];
  /** Number of choices (Chat Completions' `n`). */
  readonly choices: number;
  readonly body: JsonObject;
}

/** A schema the answer is held to, and where the answer goes. */
export type OutputDemand =
  | { readonly channel: 'text'; readonly schema: JsonObject }
  | { readonly channel: 'tool'; readonly tool: string; readonly schema: JsonObject };

/** One turn of the conversation, as text. */
export interface Turn {
  readonly role: string;
  readonly text: string;
}

/** Joins turns into the texts a request is matched by. */
export function turnTexts(
  turns: readonly Turn[],
): Pick<AskedRequest, 'promptText' | 'userText' | 'wholeText'> {
  const join = (list: readonly Turn[]): string => list.map((t) => t.text).join('\n');
  const prompt = turns.filter((t) => t.role === 'system' || t.role === 'developer');
  const wholeText = join(turns);
  return {
    promptText: prompt.length === 0 ? wholeText : join(prompt),
    userText: join(turns.filter((t) => t.role === 'user')),
    wholeText,
  };
}

/** The text of a message content: a string, or parts that carry `text` (or nested `content`). */
export function contentText(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content)) return '';
  return (content as readonly JsonValue[])
    .map((part) => {
      if (typeof part === 'string') return part;
      if (!isJsonObject(part)) return '';
      if (typeof part['text'] === 'string') return part['text'];
      return contentText(part['content']);
    })
    .filter((text) => text !== '')
    .join('\n');
}

/** The objects in a list; anything else is passed over. */
export function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? (value as readonly JsonValue[]).filter(isJsonObject) : [];
}

/** The value when it is text. */
export function text(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The value when it is a number. */
export function number(value: JsonValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

/** Bookkeeping a provider never shows the model. */
const NOT_READ = ['metadata', 'user', 'safety_identifier', 'prompt_cache_key', 'store', 'service_tier'];

/**
 * Identity of a request for drawing: two requests with the same key are repeats of one another.
 * `volatile` texts (a judge prompt's nonces) are blanked, else no judge call would ever be a repeat.
 */
export function requestKey(asked: AskedRequest, volatile: readonly string[]): string {
  const read = Object.fromEntries(Object.entries(asked.body).filter(([key]) => !NOT_READ.includes(key)));
  let content = canonicalJson(read);
  for (const word of volatile) content = content.replaceAll(word, '');
  return sha256(`${asked.wire}\n${content}`);
}

/** A rough token count, as any English text has about four characters a token. */
export function tokenCount(textOrJson: string): number {
  return Math.ceil(textOrJson.length / 4);
}
