// Anthropic's Message Batches: requests go in with the call, results come back as JSON lines.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { Failure } from '../core/provider.ts';
import type { BatchApi, BatchState } from '../core/provider-batch.ts';
import { type LineReader, type LineResult, lineBody, lineReply, resultsIn } from './batch-lines.ts';
import { badReply, failed } from './failure.ts';
import { SIMULATOR_HEADER } from './reply-headers.ts';
import { AS_DOWNLOAD } from './transport.ts';

const PATH = '/v1/messages/batches';

const LIMITS = { requests: 100_000, bytes: 256 * 1000 * 1000 };

/** A batch may be dated by another clock than ours. */
const CLOCKS_DIFFER_MS = 3_600_000;

/** HTTP status of each type of error; what a line reports has none. */
const STATUS: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  timeout_error: 504,
  overloaded_error: 529,
};

/** The SDK's plain calls: its own reader of results follows an address in the reply with the key, wherever that leads. */
interface Client {
  post(path: string, options: object): { asResponse(): Promise<Pick<Response, 'headers' | 'text'>> };
  get(path: string, options: object): { asResponse(): Promise<Pick<Response, 'headers' | 'text'>> };
}

export interface AnthropicBatchParts extends LineReader {
  client(): Promise<unknown>;
  /** Runs a call; a failure becomes a reply. */
  attempt<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | Failure>;
}

export function anthropicBatch(parts: AnthropicBatchParts): BatchApi {
  const { attempt, context } = parts;
  const open = async (): Promise<Client> => (await parts.client()) as Client;
  const bad = (what: string): Failure => failed(badReply(what, 200), context.mask, 0);
  const json = async (response: Pick<Response, 'text'>): Promise<unknown> =>
    JSON.parse(await response.text());
  const stateFrom = async (
    signal: AbortSignal,
    work: () => Promise<unknown>,
  ): Promise<BatchState | Failure> => {
    const reply = await attempt(signal, work);
    if (isFailure(reply)) return reply;
    return stateOf(reply) ?? bad('the reply is not a batch of the service');
  };

  return {
    limits: LIMITS,
    keepsKey: false,
    line: (id, request) => JSON.stringify({ custom_id: id, params: lineBody(parts, request) }),

    submit: (_key, lines, signal) =>
      stateFrom(signal, async () => {
        // As text, since the lines are; the SDK leaves a text alone that has its type.
        const body = `{"requests":[${[...lines].join(',')}]}`;
        const headers = { 'content-type': 'application/json' };
        return json(await (await open()).post(PATH, { body, headers, signal }).asResponse());
      }),

    find: (_key, { since, requests }, signal) =>
      attempt(signal, async () => {
        const oldest = since.getTime() - CLOCKS_DIFFER_MS;
        const found: BatchState[] = [];
        let after: string | undefined;
        for (;;) {
          const query = { limit: 100, ...(after === undefined ? {} : { after_id: after }) };
          const page = await json(await (await open()).get(PATH, { query, signal }).asResponse());
          const data = isJsonObject(page) ? page['data'] : undefined;
          const batches = Array.isArray(data) ? (data as readonly JsonValue[]).filter(isJsonObject) : [];
          const young = batches.filter((batch) => Date.parse(String(batch['created_at'])) >= oldest);
          for (const batch of young) {
            const state = stateOf(batch);
            if (state?.total === requests) found.push(state);
          }
          const last = batches.at(-1)?.['id'];
          const more = isJsonObject(page) && page['has_more'] === true;
          if (!more || young.length < batches.length || typeof last !== 'string') return found;
          after = last;
        }
      }),

    state: (id, signal) =>
      stateFrom(signal, async () =>
        json(await (await open()).get(`${PATH}/${encodeURIComponent(id)}`, { signal }).asResponse()),
      ),

    cancel: (id, signal) =>
      stateFrom(signal, async () =>
        json(await (await open()).post(`${PATH}/${encodeURIComponent(id)}/cancel`, { signal }).asResponse()),
      ),

    async results({ id }, signal) {
      const path = `${PATH}/${encodeURIComponent(id)}/results`;
      const response = await attempt(signal, async () =>
        (await open()).get(path, { signal, fetchOptions: AS_DOWNLOAD }).asResponse(),
      );
      if (isFailure(response)) return response;
      const { bytes } = response as { readonly bytes?: Buffer };
      if (bytes === undefined) return bad('the results did not come');
      const simulated = response.headers.has(SIMULATOR_HEADER);
      return resultsIn([bytes], {
        result: lineResult,
        reply: (request, result) => lineReply(parts, request, result, simulated),
      });
    },
  };
}

function isFailure(reply: unknown): reply is Failure {
  return isJsonObject(reply) && reply['kind'] === 'failed';
}

/** undefined where the reply is no batch. */
function stateOf(reply: unknown): BatchState | undefined {
  if (!isJsonObject(reply)) return undefined;
  const { id, processing_status: word, request_counts: counted } = reply;
  if (typeof id !== 'string' || typeof word !== 'string') return undefined;
  const counts = Object.values(isJsonObject(counted) ? counted : {}).filter((n) => typeof n === 'number');
  const total = counts.length === 0 ? null : counts.reduce((a, b) => a + b, 0);
  const processing = isJsonObject(counted) ? counted['processing'] : undefined;
  // The other counts stay 0 until the batch has ended.
  const done = total === null || typeof processing !== 'number' ? null : total - processing;
  return { id, word, phase: word === 'ended' ? 'ended' : 'running', done, total, body: reply };
}

function lineResult(line: JsonObject): LineResult | undefined {
  const { result } = line;
  if (!isJsonObject(result)) return undefined;
  switch (result['type']) {
    case 'succeeded':
      return { kind: 'reply', status: 200, body: result['message'] ?? null, requestId: null };
    case 'expired':
      return {
        kind: 'unexecuted',
        why: 'batch_expired',
        message: 'the batch expired before this request was run',
      };
    case 'canceled':
      return {
        kind: 'unexecuted',
        why: 'batch_cancelled',
        message: 'the batch was cancelled before this request was run',
      };
    case 'errored': {
      const outer = isJsonObject(result['error']) ? result['error'] : {};
      const error = isJsonObject(outer['error']) ? outer['error'] : outer;
      const id = outer['request_id'];
      return {
        kind: 'reply',
        status: STATUS[String(error['type'])] ?? 500,
        body: { error },
        requestId: typeof id === 'string' ? id : null,
      };
    }
    default:
      return undefined;
  }
}
