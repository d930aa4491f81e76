// The published figures of "How Is ChatGPT's Behavior Changing over Time?" (Chen, Zaharia, Zou 2023) from recorded outputs,
// through the command line: suite file, replay releases, run, diff.

import { existsSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Comparison, PairedDelta } from '../../src/core/index.ts';
import { json, lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';

const DATA = resolve(ROOT, '../shared/data/llmdrift');
const MODELS = ['gpt-4-0314', 'gpt-4-0613', 'gpt-3.5-turbo-0301', 'gpt-3.5-turbo-0613'] as const;
const PAIRS = ['gpt-4-0314->gpt-4-0613', 'gpt-3.5-turbo-0301->gpt-3.5-turbo-0613'] as const;

interface Counts {
  n: number;
  pass_to_fail: number;
  fail_to_pass: number;
  both_pass: number;
  both_fail: number;
  mcnemar_exact_p: number;
  mcnemar_log10_p: number;
}
interface Figures {
  versions: Record<
    string,
    {
      n: number;
      passes: number;
      strict_score?: number;
      length: { mean: number; p50: number; p95: number };
      latency_ms: { mean: number; p50: number; p95: number };
      slices?: Record<string, { n: number; passes: number }>;
    }
  >;
  pairs: Record<
    string,
    Counts & { slices?: Record<string, Counts>; strict_score?: Counts } & Record<string, unknown>
  >;
}

const figuresOf = (task: string): Figures =>
  JSON.parse(readFileSync(join(DATA, task, 'figures.json'), 'utf8')) as Figures;

/**
 * The paper's scorer as one regular expression: words are what stands between white space, commas, full stops and brackets;
 * "yes" anywhere wins over "no".
 */
const WORD = (word: string): string => String.raw`(?<![^\s,.\[])${word}(?![^\s,.\]])`;
const PAPER = String.raw`(?<![^\s,.\[])(yes|no(?![\s\S]*${WORD('yes')}))(?![^\s,.\]])`;
/** The last literal [Yes] or [No]. */
const STRICT = String.raw`\[(Yes|No)\]`;

/** The verdict LeetCode gave is a recorded label; a user's own grader looks it up. */
const LABEL_GRADER = `import { readFileSync } from 'node:fs';

const known = new Map();
function labels(model) {
  if (!known.has(model)) {
    const rows = readFileSync(new URL('data/' + model + '.jsonl', import.meta.url), 'utf8').trim().split('\\n').map((l) => JSON.parse(l));
    known.set(model, new Map(rows.map((r) => [r.case_id, r.labels])));
  }
  return known.get(model);
}

export default function accepted({ case: { id }, trial: { model }, config }) {
  const label = labels(model).get(id)?.[config.label];
  if (label === undefined) throw new Error('no label ' + config.label + ' for ' + id + ' of ' + model);
  return { score: Number(label), pass: Number(label) === 1, reason: config.label + ' is ' + label };
}
`;

async function world(folder: string, task: string, suites: Record<string, unknown>): Promise<void> {
  const { symlink } = await import('node:fs/promises');
  await mkdir(folder, { recursive: true });
  await symlink(join(DATA, task), join(folder, 'data'));
  await writeFile(join(folder, 'accepted.mjs'), LABEL_GRADER);
  for (const [name, grade] of Object.entries(suites)) {
    await writeFile(
      join(folder, `${name}.json`),
      JSON.stringify({
        name,
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
        defaults: { grade },
      }),
    );
  }
  for (const model of MODELS) {
    await writeFile(
      join(folder, `${model}.yaml`),
      `name: ${model}\nroute: { provider: replay, file: data/${model}.jsonl, model: ${model} }\n`,
    );
  }
}

/** Runs all four recordings of a suite and returns the snapshot ids. */
async function runAll(folder: string, suite: string): Promise<Record<string, string>> {
  const ids: Record<string, string> = {};
  for (const model of MODELS) {
    const run = await lastgoodHere(
      // The recordings are reached through a link that leads out of the folder.
      ['run', `${suite}.json`, '--release', `${model}.yaml`, '--json', '--quiet', '--allow-outside'],
      { cwd: folder },
    );
    expect(run.stderr).toBe('');
    expect(run.code).toBe(0);
    ids[model] = json<{ snapshot: { id: string } }>(run).snapshot.id;
  }
  return ids;
}

async function diff(folder: string, ids: Record<string, string>, pair: string): Promise<Comparison> {
  const [a, b] = pair.split('->');
  const outcome = await lastgoodHere(['diff', ids[a ?? ''] ?? '', ids[b ?? ''] ?? '', '--json', '--quiet'], {
    cwd: folder,
  });
  return json<Comparison>(outcome);
}

function expectCounts(
  c: { flips: Comparison['flips'] | null; p: number | null; log10p: number | null },
  figures: Counts,
): void {
  expect(c.flips).toEqual({
    passToFail: figures.pass_to_fail,
    failToPass: figures.fail_to_pass,
    bothPass: figures.both_pass,
    bothFail: figures.both_fail,
  });
  expect((c.p ?? Number.NaN) / figures.mcnemar_exact_p).toBeCloseTo(1, 6);
  expect(c.log10p).toBeCloseTo(figures.mcnemar_log10_p, 2);
}

const available = existsSync(DATA);
if (!available) console.log('skipped: ../shared/data/llmdrift is not there');

describe.skipIf(!available)('LLMDrift, prime', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const ids: Record<string, Record<string, string>> = {};
  const figures = available ? figuresOf('prime') : ({} as Figures);

  beforeAll(async () => {
    folder = await temporaryFolder();
    await world(folder.path, 'prime', {
      prime: [{ extract: { pattern: PAPER, pick: 'first', 'ignore-case': true } }],
      'prime-strict': [{ extract: { pattern: STRICT, pick: 'last', 'ignore-case': true } }],
    });
    ids['prime'] = await runAll(folder.path, 'prime');
    ids['prime-strict'] = await runAll(folder.path, 'prime-strict');
  }, 240_000);
  afterAll(() => folder[Symbol.asyncDispose]());

  test.each(PAIRS)('%s: accuracy, flips, exact p, lengths, slices', async (pair) => {
    const c = await diff(folder.path, ids['prime'] ?? {}, pair);
    const [a, b] = pair.split('->') as [string, string];
    const [va, vb] = [figures.versions[a], figures.versions[b]];
    expect(c.baseline.passed).toBe(va?.passes);
    expect(c.candidate.passed).toBe(vb?.passes);
    expect(c.baseline.cases).toBe(1000);
    expectCounts({ flips: c.flips, ...c.overall }, figures.pairs[pair] as Counts);
    for (const [metric, version] of [
      [c.metrics.length.baseline, va],
      [c.metrics.length.candidate, vb],
    ] as const) {
      expect(metric?.mean).toBeCloseTo(version?.length.mean ?? Number.NaN, 6);
      expect(metric?.p50).toBeCloseTo(version?.length.p50 ?? Number.NaN, 6);
      expect(metric?.p95).toBeCloseTo(version?.length.p95 ?? Number.NaN, 6);
    }
    expect(
      Math.abs((c.metrics.latencyMs.baseline?.p50 ?? 0) - (va?.latency_ms.p50 ?? Number.NaN)),
    ).toBeLessThan(0.06);
    expect(
      Math.abs((c.metrics.latencyMs.candidate?.p95 ?? 0) - (vb?.latency_ms.p95 ?? Number.NaN)),
    ).toBeLessThan(0.06);
    for (const tag of ['prime', 'composite']) {
      const slice = c.slices.find((s) => s.tag === tag);
      expect(slice?.baseline.passed).toBe(va?.slices?.[tag]?.passes);
      expect(slice?.candidate.passed).toBe(vb?.slices?.[tag]?.passes);
      expectCounts(
        { flips: slice?.flips ?? null, p: slice?.p ?? null, log10p: slice?.log10p ?? null },
        figures.pairs[pair]?.slices?.[tag] as Counts,
      );
    }
  });

  test('gpt-4: the suite regressed, the primes did, the composites improved, and the outputs collapsed', async () => {
    const c = await diff(folder.path, ids['prime'] ?? {}, PAIRS[0]);
    expect(c.verdict).toBe('regressed');
    expect(c.overall.delta).toBeCloseTo(-0.329, 10);
    expect(c.slices.find((s) => s.tag === 'prime')?.verdict).toBe('regressed');
    expect(c.slices.find((s) => s.tag === 'composite')?.verdict).toBe('improved');
    expect(c.metrics.length.verdict).toBe('shifted');
    expect(c.attribution.layersChanged).toEqual(['route']);
    const shown = c.cases.filter((d): d is PairedDelta => 'delta' in d && d.example !== undefined);
    expect(shown.length).toBeGreaterThanOrEqual(3);
    expect(
      shown.every((d) => d.example?.candidate.length !== undefined && d.example.candidate.length < 6),
    ).toBe(true);
  });

  test.each(PAIRS)('%s under the strict grader', async (pair) => {
    const c = await diff(folder.path, ids['prime-strict'] ?? {}, pair);
    expectCounts({ flips: c.flips, ...c.overall }, figures.pairs[pair]?.strict_score as Counts);
  });

  test('the text names the numbers a person quotes', async () => {
    const { 'gpt-4-0314': a, 'gpt-4-0613': b } = ids['prime'] ?? {};
    const outcome = await lastgoodHere(['diff', a ?? '', b ?? '', '--verbose'], { cwd: folder.path });
    expect(outcome.code).toBe(1);
    expect(outcome.stdout).toMatch(/REGRESSED.*84\.0 % → 51\.1 %/);
    expect(outcome.stdout).toContain('2.1e-41');
    expect(outcome.stdout).toMatch(/638\.3 mean.*3\.9 mean/);
    expect(outcome.stdout).toContain('next: lastgood rollback');
  });
});

