// One API request in, one reply (or one connection fault) out. No sockets here: the listening is done in server.ts.

import { LastgoodError } from '../base/errors.ts';
import { isJsonObject, type JsonObject, sha256 } from '../base/json.ts';
import {
  anthropicError,
  anthropicFault,
  anthropicHeaders,
  anthropicModel,
  anthropicModelList,
  messagesReply,
  readMessages,
} from './anthropic-wire.ts';
import { type AskedRequest, requestKey } from './asked-request.ts';
import { BatchDesk, type DeskReply } from './batch-desk.ts';
import { drawsFrom } from './draws.ts';
import { drawFault, type Fault, faultRules } from './faults.ts';
import { readJudgePrompt } from './judge.ts';
import {
  chatReply,
  embeddingsReply,
  openaiError,
  openaiFault,
  openaiHeaders,
  openaiModel,
  openaiModelList,
  openaiNoModel,
  responsesReply,
} from './openai-replies.ts';
import { readChat, readResponses } from './openai-requests.ts';
import { makeReply, type Reply } from './reply.ts';
import type { FaultKind, FaultRule, Scenario } from './scenario.ts';
import { type SimulatorStats, Tally } from './tally.ts';
import { type Resolution, resolveModel, type WireProvider } from './timeline.ts';
import type { ReadRequest, Rejection, ReplyFault, Stamp, WireReply } from './wire.ts';

/** A request as it came off the socket. Header names are lower case. */
export interface Incoming {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
}

/** What to do with the connection. Every kind but `send` and `slowDrip` is a fault of the transport. */
export interface Outcome {
  readonly kind: 'send' | Exclude<FaultKind, ReplyFault>;
  readonly reply: WireReply;
  readonly delayMs: number;
  /** How long a slow drip takes. */
  readonly dripMs: number;
}

const POSTS = ['/v1/responses', '/v1/chat/completions', '/v1/embeddings', '/v1/messages'];
/** A retired or unknown model, as each provider says it. */
type NotServed = Exclude<Resolution, { kind: 'served' }>;

/** The simulated service: a scenario, a date and a tally. */
export class SimulatedService {
  readonly #scenario: Scenario;
  readonly #requireKey: string | undefined;
  readonly #tally = new Tally();
  readonly #batches: BatchDesk;
  #rules: readonly FaultRule[];
  #now: number;

