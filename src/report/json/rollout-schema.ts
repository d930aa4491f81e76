// The published shape of the JSON that `rollout status` and `rollout step` print. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';
import { GATE_ACTIONS } from '../../core/ticket.ts';

const when = z.iso.datetime();
const share = z.number().min(0).max(100);
const release = z.object({ release: z.string(), fingerprint: z.string().regex(/^[0-9a-f]{64}$/) });
const arm = z.object({ n: z.number().min(0), value: z.number().nullable().describe('null = not known') });
const calls = z.object({ candidate: z.int().min(0), control: z.int().min(0) });

const armSinceStart = z.object({
  n: z.number().min(0),
  value: z.number().nullable().describe('null = not known'),
  interval: z
    .tuple([z.number(), z.number()])
    .nullable()
    .describe('95% at every time, if answers are independent; null = not a share, or nothing seen'),
});

const gate = z.object({
  signal: z.string(),
  rule: z.string(),
  action: z.enum(GATE_ACTIONS),
  literal: z
    .enum(['green', 'red', 'collecting', 'no-control'])
    .describe('the rule of the ticket as it is written; collecting = fewer seen than it asks for'),
  unit: z.enum(['share', 'number']),
  candidate: arm,
  control: arm,
  evidence: z
    .number()
    .nullable()
    .describe('log10 of the e-value, adjusted for all gates; null = no test, the rule decides'),
  fired: z.boolean(),
  limit: z
    .number()
    .nullable()
    .describe('of a quantile: shares are those of the values above it; null = another signal'),
  sinceStart: z
    .object({ candidate: armSinceStart, control: armSinceStart, difference: armSinceStart.omit({ n: true }) })
    .describe('all that was counted since the start; difference: candidate minus control'),
});

export const rolloutSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('rollout'),
  id: z.string(),
  feature: z.string(),
  environment: z.string(),
  status: z.enum(['running', 'paused', 'frozen', 'complete', 'promoted', 'rolled-back', 'aborted']),
  reason: z.string(),
  since: when,
  by: z.string(),
  control: release,
  candidate: release,
  percent: share.describe('what `ai.rollout.percent` is set to'),
  stage: z.int().min(0).describe('index of the stage'),
  stages: z.array(
    z.object({
      percent: share,
      forMs: z.number().nullable(),
      sample: z.int().nullable(),
    }),
  ),
  greenMs: z.number().min(0).describe('time that counts for the stage'),
  calls: calls.describe('in this stage'),
  callsSinceStart: calls,
  holds: z.string().nullable().describe('why the stage does not end now'),
  gates: z.array(gate),
  needed: z.number().describe('evidence at which a gate acts, as log10'),
  lookedAt: when.nullable(),
  looks: z.int().min(0),
  disabled: z.array(z.string()).describe('segments that get the control'),
  waived: z.array(z.object({ condition: z.string(), detail: z.string(), by: z.string(), why: z.string() })),
  pending: z.array(z.string()).describe('decided but not done yet; the next step does it'),
  history: z.array(z.object({ at: when, by: z.string(), what: z.string() })),
});
