// The published shape of the JSON that `timeline` prints. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';
import { TIMELINE_SOURCES } from '../../core/timeline.ts';

const time = z.iso.datetime();
const UNITS = ['share', 'count', 'characters', 'tokens', 'ms', 'usd', 'distance', 'number'] as const;

const move = z.object({
  signal: z.string(),
  unit: z.enum([...UNITS, 'score']),
  from: z.number().describe('usual level, within templates at the usual mix; a p95 is that of all answers'),
  to: z.number(),
  earliest: time.describe('the change began between this'),
  latest: time.describe('and this'),
  until: time.nullable().describe('null = it lasts until the end of the timeline'),
  answers: z.int().min(0),
  templates: z
    .array(z.object({ template: z.string().nullable(), from: z.number(), to: z.number() }))
    .describe('values before and in the stretch, largest change first; not proven one by one'),
});

export const timelineSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('timeline'),
  feature: z.string(),
  from: time,
  to: time,
  observations: z.int().min(0),
  items: z
    .array(
      z.object({
        at: time,
        source: z.enum(TIMELINE_SOURCES),
        kind: z.string().describe('e.g. `moved`, `back`, `first seen`, `provider-notice`, `drift opened`'),
        text: z.string(),
        ref: z.string().nullable(),
        move: move.nullable(),
      }),
    )
    .describe('oldest first'),
  order: z
    .array(
      z.object({
        signal: z.string(),
        at: time,
        uncertain: z.boolean().describe('may have moved before the signal that is listed before it'),
      }),
    )
    .describe('first move of each signal, the earliest first'),
  before: z
    .array(z.int().min(0))
    .describe('places in `items`: events, releases and models of the day before the first move'),
  usualSince: time.nullable().describe('usual levels are those from here to `from`; null = too few days'),
  judged: z.array(z.object({ signal: z.string(), windowHours: z.number() })),
  unjudged: z.array(z.object({ signal: z.string(), why: z.enum(['history', 'few-answers', 'other-base']) })),
  starts: z.array(time).describe('of the windows of `series`'),
  series: z.array(
    z.object({
      signal: z.string(),
      unit: z.enum(UNITS),
      values: z.array(z.number().nullable()).describe('null = not known'),
    }),
  ),
});
