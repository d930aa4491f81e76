// What a suite file may say under `policy`.

import { z } from 'zod';

const probability = z.number().gt(0).lt(1);
const rate = z.number().min(0).max(1);

/** The `policy` part of a suite file, all keys optional. Meaning and defaults are explained in docs/statistics.md. */
export const policySchema = z.strictObject({
  margin: probability
    .optional()
    .describe('largest drop in pass rate that is still "unchanged" (default 0.05)'),
  confidence: probability.optional().describe('confidence of the interval shown and gated on (default 0.90)'),
  'min-pass-rate': rate.optional().describe('floor for the pass rate of the whole suite'),
  tags: z
    .record(z.string(), z.strictObject({ 'min-pass-rate': rate }))
    .optional()
    .describe('floors per tag'),
  alpha: z
    .strictObject({
      aggregate: probability.optional().describe('suite and categories together (default 0.04)'),
      case: probability.optional().describe('single confirmed cases together (default 0.01)'),
      list: probability.optional().describe('false discovery rate of the list of cases (default 0.10)'),
    })
    .optional(),
  'require-margin': z
    .boolean()
    .optional()
    .describe(
      'red needs effect as well as evidence: a detectable drop whose whole interval lies within the margin, with no confirmed case, is a warning (default true)',
    ),
  'session-sd': z
    .number()
    .gt(0)
    .lt(3)
    .optional()
    .describe(
      'standard deviation of a whole run on the logit scale, assumed before any run was seen and worth four runs (default 0.2)',
    ),
  undecided: z
    .enum(['pass-if-sensitive', 'fail', 'pass'])
    .optional()
    .describe(
      'what an undecided comparison does: pass when nothing looks worse and a drop of `sensitivity` would have been seen (default), fail, or pass',
    ),
  sensitivity: probability
    .optional()
    .describe(
      'drop in pass rate that must have been visible 4 times in 5 for `pass-if-sensitive` (default 0.10)',
    ),
  'score-margin': probability
    .optional()
    .describe('largest fall of the mean score that is still no change (default 0.05)'),
  tier: z
    .enum(['smoke', 'std', 'deep', 'ladder'])
    .optional()
    .describe(
      'default tier of `compare`; `ladder` goes up from smoke over std to deep only while the answer is open, also in `check` (default std)',
    ),
  'app-error': z
    .enum(['missing', 'fail'])
    .optional()
    .describe('how an error of your own application counts: as missing (default) or as a failed trial'),
  'max-missing': rate
    .optional()
    .describe('share of missing trials above which the verdict must survive both extremes (default 0.02)'),
  'max-invalid': rate
    .optional()
    .describe('share of trials lost to the infrastructure that makes a snapshot invalid (default 0.30)'),
  rollback: z
    .strictObject({
      'max-cost-ratio': z
        .number()
        .gt(0)
        .optional()
        .describe(
          'most that an answer of a rollback target may cost, as a multiple of the last good release',
        ),
      'max-latency-ratio': z
        .number()
        .gt(0)
        .optional()
        .describe('longest median latency of a rollback target, as a multiple of the last good release'),
    })
    .optional()
    .describe('what a verified rollback target must keep to (default: cost and latency are shown only)'),
  channels: z
    .strictObject({
      length: z.enum(['warn', 'fail', 'off']).optional(),
      latency: z.enum(['warn', 'fail', 'off']).optional(),
      cost: z.enum(['warn', 'fail', 'off']).optional(),
      embedding: z.enum(['warn', 'fail', 'off']).optional(),
      score: z.enum(['warn', 'fail', 'off']).optional(),
    })
    .optional()
    .describe(
      "what a shift in a secondary channel does (default warn; embedding: off, because it embeds every answer with the suite's `embedder`)",
    ),
});
