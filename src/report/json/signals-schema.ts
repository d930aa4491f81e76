// The published shape of the JSON that `signals` prints. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';

const name = z.string().nullable().describe('null = the observations name none');
const whole = z.int().min(0);

export const signal = z.object({
  signal: z.string().describe('e.g. `errors`, `length.p95`, `cost-per-completed`, `kpi:NAME`'),
  unit: z.enum(['share', 'count', 'characters', 'tokens', 'ms', 'usd', 'distance', 'number']),
  value: z.number().nullable().describe('null = nothing is known; never 0 in its place'),
  n: whole.describe('of how many it is known'),
  of: z.enum(['observations', 'answers', 'outcomes', 'reviews', 'completed tasks', 'sample']),
  interval: z
    .tuple([z.number(), z.number()])
    .nullable()
    .describe('95%, if observations were independent; real traffic is not, so changes need a monitor'),
  error: z.number().min(0).describe('relative error of the value at most; 0 = exact'),
  lagging: z.boolean().describe('outcomes of the newest observations may still come'),
  partial: z.boolean().describe('a lower bound, because costs of some calls are unknown'),
});

export const signalsSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('signals'),
  feature: z.string(),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  beforeFrom: z.iso.datetime().describe('the time before, of the same length, ends at `from`'),
  by: z.enum(['release', 'variant', 'template', 'segment']).nullable(),
  groups: z
    .array(
      z.object({
        key: z
          .object({ release: name, variant: name, template: name, segment: name })
          .partial()
          .describe('empty = all observations'),
        observations: whole,
        signals: z.array(signal),
        before: z.array(signal).nullable(),
        servedModels: z.record(z.string(), whole),
      }),
    )
    .describe('all observations first'),
  moreGroups: whole,
  windowMs: z.int().positive(),
  windows: z.array(
    z.object({
      start: z.iso.datetime(),
      observations: whole,
      values: z.record(z.string(), z.number()).describe('signals by name, as far as they are known'),
    }),
  ),
  embedding: z.string().describe('what the embedding signals were measured with'),
});
