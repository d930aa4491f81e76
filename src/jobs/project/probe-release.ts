// Two small calls to the server of a release: what does it support, what do they cost, and what will snapshots not know?

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/index.ts';
import type { DoctorCheck, Feature, ProbePlan, ReleaseProbe } from '../../core/doctor.ts';
import {
  type Answered,
  costOf,
  type Failure,
  isModelApi,
  type ModelApiName,
  modelApi,
  type PricedModel,
  type Prices,
  type Provider,
  type ProviderReply,
  type ProviderRequest,
  pricedModel,
  type Release,
  wireApiOf,
} from '../../core/index.ts';
import { inputTokensBound } from '../../run/index.ts';

/** No answer by then is an answer too, in ms. */
const LONGEST_MS = 60_000;
/** Enough for a reasoning model to get to its answer. */
const OUTPUT_TOKENS = 1024;

const SCHEMA = {
  type: 'object',
  properties: { word: { type: 'string' } },
  required: ['word'],
  additionalProperties: false,
} as const;

const TOOL = {
  name: 'look_up',
  description: 'Looks a word up.',
  parameters: SCHEMA,
} as const;

export interface ProbeInput {
  readonly release: Release;
  readonly provider: Provider;
  readonly prices: Prices | null;
  readonly signal: AbortSignal;
}

export interface Probed {
  readonly checks: readonly DoctorCheck[];
  /** null where no call was answered. */
  readonly probe: ReleaseProbe | null;
}

/** What the probe would call, for a person to agree to; null where the release calls no model API. */
export function planProbe({ release, prices }: Pick<ProbeInput, 'release' | 'prices'>): ProbePlan | null {
  const { route } = release.layers;
  if (!isModelApi(route.provider)) return null;
  const requests = isEmbedder(release) ? [] : [answerRequest(release), toolRequest(release)];
  const outputTokens = requests.map(({ params }) => capOf(params) ?? OUTPUT_TOKENS);
  const costs = requests.map((request, i) =>
    costOf(prices, pricedModel(route, null), {
      inputTokens: inputTokensBound(request),
      outputTokens: outputTokens[i],
    }),
  );
  return {
    release: release.name,
    provider: route.provider,
    model: String(route['model'] ?? ''),
    calls: Math.max(1, requests.length),
    outputTokensUpper: outputTokens.reduce((a, b) => a + b, 0),
    costUpperUsd:
      costs.length === 0 || costs.includes(null) ? null : costs.reduce<number>((a, b) => a + (b ?? 0), 0),
  };
}

/** Calls the server and says what came of it. A refusal of the first call is a bad check with the words of `run`. */
export async function probeRelease(input: ProbeInput): Promise<Probed> {
  const { release, provider, signal } = input;
  const wait = (): AbortSignal => AbortSignal.any([signal, AbortSignal.timeout(LONGEST_MS)]);
  const listed = (await provider.listModels?.(wait())) ?? null;
  if (isEmbedder(release)) return probeEmbedder(input, wait());
  const answer = await provider.call(answerRequest(release), wait());
  if (answer.kind === 'failed') return { checks: [refused(release, answer, listed)], probe: null };
  const called = await provider.call(toolRequest(release), wait());
  const probe = describe(input, listed, answer, called);
  const name = `${release.name}: ${probe.provider} answered as ${probe.served.model ?? 'a model that it does not name'}`;
  return { checks: [{ name: 'call', state: 'ok', message: name }], probe };
}

function describe(
  { release, prices }: ProbeInput,
  listed: readonly string[] | Failure | null,
  answer: Answered,
  called: ProviderReply,
): ReleaseProbe {
  const { route, params = {} } = release.layers;
  const key = pricedModel(route, answer.served.model);
  const replies = [answer, ...(called.kind === 'answered' ? [called] : [])];
  const costs = replies.map(
    (reply) => reply.costUsd ?? costOf(prices, key, reply.usage, reply.served.serviceTier),
  );
  const costUsd = costs.includes(null) ? null : costs.reduce<number>((a, b) => a + (b ?? 0), 0);
  const features = [
    listFeature(release, listed),
    ...outputFeatures(answer),
    streamFeature(answer),
    toolFeature(called),
    feature(
      'usage',
      answer.usage !== null,
      answer.usage === null ? 'the reply has no token counts' : countsOf(answer),
    ),
    feature(
      'fingerprint',
      answer.served.systemFingerprint !== null,
      answer.served.systemFingerprint ?? 'the reply names no system fingerprint',
    ),
    feature(
      'served-model',
      answer.served.model !== null,
      answer.served.model ?? 'the reply does not name its model',
    ),
  ];
  const dropped = (answer.droppedParams ?? []).filter((name) => Object.hasOwn(params, name));
  const { model, systemFingerprint, serviceTier, region } = answer.served;
  return {
    release: release.name,
    fingerprint: release.fingerprint,
    provider: route.provider,
    api: wireApiOf(route) ?? 'chat',
    model: String(route['model'] ?? ''),
    pin: release.pin,
    calls: 2,
    costUsd,
    priceKeys: keysOf(key),
    features,
    params: { sent: sentParams(params, dropped, answer.sent), dropped },
    served: { model, systemFingerprint, serviceTier, region },
    unknown: unknowns(answer, costUsd, keysOf(key), prices),
  };
}

