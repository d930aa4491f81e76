// promptfoo's verdicts on the parity configurations, recorded by `npm run bench:parity -- --write`, and what lastgood says of the same.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../cli/lastgood.ts';
import { answerServer } from './parity/answer-server.ts';
import { PARITY } from './parity/configs.ts';
import { runOurs, type Verdicts } from './parity/run-ours.ts';

const EXPECTED = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/promptfoo-parity.json'), 'utf8'),
) as Record<string, Verdicts>;

let server: Awaited<ReturnType<typeof answerServer>>;
beforeAll(async () => {
  server = await answerServer();
});
afterAll(() => server.close());

test('every configuration has recorded verdicts, and of both kinds where it can', () => {
  expect(Object.keys(EXPECTED)).toEqual(PARITY.map(({ name }) => name));
  expect(PARITY.length).toBeGreaterThanOrEqual(25);
  const all = Object.values(EXPECTED).flatMap((verdicts) => Object.values(verdicts));
  expect(all.filter((v) => v === true).length).toBeGreaterThan(40);
  expect(all.filter((v) => v === false).length).toBeGreaterThan(40);
});

test.each(PARITY)(
  '$name: each test passes or fails as in promptfoo',
  async (parity) => {
    await using dir = await temporaryFolder();
    const ours = await runOurs(parity, server.url, dir.path);
    // A test without assertions passes there; here it is a draft, which nothing grades.
    const graded = Object.fromEntries(
      Object.entries(EXPECTED[parity.name] ?? {}).map(([key, pass]) => [
        key,
        ours[key] === null ? null : pass,
      ]),
    );
    expect(ours).toEqual(graded);
    expect(Object.values(ours).some((v) => v !== null)).toBe(true);
  },
  60_000,
);
