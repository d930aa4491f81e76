// The published shape of the JSON that `monitor` prints. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';

const time = z.iso.datetime();
const outcome = z.enum(['quiet', 'drift', 'cannot-tell']);
const group = z.string().nullable().describe('template or segment; null = the observations name none');
const range = z.tuple([z.number(), z.number()]);

const monitor = z.object({
  name: z.string(),
  signal: z.string(),
  by: z.enum(['template', 'segment']).describe('what is compared with its own kind'),
  segment: z.string().nullable().describe('only this segment is watched; null = all'),
  windowHours: z.number(),
  reference: z.object({ from: z.iso.date(), to: z.iso.date().describe('included') }),
  change: z.object({
    kind: z.enum(['points', 'ratio']),
    value: z.number().describe('smallest change that matters: 0.05 is 5 points, or 5%'),
  }),
  direction: z.enum(['up', 'down', 'both']),
  action: z.enum(['warn', 'alert']),
  outcome,
  reason: z
    .enum(['reference', 'gap', 'not-begun', 'blunt', 'other-base'])
    .nullable()
    .describe('why it cannot tell'),
  unit: z
    .enum(['share', 'tail', 'score', 'characters', 'ms', 'tokens', 'usd', 'number'])
    .describe('of all levels; tail = share of answers above the p95 of the reference'),
  level: z.number().nullable().describe('of the reference'),
  recent: z
    .object({ value: z.number(), interval: range })
    .nullable()
    .describe('last 7 days within templates at the mix of the reference, with a 90% interval'),
  through: time.nullable().describe('end of the last judged window'),
  answers: z.int().min(0).nullable().describe('of the last judged window'),
  drift: z
    .object({
      chart: z.string(),
      group: group.describe('template or segment that drifted alone; null = all together'),
      openedAt: time.describe('end of the window that showed it'),
      since: z.object({ earliest: time, best: time, latest: time }).nullable(),
      from: z.number(),
      to: z.number().nullable(),
      interval: range.nullable().describe('90% interval of `to`'),
      affected: z.array(z.object({ group, from: z.number(), to: z.number() })),
    })
    .nullable(),
  mix: z
    .object({
      from: z.number(),
      to: z.number().describe('what the mix of the last 7 days alone makes of the reference'),
      shares: z.array(z.object({ group, from: z.number(), to: z.number() })),
    })
    .nullable(),
  unseen: z
    .array(
      z.object({
        group,
        answers: z.int().min(0),
        level: z.number(),
        comparedWith: z.number(),
        worse: z.boolean(),
      }),
    )
    .describe('templates or segments that the reference does not know'),
  episode: z
    .object({
      id: z.string(),
      status: z.enum(['open', 'recovered', 'superseded']),
      event: z.enum(['opened', 'still', 'recovered', 'superseded']).describe('what this check did to it'),
      openedAt: time,
      endedAt: time.nullable(),
    })
    .nullable(),
  earlier: z.array(z.object({ openedAt: time, recoveredAt: time })),
  sees: range
    .nullable()
    .describe('levels beyond which a change that stays is found within 28 days, 4 times in 5'),
  delayDays: z
    .object({ up: z.number().nullable(), down: z.number().nullable() })
    .nullable()
    .describe('until a change of the size `change` is found 4 times in 5; null = not within 28 days'),
});

export const monitorReportSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('monitor'),
  feature: z.string(),
  file: z.string(),
  at: time.describe('the time that was judged'),
  outcome: outcome.describe('the worst of the monitors; exit code 1, 3 or 0'),
  monitors: z.array(monitor),
  calibration: z.object({ at: time, fresh: z.boolean() }).nullable(),
  recorded: z
    .boolean()
    .describe('false = a later time was judged before, or a dry run; nothing was kept or posted'),
  dryRun: z.boolean().optional(),
  alerts: z.array(
    z.object({
      id: z.string(),
      event: z.string(),
      at: time,
      delivered: z.boolean(),
      lastError: z.string().nullable(),
    }),
  ),
  webhook: z.boolean(),
});
