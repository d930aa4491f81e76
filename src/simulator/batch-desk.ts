// The batch APIs of both providers: files and batches in, results out, with errored and expired shares by the scenario.

import { isJsonObject, type JsonObject, type JsonValue, sha256 } from '../base/json.ts';
import { type AnthropicBatch, anthropicBatch, anthropicResult } from './anthropic-batch-wire.ts';
import { objects } from './asked-request.ts';
import { drawsFrom } from './draws.ts';
import { fileObject, type OpenAiBatch, openaiBatch, openaiLine, uploadedFile } from './openai-batch-wire.ts';
import type { BatchRules } from './scenario.ts';
import type { Incoming } from './service.ts';
import type { Rejection, WireReply } from './wire.ts';

export type DeskReply =
  | { readonly body: JsonObject }
  | { readonly text: string }
  | { readonly rejection: Rejection };

/** One request of a batch and what became of it. */
export interface BatchItem {
  readonly id: string;
  readonly body: JsonObject;
  end: ItemEnd | null;
}

export type ItemEnd =
  | { readonly kind: 'reply'; readonly reply: Pick<WireReply, 'status' | 'body'> }
  | { readonly kind: 'errored' }
  | { readonly kind: 'expired' }
  | { readonly kind: 'cancelled' };

/** What both providers' batches have. */
export interface DeskBatch {
  readonly id: string;
  readonly path: string;
  readonly items: readonly BatchItem[];
  readonly createdMs: number;
  /** How often its state was asked for. */
  polls: number;
  cancelAsked: boolean;
  isOver: boolean;
  /** The service takes none of it. */
  readonly refusal: string | null;
}

export interface DeskParts {
  readonly rules: BatchRules;
  readonly seed: number;
  now(): number;
  run(path: string, body: JsonObject, version: string | undefined): Pick<WireReply, 'status' | 'body'>;
}

const OPENAI_ENDPOINTS = ['/v1/responses', '/v1/chat/completions'];

