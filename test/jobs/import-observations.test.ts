// Stored production answers as a suite: which went wrong, what cannot come over, and that nothing personal does.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import type { ImportResult } from '../../src/core/import-result.ts';
import { json, lastgood, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';

const at = (hoursAgo: number): string => new Date(Date.now() - hoursAgo * 3_600_000).toISOString();
const lines = (...rows: readonly object[]): string => rows.map((r) => `${JSON.stringify(r)}\n`).join('');

const ask = (text: string): object[] => [
  { role: 'system', content: 'You are the old refund desk.' },
  { role: 'user', content: text },
];

/** One answer for each way to go wrong, some that went well, and what became of them. */
const WRONG: readonly (readonly [reason: string, answer: object, outcome: object])[] = [
  ['error', { error: 'timeout' }, {}],
  ['schema-failure', { schema_valid: false }, {}],
  ['blocked', { blocked: true }, {}],
  ['refused', { output: "I'm sorry, but I can't help with that." }, {}],
  ['edited', {}, { edited: 0.5 }],
  ['overridden', {}, { overridden: true }],
  ['dismissed', {}, { dismissed: true }],
  ['retried', {}, { retried: true }],
  ['restarted', {}, { restarted: true }],
  ['abandoned', {}, { abandoned: true }],
  ['manual-path', {}, { manual_path: true }],
  ['rejected', {}, { review: 'rejected' }],
  ['complaint', {}, { complaint: true }],
  ['not-completed', {}, { completed: false }],
];

async function desk(observe: readonly string[] = ['--store', 'outputs']) {
  const dir = await temporaryFolder();
  const row = (id: string, more: object): object => ({
    id,
    at: at(5),
    feature: 'refunds',
    release: 'r7',
    template: 'refund',
    messages: ask(`Where is order ${id}?`),
    output: `Order ${id} is on its way.`,
    served_model: 'gpt-4o-2024-11-20',
    ...more,
  });
  await writeFile(
    join(dir.path, 'o.jsonl'),
    lines(
      ...WRONG.flatMap(([reason, answer, outcome]) => [
        row(reason, answer),
        ...(Object.keys(outcome).length === 0 ? [] : [{ id: reason, ...outcome }]),
      ]),
      row('fine', {}),
      { id: 'fine', edited: 0.02, overridden: false, review: 'accepted', completed: true },
      row('silent', {}),
    ),
  );
  const here = (args: readonly string[], env: Record<string, string> = {}) =>
    lastgoodHere(args, { cwd: dir.path, env });
  const put = async (...rows: readonly object[]): Promise<void> => {
    await writeFile(join(dir.path, 'more.jsonl'), lines(...rows));
    await here(['observe', 'more.jsonl', '--feature', 'refunds', '--store', 'outputs']);
  };
  const done = await here(['observe', 'o.jsonl', ...observe]);
  expect(done.code, done.stderr).toBe(0);
  const cases = async (folder: string): Promise<JsonObject[]> =>
    (await readFile(join(dir.path, folder, 'cases.jsonl'), 'utf8'))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as JsonObject);
  return { path: dir.path, here, put, row, cases, [Symbol.asyncDispose]: dir[Symbol.asyncDispose] };
}

const IMPORT = ['import', '--from', 'observations', '--feature', 'refunds'];

