// The noise floor of real models, from recorded repeats of unchanged configurations (Atil et al. 2024, "Non-determinism of
// deterministic LLM settings"): what must not alarm, and one fine-tune that must.

import { existsSync, readFileSync } from 'node:fs';
import { symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SILENT, secretMask } from '../../src/base/index.ts';
import { compareSnapshots } from '../../src/compare/index.ts';
import { type Comparison, resolvePolicy, type SnapshotResults } from '../../src/core/index.ts';
import { loadAssignment } from '../../src/engine/arms/assignment.ts';
import { runSuite } from '../../src/engine/arms/run-suite.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { ROOT, temporaryFolder } from '../cli/lastgood.ts';

const DATA = resolve(ROOT, '../shared/data/llm-stability');
const available = existsSync(DATA);
if (!available) console.log('skipped: ../shared/data/llm-stability is not there');

interface Recorded {
  readonly file: string;
  readonly runs: number;
  /** Suite the file was recorded on. */
  readonly suite: string;
  readonly promptSet: string;
}

const NAVIGATE: Recorded = {
  file: 'gpt-35-turbo.navigate.fewshot',
  runs: 10,
  suite: 'navigate',
  promptSet: 'navigate.fewshot',
};
const TUNED: Recorded = { ...NAVIGATE, file: 'gpt-35-finetuned.navigate.fewshot', runs: 6 };
const DEDUCTION: Recorded = {
  file: 'gpt-35-turbo.logical_deduction.fewshot',
  runs: 10,
  suite: 'deduction',
  promptSet: 'logical_deduction.fewshot',
};
const MATHEMATICS: Recorded = {
  file: 'gpt-4o.strict-json.college_mathematics.fewshot',
  runs: 5,
  suite: 'mathematics',
  promptSet: 'gpt-4o.strict-json.college_mathematics.fewshot',
};
const FILES = [NAVIGATE, TUNED, DEDUCTION, MATHEMATICS] as const;

/** The last answer in the text; the mathematics file answers in JSON, where the expected letter stands in brackets. */
const GRADERS: Readonly<Record<string, unknown>> = {
  navigate: { extract: { pattern: String.raw`\b(Yes|No)\b`, pick: 'last' } },
  deduction: { extract: { pattern: String.raw`\([A-C]\)`, pick: 'last' } },
  mathematics: { javascript: { file: 'letter.mjs' } },
};
const LETTER = `export default function letter({ case: { expected }, output }) {
  const answer = /"Answer"\\s*:\\s*"\\(?([A-D])\\)?"/.exec(output)?.[1];
  const pass = '(' + answer + ')' === expected;
  return { score: Number(pass), pass, reason: 'answered ' + answer + ', expected ' + expected };
}
`;

type Ledger = Awaited<ReturnType<typeof openLedger>>;

