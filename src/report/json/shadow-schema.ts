// The published shape of the JSON that `shadow` prints. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';

const whole = z.int().min(0);
const distance = z.number().min(0).max(1).describe('0 = alike, 1 = nothing in common');
const form = z.enum(['empty', 'json', 'code', 'table', 'list', 'headings', 'text']);
const release = z.object({ name: z.string(), fingerprint: z.string() });
const cost = z.object({
  perCallUsd: z.number().nullable().describe('null = not known for at least one answer'),
  latencyMs: z.number().nullable().describe('median; null = not known'),
});
const difference = {
  pairs: whole.describe('questions that both sides answered'),
  changed: whole.describe('answers that are not word for word the same'),
  distance: z.object({ mean: distance, p50: distance, p95: distance }),
  length: z.object({
    baseline: z.number().min(0).describe('median characters'),
    candidate: z.number().min(0),
    ratio: z.number().min(0).nullable().describe('median of candidate / baseline'),
  }),
  form: z.object({ changed: whole, moves: z.array(z.object({ from: form, to: form, n: whole })) }),
  refusals: z.object({ baseline: whole, candidate: whole }),
  tools: whole.describe('answers that call other tools'),
};

/** `comparison` is the published comparison. */
export const shadowSchema = <C extends z.ZodType>(comparison: C) =>
  z.object({
    schemaVersion: z.literal(1),
    kind: z.literal('shadow'),
    feature: z.string(),
    release: release.describe('the candidate'),
    against: release.nullable().describe('null = what users got'),
    sample: z.object({
      from: z.iso.datetime(),
      to: z.iso.datetime(),
      observations: whole,
      withoutQuestion: whole.describe('stored by numbers only, or sent without a question'),
      drawn: whole,
      questions: whole.describe('different ones: one case each'),
      noise: z
        .object({ pairs: whole, distance })
        .nullable()
        .describe('how much one release differs from itself in production; null = too few pairs'),
    }),
    snapshots: z.object({
      baseline: z.string(),
      candidate: z.string().nullable().describe('null = it was not begun'),
    }),
    stoppedBy: z.string().nullable(),
    unpaired: z.object({ candidateFailed: whole, candidateNotAsked: whole, baselineWithout: whole }),
    embedding: z.string(),
    difference: z.object(difference).nullable().describe('null = no pair'),
    groups: z
      .array(z.object({ by: z.enum(['template', 'segment', 'tag']), value: z.string(), ...difference }))
      .describe('most different first; groups of fewer than five pairs are left out'),
    cost: z.object({
      baseline: cost,
      candidate: cost,
      candidateUsd: z.number().nullable().describe('of this run'),
    }),
    preference: z
      .object({
        better: whole,
        worse: whole,
        tie: whole,
        inconsistent: whole.describe('turned with the order of the two answers'),
        ungraded: whole,
        p: z.number().min(0).max(1),
        verdict: z.enum(['better', 'worse', 'no difference shown', 'invalid']),
        judgeCalls: whole,
      })
      .nullable()
      .describe('null = no judge was asked'),
    comparison: comparison.nullable().describe('null = no grader applies to every input'),
    graders: z.array(z.string()),
    next: z.string().nullable().describe('the command that continues a stopped run'),
  });
