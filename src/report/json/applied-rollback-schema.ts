// The published shape of the JSON that `rollback --apply` and `rollback status` print, and of a dry run's plan. A field may be added, none is renamed or removed.

import { z } from 'zod';
import { APPLIED_STATUSES } from '../../core/applied-rollback.ts';

const when = z.iso.datetime();
const share = z.number().min(0).max(100);
const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);
const release = z.object({ release: z.string(), fingerprint });
const target = z.object({
  ...release.shape,
  hybrid: z.boolean(),
  layersRestored: z.array(z.string()),
  snapshot: z.string().describe('the run that proved it'),
  decidedAt: when,
  simulated: z.boolean().describe('proven on a simulator, not on its provider'),
});
const stage = z.object({ percent: share, forMs: z.number().min(0) });
const value = z.number().nullable().describe('null = not known');
const moved = {
  signal: z.string(),
  kind: z
    .enum(['share', 'mean', 'above'])
    .describe('above = the share of values above `limit`, for quantiles'),
  limit: z.number().nullable(),
  source: z.enum(['release', 'timeline', 'monitor', 'named']).describe('who says that it moved'),
  usual: value,
  during: value.describe('during the incident'),
};
const unwatched = z.array(z.object({ signal: z.string(), why: z.string() }));
const arm = z.object({ n: z.number().min(0), value });

export const appliedRollbackSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('applied-rollback'),
  id: z.string(),
  feature: z.string(),
  environment: z.string(),
  suite: z.string(),
  status: z
    .enum(APPLIED_STATUSES)
    .describe(
      'held = stopped until a person decides; in-force = everybody has the target, recovery was not shown',
    ),
  code: z.string().nullable().describe('why it stands still'),
  reason: z.string(),
  since: when,
  by: z.string(),
  replaced: release,
  target,
  percent: share.describe('of the traffic that gets the target'),
  stage: z.int().min(0).describe('index of the stage'),
  stages: z.array(stage),
  heardMs: z.number().min(0).describe('time of the stage with answers of the target'),
  answers: z.object({
    target: z.int().min(0),
    replaced: z.int().min(0),
    unnamed: z.int().min(0).describe('answers that name no release'),
  }),
  signals: z.array(
    z.object({
      ...moved,
      target: arm,
      replaced: arm,
      needed: value.describe('the target must be shown to be on the good side of it'),
      state: z.enum(['back', 'not-back', 'cannot-tell']),
    }),
  ),
  unwatched: unwatched.describe('signals that moved and cannot be watched'),
  holds: z.string().nullable().describe('why the stage does not end now'),
  flags: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  pending: z.array(z.string()).describe('decided but not done yet; the next step does it'),
  lookedAt: when.nullable(),
  history: z.array(z.object({ at: when, by: z.string(), what: z.string() })),
  next: z.string().nullable().describe('command to run next'),
});

export const rollbackPlanSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('rollback-plan'),
  feature: z.string(),
  environment: z.string(),
  suite: z.string(),
  replaced: release,
  target: target.nullable().describe('null = no verified target is known'),
  changes: z
    .array(z.object({ stage: z.int().min(0), place: z.string(), from: z.string(), to: z.string() }))
    .describe('what would be set, in order'),
  stages: z.array(stage),
  watched: z.array(z.object(moved)),
  unwatched,
  refusals: z.array(z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() })),
  notes: z.array(z.string()),
});
