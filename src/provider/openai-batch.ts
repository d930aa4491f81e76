// OpenAI's batch API: a file of requests goes up, an output file and an error file come back.

import type { OpenAI } from 'openai';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { Failure } from '../core/provider.ts';
import type { BatchApi, BatchState } from '../core/provider-batch.ts';
import { chunksOf, type LineReader, type LineResult, lineBody, lineReply, resultsIn } from './batch-lines.ts';
import { apiProblem, badReply, failed, infraProblem } from './failure.ts';
import { SIMULATOR_HEADER } from './reply-headers.ts';
import { AS_DOWNLOAD } from './transport.ts';

const LIMITS = { requests: 50_000, bytes: 200 * 1000 * 1000 };

/** Files are deleted after 30 days, the longest that the service takes. */
const KEPT = { anchor: 'created_at', seconds: 2_592_000 } as const;

/** Under which of a batch's metadata our key is. */
const KEY = 'lastgood';

/** A batch may be dated by another clock than ours. */
const CLOCKS_DIFFER_MS = 3_600_000;

const RUNNING = new Set(['validating', 'in_progress', 'finalizing', 'cancelling']);
const ENDED = new Set(['completed', 'expired', 'cancelled']);

export interface OpenAiBatchParts extends LineReader {
  client(): Promise<OpenAI>;
  readonly endpoint: '/v1/responses' | '/v1/chat/completions';
  /** Runs a call; a failure becomes a reply. */
  attempt<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T | Failure>;
}

export function openaiBatch(parts: OpenAiBatchParts): BatchApi {
  const { client, endpoint, attempt, context } = parts;
  const stateOr = (reply: unknown): BatchState | Failure =>
    isFailure(reply)
      ? reply
      : (stateOf(reply, context) ??
        failed(badReply('the reply is not a batch of the service', 200), context.mask, 0));

  return {
    limits: LIMITS,
    keepsKey: true,
    line: (id, request) =>
      JSON.stringify({ custom_id: id, method: 'POST', url: endpoint, body: lineBody(parts, request) }),

    async submit(key, lines, signal) {
      const uploaded = await attempt(signal, async () => {
        const file = new File(chunksOf(lines, '\n'), `lastgood-${key}.jsonl`);
        return (await client()).files.create({ file, purpose: 'batch', expires_after: KEPT }, { signal });
      });
      if (isFailure(uploaded)) return uploaded;
      return stateOr(
        await attempt(signal, async () =>
          (await client()).batches.create(
            {
              input_file_id: uploaded.id,
              endpoint,
              completion_window: '24h',
              metadata: { [KEY]: key },
              output_expires_after: KEPT,
            },
            { signal },
          ),
        ),
      );
    },

    async find(key, { since }, signal) {
      const oldest = (since.getTime() - CLOCKS_DIFFER_MS) / 1000;
      return attempt(signal, async () => {
        const found: BatchState[] = [];
        for await (const batch of (await client()).batches.list({ limit: 100 }, { signal })) {
          if (batch.created_at < oldest) break;
          const state = batch.metadata?.[KEY] === key ? stateOf(batch, context) : undefined;
          if (state !== undefined) found.push(state);
        }
        return found;
      });
    },

    state: async (id, signal) =>
      stateOr(await attempt(signal, async () => (await client()).batches.retrieve(id, { signal }))),

    cancel: async (id, signal) =>
      stateOr(await attempt(signal, async () => (await client()).batches.cancel(id, { signal }))),

    async results({ body }, signal) {
      // A batch without a single success has no output file, one without a failure no error file.
      const ids = [body['output_file_id'], body['error_file_id']].filter((id) => typeof id === 'string');
      const files: Buffer[] = [];
      let simulated = false;
      for (const id of ids) {
        const response = await attempt(signal, async () =>
          (await client()).files.content(id, { signal, fetchOptions: AS_DOWNLOAD as object }),
        );
        if (isFailure(response)) return response;
        const { bytes } = response as unknown as { readonly bytes?: Buffer };
        if (bytes === undefined)
          return failed(badReply('the file of results did not come', 200), context.mask, 0);
        simulated ||= response.headers.has(SIMULATOR_HEADER);
        files.push(bytes);
      }
      return resultsIn(files, {
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
function stateOf(reply: unknown, context: LineReader['context']): BatchState | undefined {
  if (!isJsonObject(reply)) return undefined;
  const { id, status, request_counts: counted } = reply;
  if (typeof id !== 'string' || typeof status !== 'string') return undefined;
  const counts = isJsonObject(counted) ? counted : {};
  const count = (key: string): number | null => (typeof counts[key] === 'number' ? counts[key] : null);
  const [completed, wrong] = [count('completed'), count('failed')];
  const base = { id, word: status, done: sum(completed, wrong), total: count('total'), body: reply };
  if (ENDED.has(status)) return { ...base, phase: 'ended' };
  if (RUNNING.has(status)) return { ...base, phase: 'running' };
  return { ...base, phase: 'failed', failure: whyFailed(reply['errors'], context) };
}

function sum(a: number | null, b: number | null): number | null {
  return a === null && b === null ? null : (a ?? 0) + (b ?? 0);
}

/** Why the service refused a whole batch: the first of what it lists. */
function whyFailed(errors: JsonValue | undefined, { mask }: LineReader['context']): Failure {
  const list = isJsonObject(errors) ? errors['data'] : undefined;
  const all = Array.isArray(list) ? (list as readonly JsonValue[]).filter(isJsonObject) : [];
  const [first] = all;
  const code = typeof first?.['code'] === 'string' ? first['code'] : 'batch_failed';
  const line = typeof first?.['line'] === 'number' ? ` (line ${first['line']} of its file)` : '';
  const more = all.length > 1 ? ` and ${all.length - 1} more` : '';
  const message = `the service refused the batch: ${code}: ${String(first?.['message'] ?? 'no reason given')}${line}${more}`;
  // Too many tokens are waiting already: fewer at once, and later, will be taken.
  if (/token_limit|rate_limit|queue/.test(code))
    return failed(infraProblem('rate_limited', message, { retryable: true, httpStatus: 429 }), mask, 0);
  const problem = apiProblem({ status: 400, words: [code], message });
  return failed({ ...problem, retryable: false, fatal: true }, mask, 0);
}

function lineResult(line: JsonObject): LineResult | undefined {
  const { response, error } = line;
  if (isJsonObject(response) && typeof response['status_code'] === 'number') {
    const id = response['request_id'];
    return {
      kind: 'reply',
      status: response['status_code'],
      body: response['body'] ?? null,
      requestId: typeof id === 'string' ? id : null,
    };
  }
  if (!isJsonObject(error)) return undefined;
  const code = String(error['code']);
  const message = String(error['message'] ?? code);
  if (code === 'batch_expired' || code === 'batch_cancelled')
    return { kind: 'unexecuted', why: code, message };
  return { kind: 'reply', status: 500, body: { error }, requestId: null };
}
