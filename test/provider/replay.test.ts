import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { normalizeNewlines, sha256 } from '../../src/base/json.ts';
import { createProvider } from '../../src/provider/index.ts';
import { readRecordings } from '../../src/provider/recordings.ts';
import { context, patience, refundBot, ticket } from './worlds.ts';

const dir = mkdtempSync(join(tmpdir(), 'recordings-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
let made = 0;

function recorded(text: string, route: JsonObject = {}) {
  const path = join(dir, `${++made}.jsonl`);
  writeFileSync(path, text);
  const release = refundBot(
    { provider: 'replay', recordings: sha256(normalizeNewlines(text)), ...route },
    { paths: { recordings: path } },
  );
  return createProvider(release, context());
}

const lines = (...records: JsonObject[]): string => `${records.map((r) => JSON.stringify(r)).join('\n')}\n`;

test('a recording becomes an answer with everything that was recorded, and is marked as no live answer', async () => {
  const provider = await recorded(
    lines({
      case_id: 'refund-angry-01',
      output: 'On its way.',
      latency_ms: 812.5,
      model: 'gpt-4o-2024-05-13',
      usage: { prompt_tokens: 20, completion_tokens: 4 },
      cost_usd: 0.0003,
      stop_reason: 'max_tokens',
      tool_calls: [{ name: 'refund', args: { order: 1 } }],
      context: ['page 1'],
    }),
  );
  expect(await provider.call(ticket(), patience())).toMatchObject({
    kind: 'answered',
    output: {
      text: 'On its way.',
      toolCalls: [{ name: 'refund', args: { order: 1 } }],
      context: ['page 1'],
    },
    latencyMs: 812.5,
    served: { model: 'gpt-4o-2024-05-13', simulated: true },
    usage: { inputTokens: 20, outputTokens: 4 },
    costUsd: 0.0003,
    stopReason: 'length',
    sent: { case_id: 'refund-angry-01', trial: 0, line: 1 },
  });
});

test('what was not recorded is unknown, never 0', async () => {
  const provider = await recorded(lines({ case_id: 'refund-angry-01', output: '' }));
  const reply = await provider.call(ticket(), patience());
  expect(reply).toMatchObject({
    kind: 'answered',
    output: { text: '' },
    latencyMs: null,
    usage: null,
    stopReason: 'unknown',
    served: { model: null },
  });
  expect(reply).not.toHaveProperty('costUsd');
});

test('trials follow their numbers where there are any, else the order of the file', async () => {
  const numbered = await recorded(
    lines(
      { case_id: 'refund-angry-01', run: 2, output: 'third' },
      { case_id: 'other', run: 0, output: 'other' },
      { case_id: 'refund-angry-01', run: 0, output: 'first' },
      { case_id: 'refund-angry-01', run: 1, output: 'second' },
    ),
  );
  const inOrder = await recorded(
    lines({ case_id: 'refund-angry-01', output: 'first' }, { case_id: 'refund-angry-01', output: 'second' }),
  );
  for (const [trial, text] of ['first', 'second', 'third'].entries())
    expect(await numbered.call(ticket({ trial }), patience())).toMatchObject({ output: { text } });
  for (const [trial, text] of ['first', 'second'].entries())
    expect(await inOrder.call(ticket({ trial }), patience())).toMatchObject({ output: { text } });
});

test('a trial or a case without a recording fails; no recording is used twice', async () => {
  const provider = await recorded(lines({ case_id: 'refund-angry-01', output: 'once' }));
  const missing = {
    kind: 'failed',
    cause: 'infra_error',
    code: 'no_recording',
    retryable: false,
    fatal: false,
  };
  expect(await provider.call(ticket({ trial: 1 }), patience())).toMatchObject(missing);
  expect(await provider.call(ticket({ caseId: 'new-case' }), patience())).toMatchObject(missing);
});

test('a recorded error, and an output recorded as null, are failures of the application', async () => {
  const provider = await recorded(
    lines(
      { case_id: 'refund-angry-01', error: { message: 'ledger down' } },
      { case_id: 'refund-angry-01', output: null },
    ),
  );
  expect(await provider.call(ticket(), patience())).toMatchObject({
    kind: 'failed',
    cause: 'app_error',
    code: 'recorded_error',
    message: 'ledger down',
  });
  expect(await provider.call(ticket({ trial: 1 }), patience())).toMatchObject({ code: 'recorded_error' });
});

test('map reads another shape and where picks records', async () => {
  const text = JSON.stringify([
    { meta: { id: 7, split: 'train' }, reply: { text: 'train' } },
    { meta: { id: 7, split: 'test' }, reply: { text: 'test one' }, model: 'm-1' },
    { meta: { id: 7, split: 'test' }, reply: { text: 'test two' } },
  ]);
  const provider = await recorded(text, {
    map: { case_id: 'meta.id', output: 'reply.text' },
    where: { 'meta.split': 'test' },
  });
  expect(await provider.call(ticket({ caseId: '7' }), patience())).toMatchObject({
    output: { text: 'test one' },
    served: { model: 'm-1' },
    sent: { line: 2 },
  });
  expect(await provider.call(ticket({ caseId: '7', trial: 1 }), patience())).toMatchObject({
    output: { text: 'test two' },
  });
  expect(await provider.call(ticket({ caseId: '7', trial: 2 }), patience())).toMatchObject({
    code: 'no_recording',
  });
});

test.each([
  ['not JSON', '{"case_id":"a","output":"x"}\n{"case_id":', 2],
  ['not an object', '{"case_id":"a","output":"x"}\n\n"words"\n', 3],
  ['without a case', '{"output":"x"}', 1],
  ['without an output', '{"case_id":"a"}', 1],
])('a line that is %s is named', async (_what, text, line) => {
  await expect(recorded(text)).rejects.toMatchObject({
    code: 'RECORDING_INVALID',
    exitCode: 2,
    where: { line },
  });
});

test('a file that changed since the release was loaded is refused, also when its lines no longer read', async () => {
  for (const text of [lines({ case_id: 'a', output: 'edited' }), 'rubbish']) {
    await expect(recorded(text, { recordings: sha256('what it was') })).rejects.toMatchObject({
      code: 'RECORDING_CHANGED',
      exitCode: 2,
    });
  }
});

test('a file that is missing, or a place that is not known, is told before any call', async () => {
  const route = { provider: 'replay', recordings: sha256('') } as const;
  await expect(
    createProvider(refundBot(route, { paths: { recordings: join(dir, 'nowhere.jsonl') } }), context()),
  ).rejects.toMatchObject({ code: 'RECORDING_MISSING', exitCode: 2 });
  await expect(createProvider(refundBot(route), context())).rejects.toMatchObject({
    code: 'RECORDING_MISSING',
  });
});

test('law: line ends and a byte-order mark change neither the hash nor the recordings', async () => {
  const path = join(dir, 'line-ends.jsonl');
  const end = fc.constantFrom('\n', '\r\n', '\r', '\n\n');
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.string({ unit: 'binary', maxLength: 40 }), end), { minLength: 1, maxLength: 12 }),
      fc.boolean(),
      async (records, mark) => {
        const text =
          (mark ? '\uFEFF' : '') +
          records.map(([output, eol]) => `${JSON.stringify({ case_id: 'a', output })}${eol}`).join('');
        writeFileSync(path, text);
        const read = await readRecordings({
          path,
          sha256: sha256(normalizeNewlines(text)),
          map: {},
          where: {},
        });
        const outputs = (read.get('a') ?? []).map(
          ({ outcome }) => outcome.kind === 'output' && outcome.output.text,
        );
        expect(outputs).toEqual(records.map(([output]) => output));
      },
    ),
    { numRuns: 60 },
  );
});

