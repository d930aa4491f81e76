// Decisions of a withdrawn release: which answers acted, what cannot be known, and marks that stay with who and why.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { DecisionReport } from '../../src/core/decisions.ts';
import { loadRelease } from '../../src/release/index.ts';
import { decisionsSchema } from '../../src/report/json/decisions-schema.ts';
import { json, lastgood, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';

const at = (hoursAgo: number): string => new Date(Date.now() - hoursAgo * 3_600_000).toISOString();
const lines = (...rows: readonly object[]): string => rows.map((r) => `${JSON.stringify(r)}\n`).join('');
const WITHDRAWN = '3fa9c1d2e4b5';

/** A refund desk of which the release `3fa9c1d2e4b5` was withdrawn. */
async function desk() {
  const dir = await temporaryFolder();
  const row = (id: string, hoursAgo: number, more: object): object => ({
    id,
    at: at(hoursAgo),
    feature: 'refunds',
    release: WITHDRAWN,
    template: 'refund',
    ...more,
  });
  const calls = [{ name: 'refund', args: { order: 7, amount: 80 } }, { function: { name: 'mail' } }];
  await writeFile(
    join(dir.path, 'o.jsonl'),
    lines(
      row('auto', 30, { action_mode: 'auto', output: 'Refunded 80 EUR.', tool_calls: calls }),
      row('draft', 20, { action_mode: 'draft', output: 'We refund it.' }),
      row('talk', 19, { output: 'Hello!' }),
      row('empty', 18, { output: 'Hello!', tool_calls: [] }),
      row('tool', 17, { tool_calls: [{ name: 'refund', args: {} }] }),
      row('other', 16, { release: 'aa99ffee0011', action_mode: 'auto' }),
      { id: 'nameless', at: at(15), feature: 'refunds', action_mode: 'auto' },
      { id: 'auto', overridden: true, review: 'rejected', complaint: false },
    ),
  );
  const here = (...args: string[]) => lastgoodHere(args, { cwd: dir.path });
  expect((await here('observe', 'o.jsonl', '--store', 'outputs')).code).toBe(0);
  return { ...dir, here, [Symbol.asyncDispose]: dir[Symbol.asyncDispose] };
}

it('lists what acted, and only that, of exactly the release that was asked for', async () => {
  await using dir = await desk();
  const out = await lastgood(['decisions', 'refunds', '--release', '3fa9c1', '--json'], { cwd: dir.path });
  expect(out.code, out.stderr).toBe(0);
  const report = json<DecisionReport>(out);
  expect(decisionsSchema.safeParse(report).error).toBeUndefined();
  expect(report).toMatchObject({
    releases: [WITHDRAWN],
    counts: { observations: 5, decisions: 3, unmarked: 3, byMode: { auto: 1, draft: 1, '(none)': 1 } },
    removed: 0,
    unnamed: 1,
  });
  expect(report.decisions.map((d) => [d.id, d.actionMode, d.tools])).toEqual([
    ['auto', 'auto', ['refund', 'mail']],
    ['draft', 'draft', null],
    ['tool', null, ['refund']],
  ]);
  expect(report.decisions[0]?.outcome).toMatchObject({ review: 'rejected', flags: { overridden: true } });
  const text = (await dir.here('decisions', 'refunds', '--release', WITHDRAWN)).stdout;
  expect(text).toContain('3 decisions in 5 answers');
  expect(text).toMatch(/auto {2}auto; calls refund, mail; template refund; review rejected, overridden/);
  expect(text).toContain('note: 1 answer of this time names no release');
  const wrong = await dir.here('decisions', 'refunds', '--release', 'bbbbbb');
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining('RELEASE_UNSEEN') });
  expect(wrong.stderr).toContain(WITHDRAWN);
  const late = json<DecisionReport>(
    await dir.here(
      'decisions',
      'refunds',
      '--release',
      WITHDRAWN,
      '--since',
      '25h',
      '--limit',
      '1',
      '--json',
    ),
  );
  expect(late).toMatchObject({ decisions: [{ id: 'draft' }], more: 1, counts: { decisions: 2 } });
});