describe('lastgood import --from observations', () => {
  it('drafts a case of each answer that went wrong, says why, and what was asked runs again', async () => {
    await using dir = await desk();
    const out = await lastgood([...IMPORT, '--failing', '--to', 'suites/bad', '--json'], { cwd: dir.path });
    expect(out.code, out.stderr).toBe(0);
    const result = json<ImportResult>(out);
    expect(result).toMatchObject({
      kind: 'import',
      format: 'observations',
      cases: WRONG.length,
      drafts: WRONG.length,
      duplicates: 0,
      mapped: WRONG.length,
      dropped: [],
      releases: 1,
      recordings: WRONG.length,
    });
    expect(result.approximated).toMatchObject([{ construct: 'system text', count: WRONG.length }]);
    const cases = await dir.cases('suites/bad');
    for (const [reason] of WRONG) {
      const found = cases.find((c) => (c['source'] as { ref: string }).ref === reason);
      expect(found, reason).toMatchObject({
        draft: true,
        tags: [reason, 'template:refund'],
        messages: [{ role: 'user', content: `Where is order ${reason}?` }],
        source: { kind: 'observation', at: at(5).slice(0, 10) },
        meta: { release: 'r7' },
      });
    }
    expect((await dir.here(['validate', 'suites/bad/suite.yaml'])).code).toBe(0);
    // Snapshot 0: what production answered, without a call.
    const run = await dir.here(['run', 'suites/bad', '--release', 'suites/bad/releases/r7.yaml', '--json']);
    expect(run.code, run.stderr).not.toBe(2);
    expect(json<{ snapshot: object }>(run).snapshot).toMatchObject({
      cases: WRONG.length,
      answered: WRONG.length - 1,
    });
  });

  it('takes all answers without --failing, and the same sample with the same ids every time', async () => {
    await using dir = await desk();
    await dir.here([...IMPORT, '--to', 'all']);
    expect(await dir.cases('all')).toHaveLength(WRONG.length + 2);
    const sample = (to: string, seed: string) =>
      dir.here([...IMPORT, '--failing', '--sample', '5', '--seed', seed, '--to', to]);
    await sample('a', '1');
    // More came in between, after the sampled time and outside of it.
    await dir.put(dir.row('another', { at: at(100) }));
    await sample('b', '1');
    await sample('c', '2');
    const ids = async (folder: string): Promise<unknown[]> => (await dir.cases(folder)).map((c) => c['id']);
    expect(await ids('a')).toHaveLength(5);
    expect(await ids('b')).toEqual(await ids('a'));
    expect(await ids('c')).not.toEqual(await ids('a'));
    const all = await ids('all');
    expect((await ids('a')).every((id) => all.includes(id))).toBe(true);
    const since = await dir.here([...IMPORT, '--since', '24h', '--failing', '--dry-run', '--json']);
    expect(json<ImportResult>(since)).toMatchObject({ cases: WRONG.length, dryRun: true });
  });

  it('merges the same question, and keeps each answer as a recording', async () => {
    await using dir = await desk();
    await dir.put(
      dir.row('x1', { messages: ask('Same?'), output: 'One.', schema_valid: false }),
      dir.row('x2', { messages: ask('Same?'), output: 'Two.', schema_valid: false }),
      dir.row('x3', { input: { order: 7 }, messages: undefined, schema_valid: false }),
    );
    const result = json<ImportResult>(await dir.here([...IMPORT, '--failing', '--to', 's', '--json']));
    expect(result).toMatchObject({ cases: WRONG.length + 2, duplicates: 1, recordings: WRONG.length + 3 });
    const cases = await dir.cases('s');
    expect(cases.find((c) => JSON.stringify(c['messages'] ?? '').includes('Same?'))).toMatchObject({
      trials: 2,
    });
    expect(cases.find((c) => c['vars'] !== undefined)).toMatchObject({ vars: { order: 7 } });
  });

  it('drops by name what is stored by numbers only, and what has no question', async () => {
    await using dir = await desk([]);
    const empty = await dir.here([...IMPORT, '--failing', '--to', 's']);
    expect(empty).toMatchObject({ code: 2, stderr: expect.stringContaining('--store outputs') });
    await dir.put(
      dir.row('with-text', { schema_valid: false }),
      dir.row('no-question', { messages: undefined, schema_valid: false }),
    );
    const out = await dir.here([...IMPORT, '--failing', '--to', 's', '--json']);
    expect(out.code).toBe(3);
    const result = json<ImportResult>(out);
    expect(result.cases).toBe(1);
    expect(result.dropped.map((l) => l.construct).sort()).toEqual(
      [...WRONG.map(([reason]) => reason), 'no-question'].map((id) => `observation "${id}"`).sort(),
    );
    expect(result.dropped.find((l) => l.construct.includes('no-question'))?.reason).toContain('`messages`');
  });

  it('writes no secret and nothing that a rule of today names, also from ids', async () => {
    await using dir = await desk();
    const mail = 'jane.roe@example.com';
    await dir.put(
      dir.row(`ticket ${mail}`, {
        messages: ask(`I am ${mail}, my key is hunter2-hunter2. Where is it?`),
        output: `Dear ${mail}`,
        tags: [`of ${mail}`],
        schema_valid: false,
      }),
      { id: `ticket ${mail}`, final_text: `Hello ${mail}` },
    );
    await writeFile(join(dir.path, 'lastgood.yaml'), 'redact: [{ pattern: "[a-z.]+@example.com" }]\n');
    const out = await dir.here([...IMPORT, '--failing', '--to', 's', '--json'], {
      API_KEY: 'hunter2-hunter2',
    });
    expect(out.code, out.stderr).toBe(0);
    const files = await Promise.all(
      json<ImportResult>(out).written.map((file) => readFile(join(dir.path, 's', file), 'utf8')),
    );
    for (const text of [...files, out.stdout, out.stderr]) expect(text).not.toMatch(/jane\.roe|hunter2/);
    expect(files.join('\n')).toContain('I am [redacted], my key is [secret]. Where is it?');
  });

  it('asks for what it needs, and refuses what does not fit', async () => {
    await using dir = await desk();
    const refused = async (...args: string[]): Promise<string> => {
      const out = await dir.here(['import', ...args]);
      expect(out.code, args.join(' ')).toBe(2);
      return out.stderr;
    };
    expect(await refused('--from', 'observations')).toContain('--feature NAME');
    expect(await refused()).toContain('no file was named');
    expect(await refused('o.jsonl', '--failing')).toContain('--from observations');
    expect(await refused('o.jsonl', '--from', 'observations', '--feature', 'refunds')).toContain('no files');
    expect(await refused('--from', 'observations', '--feature', 'refundz')).toContain(
      'did you mean refunds?',
    );
    await dir.here([...IMPORT, '--to', 's']);
    expect(await refused('--from', 'observations', '--feature', 'refunds', '--to', 's')).toContain(
      'IMPORT_EXISTS',
    );
  });
});