test('a file of many reading chunks comes through whole, characters across their borders included', async () => {
  const path = join(dir, 'large.jsonl');
  const text = Array.from(
    { length: 20_000 },
    (_, i) => `${JSON.stringify({ case_id: `case-${i}`, output: `Grüße, ${'€'.repeat(i % 97)} ${i}` })}\r\n`,
  ).join('');
  writeFileSync(path, text);
  const read = await readRecordings({ path, sha256: sha256(normalizeNewlines(text)), map: {}, where: {} });
  expect(read.size).toBe(20_000);
  expect(read.get('case-12345')?.[0]).toMatchObject({
    line: 12346,
    outcome: { output: { text: `Grüße, ${'€'.repeat(12345 % 97)} 12345` } },
  });
});

test('an abort is an abort', async () => {
  const provider = await recorded(lines({ case_id: 'refund-angry-01', output: 'x' }));
  expect(await provider.call(ticket(), AbortSignal.abort())).toMatchObject({
    cause: 'timeout',
    code: 'aborted',
  });
});

const STUDY = resolve(
  import.meta.dirname,
  '../../../shared/data/llm-stability/gpt-35-turbo.navigate.fewshot.jsonl',
);

test('the recordings of a real study replay run by run, each exactly once', async (t) => {
  if (!existsSync(STUDY)) t.skip('the llm-stability recordings are not beside this project');
  const text = readFileSync(STUDY, 'utf8');
  const rows = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { case_id: string; run: number; output: string });
  const runs = new Set(rows.map((row) => row.run)).size;
  expect(runs).toBeGreaterThan(1);
  const all = await createProvider(
    refundBot({ provider: 'replay', recordings: sha256(text) }, { paths: { recordings: STUDY } }),
    context(),
  );
  const second = await createProvider(
    refundBot(
      { provider: 'replay', recordings: sha256(text), where: { run: 1 } },
      { paths: { recordings: STUDY } },
    ),
    context(),
  );
  for (const { case_id: caseId, run, output } of rows) {
    expect(await all.call(ticket({ caseId, trial: run }), patience())).toMatchObject({
      output: { text: output },
    });
    if (run === 1) {
      expect(await second.call(ticket({ caseId, trial: 0 }), patience())).toMatchObject({
        output: { text: output },
      });
      expect(await second.call(ticket({ caseId, trial: 1 }), patience())).toMatchObject({
        code: 'no_recording',
      });
    }
  }
  expect(await all.call(ticket({ caseId: rows[0]?.case_id ?? '', trial: runs }), patience())).toMatchObject({
    code: 'no_recording',
  });
});

test('a recording that was broken off is an error, not an empty answer', async () => {
  const provider = await recorded(lines({ case_id: 'refund-angry-01', output: '', stop_reason: 'error' }));
  expect(await provider.call(ticket(), patience())).toMatchObject({
    kind: 'failed',
    code: 'recorded_error',
    message: 'recorded as broken off: "error"',
  });
});
