// The post-mortem of the prime questions of "How Is ChatGPT's Behavior Changing over Time?" (Chen, Zaharia, Zou 2023), from the
// recorded outputs: it must tell what the paper tells, and that the gain on composites is none.

import { existsSync } from 'node:fs';
import { readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { IncidentReport } from '../../src/core/index.ts';
import { json, lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';

const DATA = resolve(ROOT, '../shared/data/llmdrift/prime');
const available = existsSync(DATA);
if (!available) console.log('skipped: ../shared/data/llmdrift is not there');

const suite = {
  name: 'prime',
  cases: [
    {
      file: 'data/cases.jsonl',
      map: {
        id: 'case_id',
        messages: 'input.messages',
        expected: 'expected',
        tags: 'tags',
        meta: 'metadata',
      },
    },
  ],
  defaults: { grade: [{ extract: { pattern: '\\b(yes|no)\\b', pick: 'last', 'ignore-case': true } }] },
};

const events = [
  {
    at: '2023-06-13',
    kind: 'provider',
    text: 'gpt-4-0613 is announced; the name gpt-4 will move to it on 27 June',
  },
  { at: '2023-07-18', kind: 'incident', text: 'the drop on primes is published', ref: 'arXiv:2307.09009' },
];

describe.skipIf(!available)('gpt-4, March to June 2023', () => {
  test('one answer to every question, a gain that is none, and three weeks unseen', async () => {
    await using folder = await temporaryFolder();
    const cwd = folder.path;
    await symlink(DATA, join(cwd, 'data'));
    await writeFile(join(cwd, 'prime.json'), JSON.stringify(suite));
    await writeFile(join(cwd, 'events.jsonl'), events.map((e) => `${JSON.stringify(e)}\n`).join(''));
    for (const model of ['gpt-4-0314', 'gpt-4-0613']) {
      await writeFile(
        join(cwd, `${model}.yaml`),
        `name: ${model}\nroute: { provider: replay, file: data/${model}.jsonl, model: ${model} }\n`,
      );
      const run = await lastgoodHere(
        ['run', 'prime.json', '--release', `${model}.yaml`, '--quiet', '--allow-outside'],
        { cwd },
      );
      expect(run.code).toBe(0);
    }
    const incident = (...args: string[]): ReturnType<typeof lastgoodHere> =>
      lastgoodHere(
        [
          ...['incident', '--good', 'latest~1', '--bad', 'latest', '--suite', 'prime', '--quiet'],
          ...['--since', '2023-06-27', '--detected', '2023-07-18', '--event', 'events.jsonl', ...args],
        ],
        { cwd },
      );
    const report = json<IncidentReport>(await incident('--json'));
    const { commonest, gainsByCommonest, categories } = report.behaviour;
    expect(commonest.after).toEqual({ text: '[No]', count: 934, of: 1000 });
    expect((commonest.before?.count ?? 0) / 1000).toBeLessThan(0.05);
    expect(gainsByCommonest[0]?.tag).toBe('composite');
    expect((gainsByCommonest[0]?.same ?? 0) / (gainsByCommonest[0]?.passed ?? 1)).toBeGreaterThan(0.9);
    expect(categories[0]?.name).toBe('prime');
    expect(report.detection.hoursToDetect).toBe(21 * 24);

    const text = await incident('--cases-out', 'drafts.jsonl', '--verbose');
    expect(text.code).toBe(0);
    expect(text.stdout).toContain('934 of 1000 answers are now one and the same text');
    expect(text.stdout).toContain('Tag composite only looks better');
    expect(text.stdout).toContain('It was noticed 21 days after it began.');
    expect(text.stdout).toContain('it was not run in time');
    const drafts = (await readFile(join(cwd, 'drafts.jsonl'), 'utf8')).trim().split('\n');
    expect(drafts).toHaveLength(20);
  }, 120_000);
});
