// A real client: the OpenTelemetry SDK for Node exports spans of model calls, in JSON and in protobuf.

import { SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { describe, expect, it } from 'vitest';
import { post, running } from './running.ts';

describe('the OpenTelemetry SDK', () => {
  it.each([
    ['JSON', JsonExporter],
    ['protobuf', ProtobufExporter],
  ] as const)('exports calls to models in %s', async (_, Exporter) => {
    const server = await running({ store: 'outputs' });
    const token = await server.token('app', 'observe');
    const exporter = new Exporter({
      url: `${server.url}/v1/traces?feature=support-summary`,
      headers: { authorization: `Bearer ${token}` },
    });
    const provider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] });
    const tracer = provider.getTracer('test');
    const ok = tracer.startSpan('chat gpt-x', {
      kind: SpanKind.CLIENT,
      attributes: {
        'gen_ai.operation.name': 'chat',
        'gen_ai.provider.name': 'openai',
        'gen_ai.request.model': 'gpt-x',
        'gen_ai.response.model': 'gpt-x-2026-11-01',
        'gen_ai.response.finish_reasons': ['stop'],
        'gen_ai.usage.input_tokens': 120,
        'gen_ai.usage.output_tokens': 14,
        'gen_ai.conversation.id': 'conv-1',
        'lastgood.release': '3fa9c1d2e4b5',
        'lastgood.template': 'summary',
        'gen_ai.input.messages': JSON.stringify([
          { role: 'user', parts: [{ type: 'text', content: 'Größe?' }] },
        ]),
        'gen_ai.output.messages': JSON.stringify([
          { role: 'assistant', parts: [{ type: 'text', content: 'Größe 42 📦.' }] },
        ]),
      },
    });
    ok.addEvent('gen_ai.evaluation.result', {
      'gen_ai.evaluation.name': 'tone',
      'gen_ai.evaluation.score.value': 0.8,
    });
    ok.end();
    const failed = tracer.startSpan('chat gpt-x', {
      attributes: { 'gen_ai.operation.name': 'chat', 'error.type': 'rate_limit' },
    });
    failed.setStatus({ code: SpanStatusCode.ERROR, message: 'slow down' });
    failed.end();
    tracer.startSpan('GET /orders').end();
    await provider.forceFlush();
    await provider.shutdown();
    const stored = await server.stored('support-summary');
    expect(stored).toHaveLength(2);
    const [answer, error] = [...stored].sort((a, b) => Number(a.measures.failed) - Number(b.measures.failed));
    expect(answer).toMatchObject({
      dimensions: { release: '3fa9c1d2e4b5', template: 'summary' },
      model: 'gpt-x',
      servedModel: 'gpt-x-2026-11-01',
      stopReason: 'stop',
      measures: { inputTokens: 120, outputTokens: 14, length: 11, failed: false, refusal: false },
      texts: { output: 'Größe 42 📦.', rest: { messages: [{ role: 'user', content: 'Größe?' }] } },
      outcome: { scores: { tone: 0.8 } },
    });
    expect(answer?.measures.latencyMs).toBeGreaterThanOrEqual(0);
    expect(error).toMatchObject({ measures: { failed: true, length: null, refusal: null } });
  });

  it('gets answers it understands: a partial success, and errors it does not send again', async () => {
    const server = await running();
    const url = `${server.url}/v1/traces?feature=f`;
    const call = {
      traceId: 'a',
      spanId: 'b',
      attributes: [{ key: 'gen_ai.operation.name', value: { stringValue: 'chat' } }],
    };
    const request = { resourceSpans: [{ scopeSpans: [{ spans: [call] }] }] };
    const asJson = { 'content-type': 'application/json' };
    const partial = await post(url, JSON.stringify(request), asJson);
    expect(partial.status).toBe(200);
    expect(await partial.json()).toEqual({
      partialSuccess: { rejectedSpans: '1', errorMessage: expect.stringContaining('"at" is missing') },
    });
    expect(await (await post(url, '{}', asJson)).json()).toEqual({});
    for (const [body, type] of [
      ['[', 'application/json'],
      ['[]', 'application/json'],
      [`${'['.repeat(1e5)}${']'.repeat(1e5)}`, 'application/json'],
      [`{"resourceSpans":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, 'application/json'],
      [Uint8Array.from([0xff, 0xff, 0xff]), 'application/x-protobuf'],
      [Uint8Array.from([0x0a, 0x7f, 0x00]), 'application/x-protobuf'],
    ] as const) {
      const answer = await post(url, body, { 'content-type': type });
      expect(answer.status).toBe(400);
      expect(answer.headers.get('content-type')).toContain(type);
    }
    expect((await post(url, 'x', { 'content-type': 'text/plain' })).status).toBe(415);
  });
});
