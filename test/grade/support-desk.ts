// Builders for one small world: a support desk whose bot answers tickets.

import { randomBytes } from 'node:crypto';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import { secretMask } from '../../src/base/secrets.ts';
import type { Grade } from '../../src/core/grade.ts';
import type { Criterion, GraderSpec } from '../../src/core/grader-spec.ts';
import type {
  Answered,
  Failure,
  Provider,
  ProviderReply,
  ProviderRequest,
  StopReason,
} from '../../src/core/provider.ts';
import { fingerprintLayers, type Release } from '../../src/core/release.ts';
import type { Case } from '../../src/core/suite.ts';
import type { AnsweredTrial } from '../../src/core/trial.ts';
import {
  createTrialGrader,
  type GraderContext,
  type TrialGrader,
  type VerdictCache,
} from '../../src/grade/index.ts';

export const NEVER = new AbortController().signal;

/** A grader in normal form from its type and options; everything common has its default. */
export function grader(type: string, options: JsonObject = {}, common: Partial<GraderSpec> = {}): GraderSpec {
  const negate = type.startsWith('not-');
  const plain = negate ? type.slice(4) : type;
  return {
    id: type,
    type: plain,
    negate,
    weight: 1,
    required: true,
    options,
    ...common,
  } as unknown as GraderSpec;
}

export function ask(id: string, question: string, more: Partial<Criterion> = {}): Criterion {
  return { kind: 'ask', id, ask: question, weight: 1, must: false, ...more } as Criterion;
}

export function check(id: string, spec: GraderSpec, more: Partial<Criterion> = {}): Criterion {
  return { kind: 'check', id, check: spec, weight: 1, must: false, ...more } as Criterion;
}

export function rubric(criteria: readonly Criterion[], threshold = 1): GraderSpec {
  return grader('rubric', { criteria: criteria as unknown as JsonValue, threshold });
}

export function ticket(graders: readonly GraderSpec[], more: Partial<Case> = {}): Case {
  return {
    id: 'refund-angry-01',
    tags: ['refund'],
    group: null,
    critical: false,
    vars: { ticket: 'My parcel never came and nobody answers. I want my money back.' },
    messages: null,
    expected: undefined,
    graders,
    trials: 1,
    minPassRate: null,
    source: null,
    meta: {},
    contentHash: 'c'.repeat(64),
    gradersHash: 'a'.repeat(64),
    where: {},
    ...more,
  };
}

export function answer(text: string, more: Partial<AnsweredTrial> = {}): AnsweredTrial {
  return {
    status: 'answered',
    caseId: 'refund-angry-01',
    trial: 0,
    attempts: [],
    sent: null,
    output: { text, toolCalls: [] },
    stopReason: 'stop',
    served: { model: 'desk-1', systemFingerprint: null, serviceTier: null, region: null, requestId: null },
    usage: { inputTokens: 40, outputTokens: 20 },
    latencyMs: 120,
    costUsd: 0.001,
    droppedParams: [],
    ...more,
  };
}

export function context(more: Partial<GraderContext> = {}): GraderContext {
  return {
    judge: null,
    embedder: null,
    verdicts: null,
    costOf: (_model, usage) => (usage === null ? null : 0.002),
    nonce: () => randomBytes(16).toString('hex'),
    mask: secretMask([]),
    sleep: async () => {},
    ...more,
  };
}

/** Runs `body` with a grader that is closed afterwards. */
export async function withGrader<T>(
  more: Partial<GraderContext>,
  body: (trialGrader: TrialGrader) => Promise<T>,
): Promise<T> {
  const trialGrader = createTrialGrader(context(more));
  try {
    return await body(trialGrader);
  } finally {
    await trialGrader.close();
  }
}

/** The one grade of one grader on one answer. */
export async function gradeOf(
  spec: GraderSpec,
  trial: AnsweredTrial | string,
  more: Partial<Case> = {},
  ctx: Partial<GraderContext> = {},
): Promise<Grade> {
  return withGrader(ctx, async (trialGrader) => {
    const given = typeof trial === 'string' ? answer(trial) : trial;
    const graded = await trialGrader.gradeTrial(ticket([spec], more), given, NEVER);
    return graded.grades[0] as Grade;
  });
}

