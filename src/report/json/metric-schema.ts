// The published shape of channels and contrasts inside a comparison.

import { z } from 'zod';

export const share = z.number().min(0).max(1);
export const interval = z.tuple([z.number(), z.number()]).describe('[lower, upper]');

/** Beside every `reason` and `message`. */
export const words = z
  .string()
  .optional()
  .describe('the same without its statistics; absent when it has none');

const metricVerdict = z.enum(['shifted', 'unchanged', 'not-tested', 'unavailable']);
const distribution = z
  .object({ n: z.int(), mean: z.number(), p50: z.number(), p95: z.number() })
  .nullable()
  .describe('null = not measured');
const metric = z.object({
  unit: z.string(),
  baseline: distribution,
  candidate: distribution,
  verdict: metricVerdict,
  reason: z.string(),
  words,
  p: share.nullable(),
  change: z.number().nullable().describe('relative: 0.25 = a quarter more'),
  interval: interval.nullable(),
});
const rateMetric = z.object({
  unit: z.literal('share'),
  baseline: share.nullable(),
  candidate: share.nullable(),
  verdict: metricVerdict,
  reason: z.string(),
  words,
  p: share.nullable(),
});

const contrast = z
  .object({
    delta: z.number().min(-1).max(1),
    interval,
    p: share,
    cases: z.int().min(0).describe('cases it was measured on'),
  })
  .nullable();
export const contrasts = z.object({
  change: contrast.describe(
    "candidate against the baseline's release: run today where a control was run, else against its stored runs; p one-sided, of a drop",
  ),
  world: contrast.describe(
    "the baseline's release today against its stored runs; p two-sided; null = not run today",
  ),
  worldCases: z.array(z.string()).describe("cases in which the baseline's release itself fails today"),
});
export const betweenRuns = z
  .object({
    runs: z.int().min(0),
    sd: z.number().min(0).describe('of a run, on the logit scale'),
    correlation: z.number().describe('of two runs a day apart'),
    prior: z.object({ sd: z.number(), weight: z.number().describe('worth so many runs') }),
  })
  .nullable();

export const pool = z.object({
  runs: z.array(z.string()).min(1).describe('snapshots that count as the baseline: itself first'),
  ownPassRate: share
    .nullable()
    .describe("of the baseline's own run over the compared cases; baseline.passRate is that of all runs"),
  leftOut: z
    .array(z.object({ snapshot: z.string(), reason: z.string() }))
    .describe("runs of the baseline's release that do not count"),
});

const bothArms = z.object({ baseline: z.int().min(0), candidate: z.int().min(0) });
const embeddingMetric = z.object({
  verdict: metricVerdict.describe('not-tested = the policy does not ask for the channel'),
  reason: z.string(),
  words,
  p: share.nullable(),
  shift: z.number().min(0).nullable().describe('common movement of the unit vectors, noise taken off'),
  floor: z.number(),
  centroidCosine: z.number().min(-1).max(1).nullable(),
  dispersionRatio: z.number().min(0).nullable().describe('null with one trial a case'),
  mmd: z.number().nullable().describe('squared, unbiased; null with one trial a case'),
  embedder: z.string().nullable().describe("fingerprint of the embedder's release"),
  dimension: z.int().nullable(),
  cases: z.int().min(0),
  n: bothArms.describe('answers with a vector'),
  missing: bothArms.describe('answers without one'),
});

export const metrics = z.object({
  length: metric,
  latencyMs: metric,
  costUsd: metric,
  refusalRate: rateMetric,
  embedding: embeddingMetric,
  score: metric.optional().describe('graded quality apart from pass or fail; change in score, not relative'),
});
