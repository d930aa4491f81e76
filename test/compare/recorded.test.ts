// Real recorded outputs of four models on 1000 primality questions, against the published figures.

import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { codePointLength } from '../../src/base/text.ts';
import { compareSnapshots } from '../../src/compare/index.ts';
import type { CaseSketch } from './world.ts';
import { options, snapshot } from './world.ts';

const folder = new URL('../../../shared/data/llmdrift/prime/', import.meta.url);
const present = existsSync(folder);
if (!present) console.log('skipped: ../shared/data/llmdrift is not here');

interface Row {
  readonly case_id: string;
  readonly output: string;
  readonly latency_ms: number;
  readonly tags: readonly string[];
  readonly labels: { readonly paper_score: number };
}

function recorded(model: string): CaseSketch[] {
  const lines = readFileSync(new URL(`${model}.jsonl`, folder), 'utf8')
    .trim()
    .split('\n');
  return lines.map((line) => {
    const row = JSON.parse(line) as Row;
    return {
      id: row.case_id,
      trials: row.labels.paper_score === 1 ? 'p' : 'f',
      tags: row.tags,
      lengths: [codePointLength(row.output)],
      latencies: [row.latency_ms],
    };
  });
}

describe.skipIf(!present)('gpt-4 between March and June 2023', () => {
  const figures = present
    ? (JSON.parse(readFileSync(new URL('figures.json', folder), 'utf8')) as {
        versions: Record<string, { passes: number; length: { mean: number; p50: number; p95: number } }>;
        pairs: Record<
          string,
          { mcnemar_exact_p: number; mcnemar_log10_p: number; pass_to_fail: number; fail_to_pass: number }
        >;
      })
    : { versions: {}, pairs: {} };

  it.each([
    ['gpt-4-0314', 'gpt-4-0613', 'prime'],
    // Better on the whole, and yet a tag broke.
    ['gpt-3.5-turbo-0301', 'gpt-3.5-turbo-0613', 'composite'],
  ])('%s → %s regressed on the published numbers; worst in %s', (before, after, worst) => {
    const comparison = compareSnapshots(
      snapshot(before, recorded(before)),
      snapshot(after, recorded(after)),
      options(),
    );
    const pair = figures.pairs[`${before}->${after}`];
    expect(comparison.verdict).toBe('regressed');
    for (const slice of comparison.slices)
      expect(slice.verdict).toBe(slice.tag === worst ? 'regressed' : 'improved');
    expect(comparison.flips.passToFail).toBe(pair?.pass_to_fail);
    expect(comparison.flips.failToPass).toBe(pair?.fail_to_pass);
    expect((comparison.overall.p ?? 0) / (pair?.mcnemar_exact_p ?? 1)).toBeCloseTo(1, 9);
    expect(comparison.overall.log10p).toBeCloseTo(pair?.mcnemar_log10_p ?? 0, 3);
    for (const [arm, model] of [
      [comparison.metrics.length.baseline, before],
      [comparison.metrics.length.candidate, after],
    ] as const) {
      expect(arm?.mean).toBeCloseTo(figures.versions[model]?.length.mean ?? 0, 6);
      expect(arm?.p50).toBeCloseTo(figures.versions[model]?.length.p50 ?? 0, 6);
      expect(arm?.p95).toBeCloseTo(figures.versions[model]?.length.p95 ?? 0, 6);
    }
    // The typical answer collapsed from 528 characters to 4 in the one pair; in the other only the longest ones grew.
    expect(comparison.metrics.length.verdict).toBe(worst === 'prime' ? 'shifted' : 'unchanged');
  });
});
