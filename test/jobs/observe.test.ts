// Production answers on their way in: what is checked, measured, masked, stored and refused; and the signals that come out.

import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { StoredObservation } from '../../src/core/observation.ts';
import type { SignalReport } from '../../src/core/signals.ts';
import { openProduction } from '../../src/jobs/observe/open-production.ts';
import { signalsSchema } from '../../src/report/json/signals-schema.ts';
import { json, lastgood, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';

const at = (hoursAgo: number): string => new Date(Date.now() - hoursAgo * 3_600_000).toISOString();
const lines = (...rows: readonly object[]): string => rows.map((r) => `${JSON.stringify(r)}\n`).join('');

async function storedIn(folder: string): Promise<StoredObservation[]> {
  const store = await openProduction(join(folder, 'snapshots/lastgood.db'));
  const found: StoredObservation[] = [];
  for await (const o of store.observations({ feature: 'triage', from: 0, to: Date.now() + 1e9 }))
    found.push(o);
  await store.close();
  return found;
}

describe('lastgood observe', () => {
  it('takes what it can, names the lines it cannot take, and takes nothing twice', async () => {
    await using dir = await temporaryFolder();
    const good = {
      id: 'a',
      at: at(3),
      output: 'We refund it.',
      latency_ms: 900,
      usage: { output_tokens: 9 },
    };
    const file = Buffer.concat([
      Buffer.from(lines(good, { id: 'b', at: at(2), output: "I'm sorry, but I can't help with that." })),
      Buffer.from('{"id":"c","at":\n'),
      Buffer.from([0x7b, 0xff, 0x7d, 0x0a]),
      Buffer.from(
        lines({ id: 'd', latency: 3 }, { id: 'e', at: '2026-05-12 06:00' }, { id: 'f', at: at(-48) }),
      ),
      Buffer.from(`{"id":"g","at":"${at(1)}","input":${'['.repeat(5000)}${']'.repeat(5000)}}\n`),
      Buffer.from(lines({ id: 'h', at: at(1), latency_ms: -1 }, { id: 'a', retried: true })),
      Buffer.from(`{"id":"i","at":"${at(1)}","error":"timeout","__proto__":{"x":1},"latenzy_ms":4}`),
    ]);
    await writeFile(join(dir.path, 'o.jsonl'), file);
    const first = await lastgood(['observe', 'o.jsonl', '--feature', 'triage', '--json'], { cwd: dir.path });
    expect(first.code).toBe(3);
    expect(json(first)).toMatchObject({
      observations: { added: 3, known: 0 },
      outcomes: { added: 1, known: 0 },
      rejected: 7,
      unknownKeys: { __proto__: 1, latenzy_ms: 1 },
    });
    const said = first.stderr.split('\n');
    expect(said[0]).toMatch(/^o.jsonl:3: .*\[LINE_NOT_JSON\]$/);
    expect(said[1]).toMatch(/^o.jsonl:4: .*\[LINE_NOT_UTF8\]$/);
    expect(said[2]).toMatch(/^o.jsonl:5: "at" is missing \[LINE_SHAPE\]$/);
    expect(said[3]).toMatch(/^o.jsonl:6: .*zone.*\[LINE_TIME\]$/);
    expect(said[4]).toMatch(/^o.jsonl:7: .*future.*\[LINE_TIME\]$/);
    expect(said[5]).toMatch(/^o.jsonl:8: .*\[LINE_TOO_DEEP\]$/);
    expect(said[6]).toMatch(/^o.jsonl:9: "latency_ms".*\[LINE_SHAPE\]$/);
    const second = await lastgoodHere(['observe', 'o.jsonl', '--feature', 'triage', '--json'], {
      cwd: dir.path,
    });
    expect(json(second)).toMatchObject({
      observations: { added: 0, known: 3 },
      outcomes: { added: 0, known: 1 },
    });

    const signals = await lastgoodHere(['signals', 'triage', '--since', '24h', '--json'], { cwd: dir.path });
    const report = json<SignalReport>(signals);
    expect(signalsSchema.safeParse(report).error).toBeUndefined();
    const value = (name: string): unknown => report.groups[0]?.signals.find((s) => s.signal === name);
    expect(value('count')).toMatchObject({ value: 3 });
    expect(value('errors')).toMatchObject({ value: 1 / 3 });
    expect(value('refusals')).toMatchObject({ value: 0.5, n: 2 });
    expect(value('retries')).toMatchObject({ value: 1 / 3, of: 'observations' });
    expect(value('latency.p50')).toMatchObject({ n: 1 });
    const wrong = await lastgoodHere(['signals', 'triagge'], { cwd: dir.path });
    expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('did you mean triage?') });
    const text = await lastgoodHere(['signals', 'triage', '--by', 'template'], { cwd: dir.path });
    expect(text.stdout).toContain('template (none): 3 observations');
  });

  it('writes no secret, nothing that a redaction rule names, and no text without --store outputs', async () => {
    await using dir = await temporaryFolder();
    const secret = 'hunter2-hunter2-hunter2';
    await writeFile(join(dir.path, 'lastgood.yaml'), 'redact: [{ pattern: "[a-z.]+@example.com" }]\n');
    const row = {
      id: 'mail jane.roe@example.com',
      at: at(1),
      feature: 'triage',
      template: `t ${secret}`,
      user: 'jane.roe@example.com',
      tags: [`x ${secret}`],
      messages: [{ role: 'user', content: `I am jane.roe@example.com, my key is ${secret}` }],
      output: `Dear jane.roe@example.com, ${secret} and sk-abcdefghijklmnopqrstuvwx are safe.`,
      error: `failed for ${secret}`,
    };
    await writeFile(join(dir.path, 'o.jsonl'), lines(row, { id: row.id, final_text: `Dear ${secret}` }));
    const run = (...args: string[]) =>
      lastgoodHere(['observe', 'o.jsonl', ...args], { cwd: dir.path, env: { API_KEY: secret } });
    expect((await run('--store', 'outputs')).code).toBe(0);
    const [stored] = await storedIn(dir.path);
    expect(stored?.texts?.output).toBe('Dear [redacted], [secret] and [secret] are safe.');
    expect(stored).toMatchObject({ id: 'mail [redacted]', finalText: 'Dear [secret]', tags: ['x [secret]'] });
    const holds = async (word: string): Promise<boolean> => {
      for (const end of ['', '-wal'])
        if ((await readFile(join(dir.path, `snapshots/lastgood.db${end}`)).catch(() => '')).includes(word))
          return true;
      return false;
    };
    expect(await holds('hunter2')).toBe(false);
    expect(await holds('jane.roe')).toBe(false);

    await using plain = await temporaryFolder();
    await writeFile(join(plain.path, 'o.jsonl'), lines(row, { id: row.id, final_text: 'Dear you' }));
    await lastgoodHere(['observe', 'o.jsonl'], { cwd: plain.path, env: { API_KEY: secret } });
    const [numbers] = await storedIn(plain.path);
    expect(numbers).toMatchObject({
      texts: null,
      finalText: null,
      measures: { length: row.output.length, failed: true },
    });
    // `store: scores` of a project means no text of production either.
    await using strict = await temporaryFolder();
    await writeFile(join(strict.path, 'lastgood.yaml'), 'store: scores\n');
    await writeFile(join(strict.path, 'o.jsonl'), lines(row));
    await lastgoodHere(['observe', 'o.jsonl', '--store', 'outputs'], { cwd: strict.path });
    expect(await storedIn(strict.path)).toMatchObject([{ texts: null }]);
  });

  it('draws the texts of a sample by id, and counts all', async () => {
    await using dir = await temporaryFolder();
    const rows = Array.from({ length: 200 }, (_, i) => ({
      id: `o${i}`,
      at: at(1),
      feature: 'triage',
      output: `Answer ${i}.`,
    }));
    await writeFile(join(dir.path, 'o.jsonl'), lines(...rows));
    await lastgoodHere(['observe', 'o.jsonl', '--store', 'outputs', '--sample', '10%'], { cwd: dir.path });
    const stored = await storedIn(dir.path);
    expect(stored).toHaveLength(200);
    const drawn = (id: string): boolean =>
      createHash('sha256').update(`text:${id}`).digest().readUInt32BE(0) / 2 ** 32 < 0.1;
    expect(
      stored
        .filter((o) => o.texts !== null)
        .map((o) => o.id)
        .sort(),
    ).toEqual(
      rows
        .map((r) => r.id)
        .filter(drawn)
        .sort(),
    );
  });

  it('reads traces, Langfuse exports and chat logs', async () => {
    await using dir = await temporaryFolder();
    const nano = (ms: number): string => `${BigInt(ms) * 1_000_000n}`;
    const start = Date.now() - 3_600_000;
    const attribute = (key: string, value: object): object => ({ key, value });
    const span = (spanId: string, attributes: readonly object[], more: object = {}): object => ({
      traceId: 'ab'.repeat(16),
      spanId,
      startTimeUnixNano: nano(start),
      endTimeUnixNano: nano(start + 1500),
      attributes: [attribute('gen_ai.operation.name', { stringValue: 'chat' }), ...attributes],
      ...more,
    });
    const otlp = {
      resourceSpans: [
        {
          resource: { attributes: [attribute('lastgood.release', { stringValue: 'r7' })] },
          scopeSpans: [
            {
              spans: [
                span('01'.repeat(8), [
                  attribute('gen_ai.output.messages', {
                    stringValue: '[{"role":"assistant","parts":[{"type":"text","content":"We refund it."}]}]',
                  }),
                  attribute('gen_ai.usage.output_tokens', { intValue: '12' }),
                  attribute('gen_ai.response.model', { stringValue: 'gpt-x-2026' }),
                ]),
                span('02'.repeat(8), [], { status: { code: 2, message: 'overloaded' } }),
              ],
            },
          ],
        },
      ],
    };
    const langfuse = {
      id: 'obs1',
      traceId: 't1',
      type: 'GENERATION',
      startTime: at(2),
      endTime: at(2),
      input: [{ role: 'user', content: 'Where is it?' }],
      output: { role: 'assistant', content: 'On its way.' },
      promptName: 'status',
      parentObservationId: null,
    };
    const chat = {
      id: 'c1',
      timestamp: at(2),
      request: { model: 'gpt-x', messages: [{ role: 'user', content: 'Hello?' }] },
      response: {
        model: 'gpt-x',
        choices: [{ message: { role: 'assistant', content: 'Hello!' }, finish_reason: 'stop' }],
      },
    };
    for (const [name, row] of [
      ['otlp', otlp],
      ['langfuse', langfuse],
      ['chat', chat],
    ] as const) {
      await writeFile(join(dir.path, `${name}.jsonl`), lines(row));
      const done = await lastgoodHere(['observe', `${name}.jsonl`, '--from', name, '--feature', 'triage'], {
        cwd: dir.path,
      });
      expect(done.code, done.stderr).toBe(0);
    }
    const stored = await storedIn(dir.path);
    expect(stored.map((o) => o.id).sort()).toEqual([
      `${'ab'.repeat(16)}/${'01'.repeat(8)}`,
      `${'ab'.repeat(16)}/${'02'.repeat(8)}`,
      'chat:c1',
      'langfuse:obs1',
    ]);
    const trace = stored.find((o) => o.id.endsWith('01'));
    expect(trace).toMatchObject({
      at: start,
      dimensions: { release: 'r7' },
      servedModel: 'gpt-x-2026',
      measures: { latencyMs: 1500, outputTokens: 12, length: 13, failed: false },
    });
    expect(stored.find((o) => o.id.endsWith('02'))?.measures).toMatchObject({
      failed: true,
      length: null,
      latencyMs: 1500,
    });
    expect(stored.find((o) => o.id === 'langfuse:obs1')?.dimensions.template).toBe('status');
  });

  it('prunes texts and rows, keeps the signals, and counts nothing twice afterwards', async () => {
    await using dir = await temporaryFolder();
    const rows = [40, 10, 1].map((days) => ({
      id: `o${days}`,
      at: at(24 * days),
      feature: 'triage',
      output: 'We refund it.',
    }));
    await writeFile(join(dir.path, 'o.jsonl'), lines(...rows));
    const here = (...args: string[]) => lastgoodHere(args, { cwd: dir.path });
    await here('observe', 'o.jsonl', '--store', 'outputs');
    const dry = await here(
      'db',
      'prune',
      '--keep-days',
      '5',
      '--observation-days',
      '30',
      '--dry-run',
      '--json',
    );
    expect(json(dry)).toMatchObject({ production: { texts: 2, observations: 1 } });
    const done = await here('db', 'prune', '--keep-days', '5', '--observation-days', '30', '--json');
    expect(json(done)).toMatchObject({ production: { texts: 2, observations: 1 } });
    expect((await storedIn(dir.path)).map((o) => [o.id, o.texts === null])).toEqual([
      ['o10', true],
      ['o1', false],
    ]);
    const again = await here('observe', 'o.jsonl', '--json');
    expect(json(again)).toMatchObject({
      observations: { added: 0, known: 2 },
      errors: [{ line: 1, code: 'LINE_EXPIRED' }],
    });
    const report = json<SignalReport>(await here('signals', 'triage', '--since', '60d', '--json'));
    expect(report.groups[0]?.observations).toBe(3);
    expect((await here('db', 'check')).code).toBe(0);
  });

  it('forgets a text, a user and a name for good', async () => {
    await using dir = await temporaryFolder();
    const word = 'janeroe@example.com';
    const row = {
      id: word,
      at: at(1),
      feature: 'triage',
      user: word,
      session: word,
      template: word,
      tags: [word],
    };
    await writeFile(
      join(dir.path, 'o.jsonl'),
      lines(
        { ...row, input: { mail: word }, output: `Dear ${word}` },
        { id: word, final_text: `Hello ${word}`, kpi: { [word]: 1 } },
      ),
    );
    const here = (...args: string[]) => lastgoodHere(args, { cwd: dir.path });
    await here('observe', 'o.jsonl', '--store', 'outputs');
    expect((await here('forget', word, '--substring', '--yes')).code).toBe(0);
    const bytes = await readFile(join(dir.path, 'snapshots/lastgood.db'));
    expect(bytes.includes('janeroe')).toBe(false);
    const [left] = await storedIn(dir.path);
    expect(left).toMatchObject({
      id: '[forgotten]',
      texts: { output: 'Dear [forgotten]' },
      measures: { length: 24 },
    });
    expect((await here('signals', 'triage', '--by', 'template')).stdout).toContain('[forgotten');
  });
});
