// The published shape of the JSON that `decisions` prints. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';

const whole = z.int().min(0);
const share = z.number().min(0).max(1);
const mark = z.enum(['reviewed', 'corrected', 'reversed']);

const decision = z.object({
  id: z.string().describe('as it is stored: redacted and masked'),
  at: z.iso.datetime(),
  release: z.string(),
  template: z.string().nullable(),
  segment: z.string().nullable(),
  actionMode: z.string().nullable(),
  toolCalls: whole.nullable().describe('null = not known'),
  tools: z.array(z.string()).nullable().describe('null where the texts are not stored'),
  output: z.string().nullable().describe('null where the texts are not stored'),
  outcome: z
    .object({
      edited: share.optional(),
      flags: z.record(z.string(), z.boolean()),
      review: z.enum(['accepted', 'rejected']).optional(),
      kpi: z.record(z.string(), z.number()),
      scores: z.record(z.string(), share),
    })
    .nullable(),
  marks: z
    .array(z.object({ mark, by: z.string(), why: z.string(), at: z.iso.datetime() }))
    .describe('oldest first; the newest one counts'),
});

export const decisionsSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('decisions'),
  feature: z.string(),
  asked: z.string(),
  releases: z.array(z.string()).describe('names under which observations of this release were sent'),
  from: z.iso.datetime(),
  to: z.iso.datetime(),
  counts: z.object({
    observations: whole.describe('answers of the release that are stored'),
    decisions: whole,
    unmarked: whole,
    byMark: z.object({ reviewed: whole, corrected: whole, reversed: whole }),
    byMode: z.record(z.string(), whole),
  }),
  removed: whole.describe('answers of the release that were removed: their decisions are not known'),
  crowded: whole.describe('answers of the same time whose release is filed under `(other)`'),
  unnamed: whole.describe('answers of the same time that name no release'),
  decisions: z.array(decision).describe('oldest first'),
  more: whole.describe('decisions that the list leaves out'),
});