export class BatchDesk {
  readonly #parts: DeskParts;
  #files = new Map<string, string>();
  #batches = new Map<string, OpenAiBatch | AnthropicBatch>();
  /** How often each request was in a batch: one that failed once gets a new draw. */
  #attempts = new Map<string, number>();
  #made = 0;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  reset(): void {
    this.#files.clear();
    this.#batches.clear();
    this.#attempts.clear();
    this.#made = 0;
  }

  /** null = no path of a batch API. */
  answer(incoming: Incoming): DeskReply | null {
    const { method, path } = incoming;
    const [, version, ...rest] = path.split('/');
    if (version !== 'v1') return null;
    const route = `${method} ${rest.map((part) => (/^(file|batch|msgbatch)[-_]/.test(part) ? '*' : part)).join('/')}`;
    const id = rest.find((part) => /^(file|batch|msgbatch)[-_]/.test(part)) ?? '';
    switch (route) {
      case 'POST files':
        return this.#upload(incoming);
      case 'GET files/*/content':
        return this.#content(id);
      case 'POST batches':
        return this.#createOpenAi(incoming);
      case 'GET batches':
        return this.#list('batch_', incoming);
      case 'POST messages/batches':
        return this.#createAnthropic(incoming);
      case 'GET messages/batches':
        return this.#list('msgbatch_', incoming);
      case 'GET batches/*':
      case 'GET messages/batches/*':
        return this.#state(id);
      case 'POST batches/*/cancel':
      case 'POST messages/batches/*/cancel':
        return this.#cancel(id);
      case 'GET messages/batches/*/results':
        return this.#results(id);
      default:
        return null;
    }
  }

  #upload({ headers, body }: Incoming): DeskReply {
    const text = uploadedFile(headers['content-type'] ?? '', body);
    if (text === null) return refused(400, "Missing required parameter: 'file'.");
    const id = this.#newId('file-', 24);
    this.#files.set(id, text);
    return { body: fileObject(id, text, this.#parts.now()) };
  }

  #content(id: string): DeskReply {
    const text = this.#files.get(id);
    return text === undefined ? refused(404, `No such File object: ${id}`) : { text };
  }

  #createOpenAi({ body }: Incoming): DeskReply {
    const asked = parsedObject(body) ?? {};
    const { input_file_id: fileId, endpoint, completion_window: window } = asked;
    const file = typeof fileId === 'string' ? this.#files.get(fileId) : undefined;
    if (typeof fileId !== 'string' || file === undefined) return refused(400, 'Invalid input_file_id.');
    if (typeof endpoint !== 'string' || !OPENAI_ENDPOINTS.includes(endpoint))
      return refused(400, `Invalid endpoint: ${String(endpoint)}`);
    if (window !== '24h') return refused(400, "Invalid completion_window: expected '24h'");
    const lines = file.split('\n').filter((line) => line !== '');
    const { mostRequests = 50_000 } = this.#parts.rules;
    const items: BatchItem[] = [];
    const seen = new Set<string>();
    let refusal: string | null = lines.length > mostRequests ? 'token_limit_exceeded' : null;
    for (const line of lines) {
      const { custom_id: id, body: request, url } = parsedObject(line) ?? {};
      if (typeof id !== 'string' || !isJsonObject(request) || url !== endpoint)
        refusal ??= 'invalid_json_line';
      else if (seen.has(id)) refusal ??= 'duplicate_custom_id';
      else items.push({ id, body: request, end: null });
      if (typeof id === 'string') seen.add(id);
    }
    const metadata = isJsonObject(asked['metadata']) ? asked['metadata'] : null;
    const base = this.#newBatch('batch_', endpoint, items, refusal);
    const batch: OpenAiBatch = {
      ...base,
      kind: 'openai',
      metadata,
      inputFile: fileId,
      outputFile: null,
      errorFile: null,
    };
    this.#batches.set(batch.id, batch);
    return { body: openaiBatch(batch) };
  }

  #createAnthropic({ body, headers }: Incoming): DeskReply {
    const requests = objects(parsedObject(body)?.['requests']);
    const items: BatchItem[] = [];
    for (const { custom_id: id, params } of requests) {
      if (typeof id !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(id) || !isJsonObject(params))
        return refused(400, 'requests.0.custom_id: String should match pattern ^[a-zA-Z0-9_-]{1,64}$');
      items.push({ id, body: params, end: null });
    }
    if (items.length === 0) return refused(400, 'requests: List should have at least 1 item');
    if (new Set(items.map(({ id }) => id)).size < items.length)
      return refused(400, 'requests: custom_id must be unique within the batch');
    const base = this.#newBatch('msgbatch_', '/v1/messages', items, null);
    const batch: AnthropicBatch = { ...base, kind: 'anthropic', version: headers['anthropic-version'] };
    this.#batches.set(batch.id, batch);
    return { body: anthropicBatch(batch) };
  }

  #newBatch(prefix: string, path: string, items: readonly BatchItem[], refusal: string | null): DeskBatch {
    const id = this.#newId(prefix, 24);
    return {
      id,
      path,
      items,
      createdMs: this.#parts.now(),
      polls: 0,
      cancelAsked: false,
      isOver: false,
      refusal,
    };
  }

  #state(id: string): DeskReply {
    const batch = this.#batches.get(id);
    if (batch === undefined) return refused(404, `No batch found with id '${id}'.`);
    batch.polls++;
    this.#runOn(batch);
    return { body: bodyOf(batch) };
  }

  #list(prefix: string, { query }: Incoming): DeskReply {
    const all = [...this.#batches.values()].filter(({ id }) => id.startsWith(prefix)).reverse();
    const after = query.get('after') ?? query.get('after_id');
    const from = after === null ? 0 : all.findIndex(({ id }) => id === after) + 1;
    const page = all.slice(from, from + Number(query.get('limit') ?? 20));
    const ids = { first_id: page[0]?.id ?? null, last_id: page.at(-1)?.id ?? null };
    return {
      body: { object: 'list', data: page.map(bodyOf), ...ids, has_more: from + page.length < all.length },
    };
  }

  #cancel(id: string): DeskReply {
    const batch = this.#batches.get(id);
    if (batch === undefined) return refused(404, `No batch found with id '${id}'.`);
    if (batch.isOver) return refused(400, `Batch ${id} has already ended.`);
    batch.cancelAsked = true;
    return { body: bodyOf(batch) };
  }

  #results(id: string): DeskReply {
    const batch = this.#batches.get(id);
    if (batch === undefined || batch.kind !== 'anthropic')
      return refused(404, `No batch found with id '${id}'.`);
    if (!batch.isOver) return refused(400, `Batch ${id} has no results yet.`);
    // Results come in any order.
    return {
      text: [...batch.items]
        .reverse()
        .map((item) => `${JSON.stringify(anthropicResult(item))}\n`)
        .join(''),
    };
  }

  /** Runs the share of the batch that is due; a batch that was cancelled gets no further. */
  #runOn(batch: OpenAiBatch | AnthropicBatch): void {
    const { polls: most } = this.#parts.rules;
    if (batch.isOver || batch.refusal !== null) return;
    const { length } = batch.items;
    const isLast = batch.polls > most;
    const due = batch.cancelAsked ? 0 : isLast ? length : Math.floor((length * batch.polls) / (most + 1));
    for (const item of batch.items.slice(0, due)) item.end ??= this.#end(batch, item);
    if (!isLast && !batch.cancelAsked) return;
    for (const item of batch.items) item.end ??= { kind: 'cancelled' };
    batch.isOver = true;
    if (batch.kind === 'openai') this.#writeFiles(batch);
  }

  #end(batch: OpenAiBatch | AnthropicBatch, { body }: BatchItem): ItemEnd {
    const { rules, seed, run } = this.#parts;
    const key = sha256(JSON.stringify(body));
    const attempt = this.#attempts.get(key) ?? 0;
    this.#attempts.set(key, attempt + 1);
    const draws = drawsFrom('batch', seed, key, attempt);
    if (draws.uniform() < rules.errored) return { kind: 'errored' };
    if (draws.uniform() < rules.expired) return { kind: 'expired' };
    return {
      kind: 'reply',
      reply: run(batch.path, body, batch.kind === 'anthropic' ? batch.version : undefined),
    };
  }

  #writeFiles(batch: OpenAiBatch): void {
    const lines = { output: [] as string[], error: [] as string[] };
    for (const item of [...batch.items].reverse()) {
      const isFine = item.end?.kind === 'reply' && item.end.reply.status === 200;
      lines[isFine ? 'output' : 'error'].push(
        `${JSON.stringify(openaiLine(item, this.#newId('batch_req_', 24)))}\n`,
      );
    }
    const write = (texts: readonly string[]): string | null => {
      if (texts.length === 0) return null;
      const id = this.#newId('file-', 24);
      this.#files.set(id, texts.join(''));
      return id;
    };
    batch.outputFile = write(lines.output);
    batch.errorFile = write(lines.error);
  }

  #newId(prefix: string, digits: number): string {
    return `${prefix}${drawsFrom('batch ids', this.#parts.seed, this.#made++)
      .hex(digits)
      .slice(0, digits)}`;
  }
}

function bodyOf(batch: OpenAiBatch | AnthropicBatch): JsonObject {
  return batch.kind === 'openai' ? openaiBatch(batch) : anthropicBatch(batch);
}

function refused(status: number, message: string): DeskReply {
  return { rejection: { status, message } };
}

function parsedObject(text: string): Record<string, JsonValue | undefined> | null {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}