it('finds the observations of a release by its file, under its name and under its fingerprint', async () => {
  await using dir = await desk();
  await writeFile(
    join(dir.path, 'bot.yaml'),
    'name: bot\nroute: { provider: openai, model: gpt-4o-2024-11-20 }\nprompt: { messages: [{ role: user, content: "{{ q }}" }] }\n',
  );
  const { fingerprint } = await loadRelease(join(dir.path, 'bot.yaml'));
  await writeFile(
    join(dir.path, 'more.jsonl'),
    lines(
      { id: 'by-name', at: at(5), feature: 'refunds', release: 'bot', action_mode: 'auto' },
      {
        id: 'by-print',
        at: at(4),
        feature: 'refunds',
        release: fingerprint.slice(0, 12),
        action_mode: 'auto',
      },
    ),
  );
  await dir.here('observe', 'more.jsonl');
  const report = json<DecisionReport>(
    await dir.here('decisions', 'refunds', '--release', 'bot.yaml', '--json'),
  );
  expect(report.decisions.map((d) => d.id)).toEqual(['by-name', 'by-print']);
});

it('marks all named decisions or none, with who and why, and keeps earlier marks', async () => {
  await using dir = await desk();
  const mark = (...args: string[]) =>
    dir.here('decisions', 'refunds', '--release', WITHDRAWN, '--mark', ...args);
  const who = ['--by', 'Ada', '--why', 'amounts checked'];
  expect(await mark('seen', '--id', 'auto', ...who)).toMatchObject({ code: 2 });
  expect((await mark('reviewed', '--id', 'auto', '--by', 'Ada')).stderr).toContain('--why');
  // `talk` acted on nothing and `other` is another release's: nothing is marked, not even `auto`.
  const none = await mark('reviewed', '--id', 'auto', 'talk', 'other', ...who);
  expect(none.stderr).toContain('"talk", "other"');
  expect(none.code).toBe(2);
  const left = (...args: string[]) =>
    dir
      .here('decisions', 'refunds', '--release', WITHDRAWN, '--json', ...args)
      .then((o) => json<DecisionReport>(o));
  expect((await left()).counts.unmarked).toBe(3);

  const done = await mark('reviewed', '--id', 'auto', 'draft', 'auto', ...who);
  expect(done.stdout).toBe('marked as reviewed: 2 decisions (by Ada: amounts checked)\n');
  await mark('reversed', '--id', 'auto', '--by', 'Bo', '--why', 'paid twice');
  const report = await left();
  expect(report.counts).toMatchObject({ unmarked: 1, byMark: { reviewed: 1, corrected: 0, reversed: 1 } });
  expect(report.decisions[0]?.marks).toMatchObject([
    { mark: 'reviewed', by: 'Ada', why: 'amounts checked' },
    { mark: 'reversed', by: 'Bo', why: 'paid twice' },
  ]);
  expect((await left('--unmarked')).decisions.map((d) => d.id)).toEqual(['tool']);
  // What a person wrote can be forgotten like any text.
  expect((await dir.here('forget', 'paid twice', '--yes')).code).toBe(0);
  expect((await readFile(join(dir.path, 'snapshots/lastgood.db'))).includes('paid twice')).toBe(false);
  expect((await dir.here('db', 'check')).code).toBe(0);
});

it('says how many answers were removed, and does not pass for complete', async () => {
  await using dir = await desk();
  await dir.here('signals', 'refunds');
  expect((await dir.here('db', 'prune', '--observation-days', '1')).code).toBe(0);
  const out = await dir.here('decisions', 'refunds', '--release', WITHDRAWN);
  expect(out.code).toBe(3);
  expect(out.stdout).toContain('2 decisions in 4 answers');
  expect(out.stdout).toContain('not known: 1 answer of this release was removed');
});