/** `pass`, `fail`, or why there is no score. */
export function outcome(grade: Grade): string {
  return grade.status === 'ungraded' ? grade.cause : grade.pass ? 'pass' : 'fail';
}

export function judgeRelease(layers: JsonObject = {}): Release {
  const whole = {
    route: { provider: 'openai', model: 'examiner-1' },
    ...layers,
  } as unknown as Release['layers'];
  return {
    name: 'examiner',
    file: null,
    layers: whole,
    ...fingerprintLayers(whole),
    pin: { state: 'pinned', reason: 'a dated id' },
    dependents: [],
    paths: {},
  };
}

/** A judge's reply with this text in the structured channel. */
export function judgeSays(text: string, more: Partial<Answered> = {}): Answered {
  return {
    kind: 'answered',
    output: { text, toolCalls: [] },
    stopReason: 'stop' as StopReason,
    served: {
      model: 'examiner-1-0601',
      systemFingerprint: null,
      serviceTier: null,
      region: null,
      requestId: null,
    },
    usage: { inputTokens: 300, outputTokens: 60 },
    latencyMs: 10,
    sent: {},
    ...more,
  };
}

/** A provider that answers by a function and remembers what it was asked. */
export function scripted(
  reply: (
    request: ProviderRequest,
    call: number,
    signal: AbortSignal,
  ) => ProviderReply | Promise<ProviderReply>,
): Provider & { readonly asked: ProviderRequest[] } {
  const asked: ProviderRequest[] = [];
  return {
    name: 'scripted',
    asked,
    call: async (request, signal) => {
      asked.push(request);
      return reply(request, asked.length - 1, signal);
    },
  };
}

/** What a judge prompt holds: the criteria and the candidate between its nonce lines. */
export function readPrompt(request: ProviderRequest): {
  criteria: { id: string; ask: string }[];
  candidate: string;
  nonce: string;
} {
  const user = request.messages.find((m) => m.role === 'user')?.content ?? '';
  const open = [...user.matchAll(/^BEGIN ([0-9a-f]{32,})$/gm)];
  const nonce = open[0]?.[1] ?? '';
  const start = user.indexOf(`BEGIN ${nonce}\n`) + `BEGIN ${nonce}\n`.length;
  const candidate = user.slice(start, user.indexOf(`\nEND ${nonce}`, start - 1));
  const rest = user.slice(user.lastIndexOf('\nCRITERIA\n', start) + '\nCRITERIA\n'.length);
  return { criteria: JSON.parse(rest.slice(0, rest.indexOf('\n'))), candidate, nonce };
}

export function verdicts(rulings: Record<string, string>, why = 'the text shows it plainly'): string {
  return JSON.stringify({
    criteria: Object.entries(rulings).map(([id, verdict]) => ({ id, reason: why, verdict })),
  });
}

/** Grades one answer with a rubric of these criteria and this judge. */
export async function judged(
  criteria: readonly Criterion[],
  provider: Provider | null,
  more: {
    threshold?: number;
    c?: Partial<Case>;
    trial?: AnsweredTrial;
    ctx?: Partial<GraderContext>;
    layers?: JsonObject;
  } = {},
): Promise<{ grade: Grade; usd: number | null }> {
  const judge = provider === null ? null : { release: judgeRelease(more.layers), provider };
  return withGrader({ judge, ...more.ctx }, async (trialGrader) => {
    const c = ticket([rubric(criteria, more.threshold ?? 1)], more.c);
    const graded = await trialGrader.gradeTrial(c, more.trial ?? answer('Sorry. Refunded.'), NEVER);
    return { grade: graded.grades[0] as Grade, usd: graded.judgeCostUsd };
  });
}

/** A provider's failure; by default one that may pass. */
export function failing(more: Partial<Failure> = {}): Failure {
  return {
    kind: 'failed',
    cause: 'infra_error',
    code: 'server_error',
    message: 'HTTP 500',
    retryable: true,
    fatal: false,
    latencyMs: 5,
    ...more,
  };
}

/** A verdict cache that keeps what it is given as JSON, as a database does. */
export function memoryCache(): VerdictCache & { readonly kept: Map<string, JsonValue> } {
  const kept = new Map<string, JsonValue>();
  return {
    kept,
    get: async (key) => kept.get(key),
    put: async (key, verdict) => {
      kept.set(key, JSON.parse(JSON.stringify(verdict)) as JsonValue);
    },
  };
}