function feature(name: Feature['feature'], has: boolean, detail: string): Feature {
  return { feature: name, state: has ? 'yes' : 'no', detail };
}

function listFeature(release: Release, listed: readonly string[] | Failure | null): Feature {
  const model = String(release.layers.route['model'] ?? '');
  if (listed === null) return feature('model-list', false, 'this service lists no models that routes name');
  if ('kind' in listed)
    return listed.httpStatus === 404
      ? feature('model-list', false, 'the server lists no models')
      : { feature: 'model-list', state: 'unknown', detail: listed.message };
  const found = listed.some((id) => id === model || id === `models/${model}`);
  return feature(
    'model-list',
    true,
    `${listed.length} models; ${found ? 'this one is among them' : `"${model}" is not among them`}`,
  );
}

/** What of the request went out, in the words of the body: it was resent without what the server refused. */
function outputFeatures(answer: Answered): Feature[] {
  const form = formOf(answer.sent);
  const parsed = jsonOf(answer);
  const kept = isJsonObject(parsed) && typeof parsed['word'] === 'string';
  const broken = `taken, but the answer does not fit: ${short(answer.output.text)}`;
  const fits = kept ? 'taken, and the answer fits' : broken;
  const untried: Feature = {
    feature: 'json-object',
    state: 'unknown',
    detail: 'not tried: a schema is taken',
  };
  if (form === 'json_schema') return [feature('json-schema', kept, fits), untried];
  const refused = feature('json-schema', false, 'refused');
  if (form === 'json_object')
    return [refused, feature('json-object', isJsonObject(parsed), isJsonObject(parsed) ? 'taken' : broken)];
  return [
    refused,
    feature('json-object', false, 'refused; judges ask in the words of the prompt, or by a tool'),
  ];
}

function formOf(sent: JsonObject): string | null {
  for (const path of [['response_format'], ['text', 'format'], ['output_config', 'format']]) {
    let value: JsonValue | undefined = sent;
    for (const step of path) value = isJsonObject(value) ? value[step] : undefined;
    if (isJsonObject(value) && typeof value['type'] === 'string') return value['type'];
  }
  return null;
}

function jsonOf({ output }: Answered): JsonValue | null {
  const called = output.toolCalls[0];
  if (called !== undefined) return called.args;
  try {
    return JSON.parse(output.text) as JsonValue;
  } catch {
    return null;
  }
}

function streamFeature(answer: Answered): Feature {
  if (answer.sent['stream'] !== true)
    return feature('streaming', false, 'refused, or not offered by this service');
  return answer.firstTokenMs === undefined
    ? feature('streaming', false, 'taken, but the reply came whole')
    : feature('streaming', true, `first token after ${Math.round(answer.firstTokenMs)} ms`);
}

function toolFeature(reply: ProviderReply): Feature {
  if (reply.kind === 'failed')
    return reply.retryable
      ? { feature: 'tools', state: 'unknown', detail: reply.message }
      : feature('tools', false, `refused: ${reply.message}`);
  const call = reply.output.toolCalls.find(({ name }) => name === TOOL.name);
  if (call === undefined)
    return feature('tools', false, 'taken, but the model called no tool although it had to');
  return isJsonObject(call.args)
    ? feature('tools', true, 'the model called the tool that it had to call')
    : feature(
        'tools',
        false,
        `the call has arguments that are not a JSON object: ${short(JSON.stringify(call.args))}`,
      );
}

function countsOf({ usage }: Answered): string {
  return Object.entries(usage ?? {})
    .map(([name, n]) => `${name} ${n}`)
    .join(', ');
}

/** The release's params beside the names under which they were sent. */
function sentParams(
  params: JsonObject,
  dropped: readonly string[],
  sent: JsonObject,
): { name: string; as: string }[] {
  const paths = new Set(pathsOf(sent));
  return Object.keys(params)
    .filter((name) => !dropped.includes(name))
    .map((name) => {
      const plain = name.replaceAll('-', '_');
      const caps = ['max_output_tokens', 'max_completion_tokens', 'max_tokens'];
      const candidates = caps.includes(plain) ? caps : [plain];
      const leaf = plain.replace(/^(reasoning|stop)_/, '');
      const as =
        candidates.find((one) => paths.has(one)) ??
        [...paths].find(
          (path) => path.endsWith(`.${plain}`) || path.endsWith(`.${leaf}`) || path.startsWith(plain),
        );
      return { name, as: as ?? plain };
    });
}

