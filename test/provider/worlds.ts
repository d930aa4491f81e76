// The releases and requests of the provider tests: a refund bot that answers tickets.

import type { JsonObject } from '../../src/base/json.ts';
import { type SecretMask, secretMask } from '../../src/base/secrets.ts';
import type { ProviderRequest } from '../../src/core/provider.ts';
import type { ProviderName, Release } from '../../src/core/release.ts';
import { fingerprintLayers } from '../../src/core/release.ts';
import type { ProviderContext } from '../../src/provider/index.ts';

/** A release of the refund bot with this route. */
export function refundBot(
  route: JsonObject & { provider: ProviderName },
  more: { params?: JsonObject; paths?: Record<string, string> } = {},
): Release {
  const layers = { route, ...(more.params === undefined ? {} : { params: more.params }) };
  return {
    name: 'refund-bot',
    file: 'releases/refund-bot.yaml',
    layers,
    ...fingerprintLayers(layers),
    pin: { state: 'unknown', reason: 'a test' },
    dependents: [],
    paths: more.paths ?? {},
  };
}

export const OPENAI_KEY = 'sk-canary-openai-0123456789';
export const ANTHROPIC_KEY = 'sk-ant-canary-9876543210';

/** A context with both API keys and whatever else the test puts into the environment. */
export function context(env: Readonly<Record<string, string>> = {}): ProviderContext & { mask: SecretMask } {
  const all: Record<string, string | undefined> = {
    OPENAI_API_KEY: OPENAI_KEY,
    ANTHROPIC_API_KEY: ANTHROPIC_KEY,
    ...env,
  };
  return {
    env: (name) => all[name],
    mask: secretMask([]),
    clock: { now: () => new Date('2026-11-20T12:00:00Z') },
  };
}

/** One ticket, asked once. */
export function ticket(more: Partial<ProviderRequest> = {}): ProviderRequest {
  return {
    caseId: 'refund-angry-01',
    trial: 0,
    messages: [
      { role: 'system', content: 'You answer refund tickets.' },
      { role: 'user', content: 'Where is my money?' },
    ],
    vars: { ticket: 'Where is my money?' },
    params: {},
    ...more,
  };
}

/** A signal that never fires. */
export function patience(): AbortSignal {
  return new AbortController().signal;
}

export const TRIAGE_SCHEMA = {
  type: 'object',
  properties: { label: { type: 'string' } },
  required: ['label'],
  additionalProperties: false,
} as const satisfies JsonObject;

/** The conversation after a tool was used. */
export const TOOL_CONVERSATION = [
  { role: 'system', content: 'You answer refund tickets.' },
  { role: 'user', content: 'Where is my money?' },
  {
    role: 'assistant',
    content: '',
    toolCalls: [{ id: 'call_a', name: 'find_order', args: { order: 8812 } }],
  },
  { role: 'tool', toolCallId: 'call_a', content: '{"state":"refunded"}' },
  { role: 'user', content: 'Thanks.' },
] as const satisfies ProviderRequest['messages'];

export const FIND_ORDER = {
  name: 'find_order',
  description: 'Looks up an order.',
  parameters: { type: 'object', properties: { order: { type: 'integer' } }, required: ['order'] },
} as const;
