// The lines of a batch: a request on its way in, and what its result means, the same way as a single call's reply.

import type { JsonObject, JsonValue } from '../base/json.ts';
import { isJsonObject } from '../base/json.ts';
import type { ProviderReply, ProviderRequest } from '../core/provider.ts';
import { BATCH_TIER, type BatchResults } from '../core/provider-batch.ts';
import { answeredCall, type Dialect, otherCap, preparedCall, readingOf } from './api-call.ts';
import { apiProblem, failed, infraProblem } from './failure.ts';
import { namingSchema, type ServerFacts } from './output-form.ts';
import { errorText } from './reply-error.ts';
import type { ProviderContext } from './route.ts';
import { refusedPath } from './wire-params.ts';

/** What a service says of one request of a batch. */
export type LineResult =
  | {
      readonly kind: 'reply';
      readonly status: number;
      readonly body: JsonValue;
      readonly requestId: string | null;
    }
  /** It was not executed, and is not billed. */
  | {
      readonly kind: 'unexecuted';
      readonly why: 'batch_expired' | 'batch_cancelled';
      readonly message: string;
    };

/** What reading a line takes; the same for all lines of a route. */
export interface LineReader {
  readonly dialect: Dialect;
  readonly facts: ServerFacts;
  readonly context: ProviderContext;
}

/** The body of a request as a line holds it. */
export function lineBody({ dialect, facts, context }: LineReader, request: ProviderRequest): JsonObject {
  return preparedCall(dialect, request, { number: 0, env: context.env, facts }).body;
}

/** A result as the reply to its request. What the service refused of the params is left out of the next batch. */
export function lineReply(
  reader: LineReader,
  asked: ProviderRequest,
  result: LineResult,
  simulated: boolean,
): ProviderReply {
  const { dialect, facts, context } = reader;
  const { mask, env } = context;
  const { body, sent, dropped } = preparedCall(dialect, asked, { number: 0, env, facts });
  if (result.kind === 'unexecuted')
    return failed(infraProblem(result.why, result.message, { retryable: true }), mask, 0, sent);
  const { status, requestId } = result;
  if (status < 400) {
    const reading = readingOf(dialect, { data: result.body, headers: new Headers() });
    if ('code' in reading) return failed({ ...reading, requestId }, mask, 0, sent);
    const answered = answeredCall(asked, reading, { mask, sent, dropped, requestId, simulated });
    return { ...answered, served: { ...answered.served, serviceTier: BATCH_TIER } };
  }
  const refusal = refusalIn(status, result.body, requestId);
  // Lines of one batch were sent alike, so what another line taught since is looked for in what was sent.
  const all = preparedCall(dialect, asked, {
    number: 0,
    env,
    facts: { refused: new Set(), renamed: facts.renamed },
  });
  const path = refusedPath(refusal, all.refusable);
  if (path !== undefined) facts.refused.add(path);
  const again = path !== undefined || otherCap(dialect, facts, refusal, body);
  const problem = apiProblem(refusal);
  return failed(
    namingSchema({ ...problem, requestId, retryable: again || problem.retryable }, asked),
    mask,
    0,
    sent,
  );
}

function refusalIn(status: number, body: JsonValue, requestId: string | null) {
  const error = isJsonObject(body) ? (body['error'] ?? body) : body;
  const fields = isJsonObject(error) ? error : {};
  const text = (key: string): string | null => (typeof fields[key] === 'string' ? fields[key] : null);
  return {
    status,
    words: [text('code'), text('type')],
    code: text('code'),
    param: text('param'),
    message: `${status} ${errorText(error)}`,
    headers: undefined,
    requestId,
  };
}

/** So many characters become bytes at once. */
const CHUNK_CHARS = 1 << 20;

/** Lines as bytes, each followed by `end`: a large batch is in memory once. */
export function chunksOf(lines: Iterable<string>, end: string): Buffer<ArrayBuffer>[] {
  const chunks: Buffer<ArrayBuffer>[] = [];
  let held: string[] = [];
  let chars = 0;
  const flush = (): void => {
    if (held.length > 0) chunks.push(Buffer.from(held.join('')));
    held = [];
    chars = 0;
  };
  for (const line of lines) {
    held.push(line, end);
    chars += line.length + end.length;
    if (chars >= CHUNK_CHARS) flush();
  }
  flush();
  return chunks;
}

/** Where one line lies in a file of results. */
interface Place {
  readonly file: Buffer;
  readonly from: number;
  readonly to: number;
}

/** Results in files of JSON lines: each is read when it is asked for, so that a large batch takes little more than its bytes. */
export function resultsIn(
  files: readonly Buffer[],
  read: {
    /** undefined where a line is none of a result. */
    result(line: JsonObject): LineResult | undefined;
    reply(request: ProviderRequest, result: LineResult): ProviderReply;
  },
): BatchResults {
  const places = new Map<string, Place>();
  for (const file of files)
    for (const place of linesOf(file)) {
      const id = parsed(place)?.['custom_id'];
      if (typeof id === 'string') places.set(id, place);
    }
  return {
    ids: new Set(places.keys()),
    replyTo(id, request) {
      const place = places.get(id);
      const line = place === undefined ? undefined : parsed(place);
      const result = line === undefined ? undefined : read.result(line);
      return result === undefined ? undefined : read.reply(request, result);
    },
  };
}

function* linesOf(file: Buffer): Generator<Place, void, undefined> {
  for (let from = 0; from < file.length; ) {
    const end = file.indexOf(10, from);
    const to = end === -1 ? file.length : end;
    if (to > from) yield { file, from, to };
    from = to + 1;
  }
}

function parsed({ file, from, to }: Place): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(file.toString('utf8', from, to));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