function pathsOf(value: JsonObject, before = ''): string[] {
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'messages' || key === 'input' || key === 'tools'
      ? []
      : [`${before}${key}`, ...(isJsonObject(inner) ? pathsOf(inner, `${before}${key}.`) : [])],
  );
}

function unknowns(
  answer: Answered,
  costUsd: number | null,
  keys: readonly string[],
  prices: Prices | null,
): string[] {
  const { served, usage } = answer;
  const cost =
    usage === null
      ? 'cost and tokens: the reply has no token counts'
      : prices === null
        ? 'cost: there is no price file (--prices FILE)'
        : `cost: the price file has none of ${keys.join(', ')}`;
  return [
    ...(served.model === null ? ['served model: another model would not be noticed by its name'] : []),
    ...(served.systemFingerprint === null
      ? ['system fingerprint: a silent update shows only in the answers']
      : []),
    ...(served.serviceTier === null ? ['service tier'] : []),
    ...(served.region === null ? ['region'] : []),
    ...(served.requestId === null ? ['request id'] : []),
    ...(costUsd === null ? [cost] : []),
    ...(usage !== null && usage.reasoningTokens === undefined ? ['reasoning tokens'] : []),
    ...(usage !== null && usage.cachedInputTokens === undefined ? ['cached input tokens'] : []),
  ];
}

/** The words of a failed call, as a run has them, and what to look at. */
function refused(
  release: Release,
  failure: Failure,
  listed: readonly string[] | Failure | null,
): DoctorCheck {
  const { route } = release.layers;
  const near = listed === null || 'kind' in listed ? [] : listed.slice(0, 10);
  return {
    name: 'call',
    state: 'bad',
    message: `${release.name}: ${failure.message} [${failure.code}]`,
    hint: hintFor(failure, route, near),
  };
}

function hintFor(failure: Failure, route: JsonObject, models: readonly string[]): string {
  const served = models.length === 0 ? '' : `; the server lists ${models.join(', ')}`;
  switch (failure.code) {
    case 'auth':
    case 'forbidden':
      return 'check the key in the environment, and that it may call this model';
    case 'quota':
      return 'check the billing and the limits of the account';
    case 'unknown_model':
      return `check \`model\` in the route${served}`;
    case 'not_found':
      return `check \`base-url\`, \`api\` and \`model\` in the route${served}`;
    case 'connection': {
      const local =
        isModelApi(route['provider']) && modelApi(route['provider'] as ModelApiName).keyOptional === true;
      return `check \`base-url\` in the route${local ? ', and that the server runs' : ' and the network'}`;
    }
    default:
      return 'correct what the server refuses, then run doctor again';
  }
}

function answerRequest(release: Release): ProviderRequest {
  return {
    ...base(release),
    messages: [
      { role: 'system', content: 'Answer with JSON that has one key, "word".' },
      { role: 'user', content: 'Which word greets people in English? Answer as JSON: {"word": "…"}' },
    ],
    outputSchema: { name: 'probe', schema: SCHEMA, flexible: true },
    stream: true,
  };
}

function toolRequest(release: Release): ProviderRequest {
  return {
    ...base(release),
    messages: [{ role: 'user', content: 'Look up the word "hello".' }],
    tools: [TOOL],
    toolChoice: 'required',
  };
}

function base(release: Release): Pick<ProviderRequest, 'caseId' | 'trial' | 'vars' | 'params'> {
  const params: JsonObject = release.layers.params ?? {};
  return {
    caseId: 'doctor',
    trial: 0,
    vars: {},
    params: capOf(params) === null ? { ...params, 'max-output-tokens': OUTPUT_TOKENS } : params,
  };
}

function capOf(params: JsonObject): number | null {
  const cap = Object.entries(params).find(([name]) =>
    /^max[-_](output[-_]|completion[-_])?tokens$/.test(name),
  );
  return typeof cap?.[1] === 'number' ? cap[1] : null;
}

function keysOf(key: PricedModel): readonly string[] {
  return key === null ? [] : typeof key === 'string' ? [key] : key;
}

function short(text: string): string {
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function isEmbedder({ layers }: Release): boolean {
  return layers.params?.['dimensions'] !== undefined || /embed/i.test(String(layers.route['model'] ?? ''));
}

async function probeEmbedder({ release, provider }: ProbeInput, signal: AbortSignal): Promise<Probed> {
  const reply = await provider.embed?.(['hello'], signal);
  if (reply === undefined)
    return {
      checks: [
        { name: 'call', state: 'bad', message: `${release.name}: ${provider.name} makes no embeddings` },
      ],
      probe: null,
    };
  if (reply.kind === 'failed') return { checks: [refused(release, reply, null)], probe: null };
  const length = reply.vectors[0]?.length ?? 0;
  const message = `${release.name}: embeds, ${length} numbers a text, served by ${reply.model ?? 'a model that it does not name'}`;
  return { checks: [{ name: 'call', state: 'ok', message }], probe: null };
}
