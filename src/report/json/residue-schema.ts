// The published shape of the JSON that `residue` prints. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';

const whole = z.int().min(0);
const period = z.object({
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  observations: whole,
  blockHours: z.int().positive().describe('length of the blocks that errors are estimated from'),
});
const value = z.object({
  value: z.number().nullable().describe('null = nothing is known'),
  n: whole.describe('of how many it is known'),
});
const change = z
  .object({ value: z.number(), interval: z.tuple([z.number(), z.number()]).describe('95%') })
  .nullable();

export const residueSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('residue'),
  feature: z.string(),
  rollback: z.iso.datetime(),
  change: z.object({
    at: z.iso.datetime(),
    release: z.string().nullable().describe('the withdrawn release; null = the time was given'),
  }),
  before: period,
  during: period,
  after: period,
  settleHours: z.number().describe('answers younger than this are left out'),
  signals: z.array(
    z.object({
      signal: z.string(),
      unit: z.enum(['share', 'number']),
      before: value,
      during: value,
      after: value,
      shift: change.describe('during minus before'),
      remaining: change.describe('after minus before'),
      margin: z.number().nullable().describe('a remaining difference up to this one counts as none'),
      state: z.enum(['not-returned', 'cannot-tell', 'returned', 'unmoved']),
      why: z.string().nullable().describe('why the data does not suffice'),
    }),
  ),
  verdict: z.enum(['returned', 'not-returned', 'cannot-tell']),
});
