// A scripted agent behind the three wire formats: each request's conversation goes to a function that says what comes next.

import { onTestFinished } from 'vitest';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import { isJsonObject } from '../../src/base/json.ts';
import { type SeenRequest, WireServer } from '../provider/wire-server.ts';

export type Wire = 'chat' | 'responses' | 'messages';

/** One message of the request, in no dialect. */
export interface SaidBefore {
  readonly role: 'user' | 'assistant' | 'tool';
  readonly text: string;
  readonly error?: boolean;
}

export interface AgentStep {
  readonly text?: string;
  readonly calls?: readonly { readonly name: string; readonly args: JsonObject | string }[];
  /** The provider's own refusal. */
  readonly refusal?: string;
  /** The reply was cut off by its token limit. */
  readonly cut?: boolean;
  /** No reply: an error of this status. */
  readonly status?: number;
}

export type Agent = (conversation: readonly SaidBefore[], request: SeenRequest) => AgentStep;

export interface AgentServer {
  readonly requests: readonly SeenRequest[];
  /** The route of a release. */
  route(wire: Wire, model?: string): JsonObject;
}

/** Gone when the test is over. */
export async function agentServer(agent: Agent): Promise<AgentServer> {
  let n = 0;
  const said = (write: (step: AgentStep, n: number) => JsonObject, step: AgentStep) =>
    step.status === undefined
      ? { body: write(step, ++n) }
      : { status: step.status, body: { error: { message: 'scripted', type: 'server_error' } } };
  const server = await WireServer.start({
    'POST /v1/chat/completions': (seen) => said(chatReply, agent(chatTurns(seen.body), seen)),
    'POST /v1/responses': (seen) => said(responsesReply, agent(responsesTurns(seen.body), seen)),
    'POST /v1/messages': (seen) => said(messagesReply, agent(messagesTurns(seen.body), seen)),
  });
  onTestFinished(() => server[Symbol.asyncDispose]());
  return {
    requests: server.requests,
    route: (wire, model = 'agent-2026-01-15') =>
      wire === 'messages'
        ? { provider: 'anthropic', model, 'base-url': server.url }
        : { provider: 'openai', api: wire, model, 'base-url': `${server.url}/v1` },
  };
}

const list = (value: JsonValue | undefined): JsonObject[] =>
  Array.isArray(value) ? (value as readonly JsonValue[]).filter(isJsonObject) : [];

function textOf(content: JsonValue | undefined): string {
  if (typeof content === 'string') return content;
  return list(content)
    .map((part) => (typeof part['text'] === 'string' ? part['text'] : ''))
    .join('');
}

function chatTurns(body: JsonObject): SaidBefore[] {
  return list(body['messages'])
    .filter(({ role }) => role !== 'system')
    .map(({ role, content }) => ({ role: role as SaidBefore['role'], text: textOf(content) }));
}

function responsesTurns(body: JsonObject): SaidBefore[] {
  return list(body['input']).flatMap((item): SaidBefore[] => {
    if (item['type'] === 'function_call_output') return [{ role: 'tool', text: String(item['output']) }];
    if (item['type'] === 'function_call') return [{ role: 'assistant', text: '' }];
    const role = item['role'];
    return role === 'user' || role === 'assistant' ? [{ role, text: textOf(item['content']) }] : [];
  });
}

function messagesTurns(body: JsonObject): SaidBefore[] {
  return list(body['messages']).flatMap(({ role, content }): SaidBefore[] => {
    const results = list(content).filter(({ type }) => type === 'tool_result');
    const said = textOf(content);
    return [
      ...results.map((part) => ({
        role: 'tool' as const,
        text: textOf(part['content']),
        ...(part['is_error'] === true ? { error: true } : {}),
      })),
      ...(results.length > 0 && said === '' ? [] : [{ role: role as 'user' | 'assistant', text: said }]),
    ];
  });
}

const USAGE = { input: 100, output: 10 };
const argsText = (args: JsonObject | string): string =>
  typeof args === 'string' ? args : JSON.stringify(args);

function chatReply({ text, calls = [], refusal, cut }: AgentStep, n: number): JsonObject {
  return {
    id: `chatcmpl-${n}`,
    model: 'agent-2026-01-15',
    choices: [
      {
        index: 0,
        finish_reason: cut === true ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop',
        message: {
          role: 'assistant',
          content: text ?? null,
          refusal: refusal ?? null,
          ...(calls.length === 0
            ? {}
            : {
                tool_calls: calls.map(({ name, args }, i) => ({
                  id: `call_${n}_${i}`,
                  type: 'function',
                  function: { name, arguments: argsText(args) },
                })),
              }),
        },
      },
    ],
    usage: { prompt_tokens: USAGE.input, completion_tokens: USAGE.output },
  };
}

function responsesReply({ text, calls = [], refusal, cut }: AgentStep, n: number): JsonObject {
  const message = (part: JsonObject): JsonObject => ({
    type: 'message',
    id: `msg_${n}`,
    role: 'assistant',
    status: 'completed',
    content: [part],
  });
  return {
    id: `resp_${n}`,
    model: 'agent-2026-01-15',
    status: cut === true ? 'incomplete' : 'completed',
    incomplete_details: cut === true ? { reason: 'max_output_tokens' } : null,
    output: [
      { type: 'reasoning', id: `rs_${n}`, summary: [], encrypted_content: `thought-${n}` },
      ...(text === undefined ? [] : [message({ type: 'output_text', text, annotations: [] })]),
      ...(refusal === undefined ? [] : [message({ type: 'refusal', refusal })]),
      ...calls.map(({ name, args }, i) => ({
        type: 'function_call',
        id: `fc_${n}_${i}`,
        call_id: `call_${n}_${i}`,
        name,
        arguments: argsText(args),
      })),
    ],
    usage: { input_tokens: USAGE.input, output_tokens: USAGE.output },
  };
}

function messagesReply({ text, calls = [], refusal, cut }: AgentStep, n: number): JsonObject {
  return {
    id: `msg_${n}`,
    type: 'message',
    role: 'assistant',
    model: 'agent-2026-01-15',
    content: [
      ...(calls.length === 0 ? [] : [{ type: 'thinking', thinking: `thought-${n}`, signature: `sig-${n}` }]),
      ...(text === undefined ? [] : [{ type: 'text', text }]),
      ...calls.map(({ name, args }, i) => ({
        type: 'tool_use',
        id: `toolu_${n}_${i}`,
        name,
        input: typeof args === 'string' ? {} : args,
      })),
    ],
    stop_reason:
      cut === true
        ? 'max_tokens'
        : refusal !== undefined
          ? 'refusal'
          : calls.length > 0
            ? 'tool_use'
            : 'end_turn',
    ...(refusal === undefined ? {} : { stop_details: { explanation: refusal } }),
    usage: { input_tokens: USAGE.input, output_tokens: USAGE.output },
  };
}