describe.skipIf(!available)('LLMDrift, leetcode', () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const ids: Record<string, Record<string, string>> = {};
  const figures = available ? figuresOf('leetcode') : ({} as Figures);
  const labels = { leetcode: 'paper_score', 'leetcode-clean': 'accepted_after_fence_removal' } as const;

  beforeAll(async () => {
    folder = await temporaryFolder();
    await world(
      folder.path,
      'leetcode',
      Object.fromEntries(
        Object.entries(labels).map(([suite, label]) => [
          suite,
          [{ javascript: { file: 'accepted.mjs', config: { label } } }],
        ]),
      ),
    );
    for (const suite of Object.keys(labels)) ids[suite] = await runAll(folder.path, suite);
  }, 240_000);
  afterAll(() => folder[Symbol.asyncDispose]());

  test.each(PAIRS)('%s: directly accepted, flips, exact p, lengths', async (pair) => {
    const c = await diff(folder.path, ids['leetcode'] ?? {}, pair);
    const [a, b] = pair.split('->') as [string, string];
    expect(c.baseline.passed).toBe(figures.versions[a]?.passes);
    expect(c.candidate.passed).toBe(figures.versions[b]?.passes);
    expectCounts({ flips: c.flips, ...c.overall }, figures.pairs[pair] as Counts);
    expect(c.metrics.length.baseline?.mean).toBeCloseTo(figures.versions[a]?.length.mean ?? Number.NaN, 6);
    expect(c.metrics.length.candidate?.p95).toBeCloseTo(figures.versions[b]?.length.p95 ?? Number.NaN, 6);
  });

  test.each(PAIRS)('%s after the code fence is removed: another grader, another story', async (pair) => {
    const c = await diff(folder.path, ids['leetcode-clean'] ?? {}, pair);
    expectCounts(
      { flips: c.flips, ...c.overall },
      figures.pairs[pair]?.['accepted_after_fence_removal'] as Counts,
    );
    expect(c.verdict).not.toBe('regressed');
  });
});