  constructor(scenario: Scenario, date: string, requireKey: string | undefined) {
    this.#scenario = scenario;
    this.#requireKey = requireKey;
    this.#rules = faultRules(scenario.faults);
    this.#now = epoch(date);
    this.#batches = new BatchDesk({
      rules: scenario.batches,
      seed: scenario.seed,
      // A client compares the date of a batch with its own clock.
      now: () => Date.now(),
      run: (path, body, version) => this.#inBatch(path, body, version),
    });
  }

  /** Moves the simulated now. Throws LastgoodError SIMULATOR_DATE when it is no ISO date. */
  setDate(date: string): void {
    this.#now = epoch(date);
  }

  setFaults(faults: Scenario['faults']): void {
    this.#rules = faultRules(faults);
  }

  stats(): SimulatorStats {
    return this.#tally.stats(this.#date());
  }

  /** Zeroes the counters, so that the same calls get the same answers again. Date and faults stay. */
  reset(): void {
    this.#tally.reset();
    this.#batches.reset();
  }

  entered(): void {
    this.#tally.entered();
  }

  left(): void {
    this.#tally.left();
  }

  #date(): string {
    return new Date(this.#now).toISOString();
  }

  #stamp(key: string): Stamp {
    return {
      hex: drawsFrom('ids', this.#scenario.seed, key).hex(48),
      now: this.#now,
      requestsPerMinute: this.#scenario.requestsPerMinute,
      tokensPerMinute: this.#scenario.tokensPerMinute,
      inFlight: this.#tally.inFlight,
    };
  }

  /** Answers one API request. */
  answer(incoming: Incoming): Outcome {
    const { method, path, headers } = incoming;
    this.#tally.requested(path);
    const provider: WireProvider =
      path.startsWith('/v1/messages') || headers['anthropic-version'] !== undefined ? 'anthropic' : 'openai';
    if (this.#requireKey !== undefined && givenKey(headers) !== this.#requireKey) {
      return this.#reject(provider, {
        status: 401,
        message: provider === 'openai' ? 'Incorrect API key provided.' : 'invalid x-api-key',
        code: 'invalid_api_key',
      });
    }
    if (method === 'GET' && (path === '/v1/models' || path.startsWith('/v1/models/'))) {
      return this.#catalogue(provider, decodeURIComponent(path.slice('/v1/models/'.length)), incoming.query);
    }
    const ofBatch = this.#batches.answer(incoming);
    if (ofBatch !== null) return this.#fromDesk(provider, ofBatch, path);
    if (method !== 'POST' || !POSTS.includes(path)) {
      return this.#reject(provider, { status: 404, message: `Invalid URL (${method} ${path})` });
    }
    const body = parseObject(incoming.body);
    if (body === null)
      return this.#reject(provider, {
        status: 400,
        message: 'We could not parse the JSON body of your request.',
      });
    if (path === '/v1/embeddings') return this.#embeddings(body);
    const read = readers[path as keyof typeof readers](body, headers['anthropic-version']);
    if ('rejection' in read) return this.#reject(provider, read.rejection);
    return this.#generate(provider, read.asked);
  }

  #generate(provider: WireProvider, asked: AskedRequest): Outcome {
    const served = resolveModel(this.#scenario, provider, asked.model, this.#now);
    this.#tally.asked(asked.model);
    if (served.kind !== 'served') return this.#noModel(provider, asked.model, served);
    if (served.model.kind !== 'chat') {
      return this.#reject(provider, {
        status: 404,
        message: 'This is not a chat model and thus not supported in this endpoint.',
        param: 'model',
      });
    }
    const refused = served.model.refuses.find((param) => asked.body[param] !== undefined);
    if (refused !== undefined) {
      const message =
        provider === 'openai'
          ? `Unsupported parameter: '${refused}' is not supported with this model.`
          : `${refused}: not supported by ${served.model.id}`;
      return this.#reject(provider, { status: 400, message, param: refused, code: 'unsupported_parameter' });
    }
    const judgeTask = readJudgePrompt(asked.wholeText);
    const request = requestKey(asked, judgeTask?.nonces ?? []);
    const fault = this.#fault(asked.model, request);
    if (fault !== null && isReplyFault(fault.kind))
      return this.#replyFault(provider, fault, asked.model, request);

    const isAnswer = fault === null || fault.kind === 'slowDrip';
    // A reply that is lost on the way does not use up a draw: the retry gets it.
    const trial = isAnswer ? this.#tally.nextAnswer(this.#date(), request) : -1;
    const key = [this.#scenario.seed, this.#date(), served.version ?? '', request, trial];
    const replies: Reply[] = [];
    for (let choice = 0; choice < asked.choices; choice++) {
      replies.push(
        makeReply({
          scenario: this.#scenario,
          served,
          asked,
          judgeTask,
          now: this.#now,
          key: [...key, choice],
        }),
      );
    }
    const [reply] = replies as [Reply];
    const stamp = this.#stamp(key.join(' '));
    const wireBody =
      asked.wire === 'responses'
        ? responsesReply(asked, served, reply, stamp)
        : asked.wire === 'chat'
          ? chatReply(asked, served, replies, stamp)
          : messagesReply(asked, served, reply, stamp);
    return this.#out(
      provider,
      { status: 200, body: wireBody },
      stamp,
      {},
      Math.max(...replies.map((r) => r.latencyMs)),
      fault,
    );
  }

  #fromDesk(provider: WireProvider, reply: DeskReply, path: string): Outcome {
    if ('rejection' in reply) return this.#reject(provider, reply.rejection);
    const out = this.#out(provider, { status: 200, body: {}, ...reply }, this.#stamp(path), {}, 0, null);
    return { ...out, kind: 'send' };
  }

  /** One request of a batch: what a single call would be answered, without faults of the connection. */
  #inBatch(path: string, body: JsonObject, version: string | undefined): WireReply {
    const provider: WireProvider = path === '/v1/messages' ? 'anthropic' : 'openai';
    const read = readers[path as keyof typeof readers](body, version);
    const rules = this.#rules;
    this.#rules = [];
    try {
      return (
        'rejection' in read ? this.#reject(provider, read.rejection) : this.#generate(provider, read.asked)
      ).reply;
    } finally {
      this.#rules = rules;
    }
  }

  #embeddings(body: JsonObject): Outcome {
    const model = typeof body['model'] === 'string' ? body['model'] : '';
    this.#tally.asked(model);
    const served = resolveModel(this.#scenario, 'openai', model, this.#now);
    if (served.kind !== 'served') return this.#noModel('openai', model, served);
    if (served.model.kind !== 'embedding') {
      return this.#reject('openai', {
        status: 403,
        message: `You are not allowed to generate embeddings from this model`,
      });
    }
    const request = sha256(JSON.stringify(body));
    const fault = this.#fault(model, request);
    if (fault !== null && isReplyFault(fault.kind)) return this.#replyFault('openai', fault, model, request);
    const reply = embeddingsReply(body, served);
    if ('status' in reply) return this.#reject('openai', reply as unknown as Rejection);
    this.#tally.nextAnswer(this.#date(), request);
    return this.#out('openai', { status: 200, body: reply }, this.#stamp(request), {}, 0, fault);
  }

  #catalogue(provider: WireProvider, id: string, query: URLSearchParams): Outcome {
    const { models } = this.#scenario;
    const stamp = this.#stamp(`models ${id}`);
    let body: JsonObject;
    if (id === '') {
      body =
        provider === 'openai'
          ? openaiModelList(models, this.#now)
          : anthropicModelList(models, this.#now, query);
    } else {
      const found = resolveModel(this.#scenario, provider, id, this.#now);
      if (found.kind === 'unknown' || (found.kind === 'retired' && provider === 'openai')) {
        return this.#noModel(provider, id, found);
      }
      body =
        provider === 'openai'
          ? openaiModel(found.model, this.#now, id)
          : anthropicModel(found.model, this.#now);
    }
    return this.#out(provider, { status: 200, body }, stamp, {}, 0, null);
  }

  #fault(model: string, request: string): Fault | null {
    const attempt = this.#tally.nextAttempt(this.#date(), request);
    const { seed } = this.#scenario;
    const fault = drawFault(this.#rules, {
      seed,
      requestKey: request,
      attempt,
      date: this.#date(),
      now: this.#now,
      model,
    });
    if (fault !== null) this.#tally.faulted(fault.kind);
    return fault;
  }

  #replyFault(provider: WireProvider, fault: Fault, model: string, request: string): Outcome {
    const kind = fault.kind as ReplyFault;
    const stamp = this.#stamp(`fault ${request} ${fault.attempt}`);
    const reply = provider === 'openai' ? openaiFault(kind, model) : anthropicFault(kind, stamp);
    const { retryAfterSeconds } = fault.rule;
    const headers: Record<string, string> = {};
    if (kind === 'rateLimit') {
      headers['retry-after'] = String(Math.ceil(retryAfterSeconds));
      if (!Number.isInteger(retryAfterSeconds))
        headers['retry-after-ms'] = String(Math.round(retryAfterSeconds * 1000));
    }
    return this.#out(provider, reply, stamp, headers, 0, null);
  }

  #noModel(provider: WireProvider, id: string, found: NotServed): Outcome {
    const stamp = this.#stamp(`no model ${id}`);
    this.#tally.rejectedWith(404);
    const reply =
      provider === 'openai'
        ? openaiNoModel(id, found.kind === 'retired')
        : anthropicError(404, `model: ${id}`, stamp);
    return this.#out(provider, reply, stamp, {}, 0, null);
  }

  #reject(provider: WireProvider, rejection: Rejection): Outcome {
    this.#tally.rejectedWith(rejection.status);
    const stamp = this.#stamp(`reject ${rejection.message}`);
    const reply =
      provider === 'openai'
        ? openaiError(rejection)
        : anthropicError(rejection.status, rejection.message, stamp);
    return this.#out(provider, reply, stamp, {}, 0, null);
  }

  #out(
    provider: WireProvider,
    reply: Omit<WireReply, 'headers'>,
    stamp: Stamp,
    extra: Record<string, string>,
    delayMs: number,
    fault: Fault | null,
  ): Outcome {
    const own = provider === 'openai' ? openaiHeaders(stamp) : anthropicHeaders(stamp);
    const headers = { ...own, ...extra, 'x-lastgood-simulator': this.#scenario.name };
    const kind = fault === null || isReplyFault(fault.kind) ? 'send' : fault.kind;
    return { kind, reply: { ...reply, headers }, delayMs, dripMs: fault?.rule.dripMs ?? 0 };
  }
}

const readers: Record<
  '/v1/responses' | '/v1/chat/completions' | '/v1/messages',
  (body: JsonObject, version: string | undefined) => ReadRequest
> = {
  '/v1/responses': readResponses,
  '/v1/chat/completions': readChat,
  '/v1/messages': readMessages,
};

function isReplyFault(kind: FaultKind): kind is ReplyFault {
  return kind === 'rateLimit' || kind === 'serverError' || kind === 'overloaded' || kind === 'quota';
}

function parseObject(body: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(body);
    return isJsonObject(value) ? value : null;
  } catch {
    return null;
  }
}

function givenKey(headers: Incoming['headers']): string | undefined {
  return headers['x-api-key'] ?? headers['authorization']?.replace(/^Bearer\s+/i, '');
}

function epoch(date: string): number {
  const now = Date.parse(date);
  if (Number.isNaN(now)) {
    throw new LastgoodError({
      code: 'SIMULATOR_DATE',
      message: `"${date}" is not a date the simulator can be set to.`,
      hint: 'give an ISO date such as 2026-04-01 or 2026-04-01T09:30:00Z',
    });
  }
  return now;
}
