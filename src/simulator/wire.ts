// What both wire formats share: the shape of a reply on its way out and of a refusal to process a request.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { AskedRequest } from './asked-request.ts';
import type { FaultKind } from './scenario.ts';

/** One HTTP reply before it is sent. */
export interface WireReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: JsonValue;
  /** In place of the body: a file. */
  readonly text?: string | undefined;
}

/** The faults that are ordinary HTTP replies; the others happen to the connection. */
export type ReplyFault = Extract<FaultKind, 'rateLimit' | 'serverError' | 'overloaded' | 'quota'>;

/** A request that the service itself turns down. */
export interface Rejection {
  readonly status: number;
  readonly message: string;
  /** OpenAI's `param`. */
  readonly param?: string | undefined;
  /** OpenAI's `code`. */
  readonly code?: string | undefined;
}

export type ReadRequest = { readonly asked: AskedRequest } | { readonly rejection: Rejection };

/** Facts every reply is stamped with. */
export interface Stamp {
  /** Hex digits that are the same whenever the same trial is simulated. */
  readonly hex: string;
  /** Simulated now, epoch milliseconds. */
  readonly now: number;
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  readonly inFlight: number;
}

/** The keys of a body that are not among the known ones. */
export function unknownKeys(body: JsonObject, known: ReadonlySet<string>): string[] {
  return Object.keys(body).filter((key) => !known.has(key));
}

/** Where a schema breaks the rule that both providers' strict modes share: closed objects (and, for OpenAI, every property required). */
export function strictSchemaProblem(
  schema: JsonValue | undefined,
  allRequired: boolean,
  path: readonly string[] = [],
): { path: readonly string[]; problem: 'open' | 'optional'; missing?: string } | null {
  if (!isJsonObject(schema)) return null;
  if (isJsonObject(schema['properties']) || schema['type'] === 'object') {
    if (schema['additionalProperties'] !== false) return { path, problem: 'open' };
    const names = Object.keys(isJsonObject(schema['properties']) ? schema['properties'] : {});
    const required = Array.isArray(schema['required']) ? (schema['required'] as readonly JsonValue[]) : [];
    const missing = names.find((name) => !required.includes(name));
    if (allRequired && missing !== undefined) return { path, problem: 'optional', missing };
  }
  const children: [string, JsonValue | undefined][] = [];
  for (const key of ['properties', '$defs', 'definitions']) {
    const group = schema[key];
    if (isJsonObject(group))
      children.push(
        ...Object.entries(group).map(([k, v]): [string, JsonValue | undefined] => [`${key}.${k}`, v]),
      );
  }
  if (isJsonObject(schema['items'])) children.push(['items', schema['items']]);
  for (const key of ['anyOf', 'allOf', 'oneOf']) {
    const list = schema[key];
    if (Array.isArray(list))
      (list as readonly JsonValue[]).forEach((v, i) => {
        children.push([`${key}.${i}`, v]);
      });
  }
  for (const [name, child] of children) {
    const problem = strictSchemaProblem(child, allRequired, [...path, name]);
    if (problem !== null) return problem;
  }
  return null;
}