describe.skipIf(!available)('llm-stability', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let store: Ledger;
  let work: Workplace;

  /** Runs a suite on recordings as `lastgood run` does. */
  async function run(suite: string, releaseFile: string, trials: number): Promise<SnapshotResults> {
    const assignment = await loadAssignment({
      suite: join(folder.path, `${suite}.json`),
      release: join(folder.path, releaseFile),
    });
    const { summary } = await runSuite(work, assignment, { trials });
    expect(summary.validity).toBe('valid');
    return store.results(summary.id);
  }

  /** Every recorded run as a snapshot of its own, one trial a case. */
  async function singleRuns({ file, suite, runs }: Recorded): Promise<SnapshotResults[]> {
    const snapshots: SnapshotResults[] = [];
    for (let n = 0; n < runs; n++) {
      const name = `${file}.run${n}.json`;
      await writeFile(
        join(folder.path, name),
        JSON.stringify({
          name: file,
          route: { provider: 'replay', file: `data/${file}.jsonl`, where: { run: n } },
        }),
      );
      snapshots.push(await run(suite, name, 1));
    }
    return snapshots;
  }

  /** Some runs pooled: each is one trial of the same snapshot. */
  async function pooledRuns({ file, suite }: Recorded, runs: readonly number[]): Promise<SnapshotResults> {
    const name = `${file}.runs${runs.join('-')}`;
    const lines = readFileSync(join(DATA, `${file}.jsonl`), 'utf8')
      .trim()
      .split('\n');
    const chosen = lines.filter((line) => runs.includes((JSON.parse(line) as { run: number }).run));
    await writeFile(join(folder.path, `${name}.jsonl`), `${chosen.join('\n')}\n`);
    await writeFile(
      join(folder.path, `${name}.json`),
      JSON.stringify({ name: file, route: { provider: 'replay', file: `${name}.jsonl` } }),
    );
    return run(suite, `${name}.json`, runs.length);
  }

  const compare = (a: SnapshotResults, b: SnapshotResults): Comparison =>
    compareSnapshots(a, b, { policy: resolvePolicy(undefined) });

  beforeAll(async () => {
    folder = await temporaryFolder();
    await symlink(DATA, join(folder.path, 'data'));
    await writeFile(join(folder.path, 'letter.mjs'), LETTER);
    for (const { suite, promptSet } of [NAVIGATE, DEDUCTION, MATHEMATICS])
      await writeFile(
        join(folder.path, `${suite}.json`),
        JSON.stringify({
          name: suite,
          cases: [
            {
              file: 'data/cases.jsonl',
              map: { id: 'case_id', messages: 'input.messages', expected: 'expected', tags: 'tags' },
              where: { prompt_set: promptSet },
            },
          ],
          defaults: { grade: [GRADERS[suite]] },
        }),
      );
    store = await openLedger(join(folder.path, 'lastgood.db'), { create: true });
    const never = new AbortController().signal;
    work = {
      store,
      clock: { now: () => new Date() },
      rng: new Mt19937(2410),
      env: () => undefined,
      mask: secretMask([]),
      progress: SILENT,
      prices: null,
      environment: { lastgood: 'test', node: '24', platform: 'test' },
      signal: never,
      hardSignal: never,
    };
  });
  afterAll(async () => {
    await store.close();
    await folder[Symbol.asyncDispose]();
  });

  test('unchanged runs, single trial each: no pair is regressed, and each says its p and interval', async () => {
    const regressed: Record<string, Comparison[]> = {};
    for (const recorded of FILES) {
      const snapshots = await singleRuns(recorded);
      const comparisons = snapshots.flatMap((a, i) =>
        snapshots.flatMap((b, j) => (i === j ? [] : [compare(a, b)])),
      );
      expect(comparisons).toHaveLength(recorded.runs * (recorded.runs - 1));
      // Flips there are; a rule that alarms on any of them would never be quiet.
      regressed[recorded.file] = comparisons.filter((c) => c.verdict === 'regressed');
      for (const c of comparisons) {
        expect(c.coverage.paired).toBe(snapshots[0]?.cases.length);
        expect(c.overall.p).toBeGreaterThan(0);
        expect(c.overall.interval).not.toBeNull();
        // One trial a side never convicts a single case.
        expect(c.counts.regressed).toBe(0);
      }
    }
    expect(Object.fromEntries(Object.entries(regressed).map(([file, list]) => [file, list.length]))).toEqual({
      [NAVIGATE.file]: 0,
      [TUNED.file]: 0,
      [DEDUCTION.file]: 0,
      [MATHEMATICS.file]: 0,
    });
  }, 240_000);

  test.each(FILES)(
    '$file: the first half of the runs against the second is not regressed',
    async (recorded) => {
      const half = Math.floor(recorded.runs / 2);
      const all = Array.from({ length: recorded.runs }, (_, n) => n);
      const first = await pooledRuns(recorded, all.slice(0, half));
      const second = await pooledRuns(recorded, all.slice(half));
      const comparison = compare(first, second);
      expect(comparison.overall.baselineTrialsPerCase).toBe(half);
      expect(comparison.overall.candidateTrialsPerCase).toBe(recorded.runs - half);
      expect(comparison.verdict).not.toBe('regressed');
      expect(compare(second, first).verdict).not.toBe('regressed');
    },
  );

  test('the runs have the accuracy their README states', async () => {
    for (const [recorded, least, most] of [
      [NAVIGATE, 0.96, 0.96],
      [TUNED, 0.652, 0.652],
      [DEDUCTION, 0.892, 0.9],
      [MATHEMATICS, 0.43, 0.52],
    ] as const) {
      const pooled = await pooledRuns(recorded, [0]);
      expect(pooled.summary.passRate).toBeGreaterThanOrEqual(least - 1e-9);
      expect(pooled.summary.passRate).toBeLessThanOrEqual(most + 1e-9);
    }
  });

  test('gpt-35-turbo → fine-tuned: regressed, with the collapse of the answers in the length channel', async () => {
    const before = await pooledRuns(NAVIGATE, [0]);
    const after = await pooledRuns(TUNED, [0]);
    const comparison = compare(before, after);
    expect(comparison.verdict).toBe('regressed');
    expect(comparison.baseline.passed).toBe(240);
    expect(comparison.candidate.passed).toBe(163);
    expect(comparison.flips).toEqual({ passToFail: 79, failToPass: 2, bothPass: 161, bothFail: 8 });
    expect(comparison.overall.p).toBeCloseTo(2.75e-21, 23);
    const { length } = comparison.metrics;
    expect(length.verdict).toBe('shifted');
    expect(length.baseline?.mean).toBeGreaterThan(450);
    expect(length.candidate?.mean).toBeLessThan(3);
    expect(length.change).toBeLessThan(-0.9);
  });
});
