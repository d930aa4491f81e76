// The published shapes of what the pages of the server answer under /api. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';
import { FLAG_OPERATORS, FLAG_TYPES, type FlagOperator } from '../../core/flag.ts';
import { rolloutSchema } from './rollout-schema.ts';
import { change, pointer, quality } from './shipping-schema.ts';
import { signalsSchema } from './signals-schema.ts';
import { timelineSchema } from './timeline-schema.ts';

const time = z.iso.datetime();
const milliseconds = z.int().describe('milliseconds since 1970, UTC');
const hash = z.string().regex(/^[0-9a-f]{64}$/);
const share = z.number().min(0).max(1);
const signature = { at: time, by: z.string(), why: z.string() };
const head = { schemaVersion: z.literal(1), environment: z.string(), at: time.describe('when it was read') };
/** Where a command prints the same kind, with less. */
const pageOnly = { ...head, environment: head.environment.optional(), at: head.at.optional() };
const feature = z.string().describe('`*` = every feature');

const stop = z.object({ feature, agent: z.string().nullable().describe('null = all agents'), ...signature });
const episode = z.object({
  id: z.string(),
  kind: z.enum(['nightly', 'monitor', 'rollout']),
  of: z.string().describe('the suite, the monitor or the feature'),
  openedAt: time,
  reason: z.string(),
});
const measured = z.object({ snapshot: z.string(), at: time }).nullable();

const featureLine = z.object({
  feature: z.string(),
  state: z.enum(['stopped', 'alert', 'unproven', 'steady']),
  reason: z.string(),
  current: pointer.nullable().describe('the release in force; null = none'),
  candidate: pointer.nullable(),
  quality: quality.nullable().describe('of the release in force'),
  lastGood: z
    .object({
      ...{ release: z.string(), fingerprint: hash, suite: z.string(), snapshot: z.string(), at: time },
      passRate: share.nullable(),
    })
    .nullable(),
  episodes: z.array(episode),
  stops: z.array(stop),
  pendingApprovals: z.int().min(0),
  rollout: rolloutSchema
    .pick({ id: true, status: true, percent: true, stage: true, since: true })
    .extend({ stages: z.int().min(1) })
    .nullable()
    .describe('the newest; null = none was started'),
});

export const overviewSchema = z.object({
  ...head,
  kind: z.literal('overview'),
  features: z.array(featureLine),
  suites: z
    .array(
      z.object({
        suite: z.string(),
        lastValid: measured,
        baseline: measured,
        episodes: z.array(episode),
      }),
    )
    .describe('suites of no release in force'),
});

export const featureSchema = z.object({
  ...head,
  kind: z.literal('feature'),
  overview: featureLine,
  signals: signalsSchema
    .omit({ schemaVersion: true, kind: true })
    .nullable()
    .describe('as `lastgood signals` prints them; null = no observations'),
  changes: z.array(change).describe('oldest first'),
  events: z
    .array(
      z.object({
        kind: z.string(),
        at: time,
        text: z.string(),
        ref: z.string().optional(),
        suite: z.string().nullable().describe('null = every suite'),
      }),
    )
    .describe('oldest first'),
  timeline: timelineSchema.nullable().describe('as `lastgood timeline` prints it; null = no observations'),
});

const action = {
  feature: z.string(),
  environment: z.string(),
  agent: z.string().nullable(),
  action: z.string(),
  key: z.string(),
  impact: z.number().nullable(),
  at: milliseconds,
};
const approval = z.object({
  ...action,
  id: z.string(),
  above: z.number().nullable().describe('the threshold; null = every action needs a person'),
  state: z.enum(['pending', 'granted', 'denied', 'used', 'expired']),
  answer: z.object({ by: z.string(), why: z.string(), at: milliseconds }).nullable(),
});
const decision = z.object({
  ...action,
  no: z.int().min(1),
  outcome: z.enum([
    'allowed',
    'dry-run',
    'stopped',
    'rate-limited',
    'approval-pending',
    'approval-denied',
    'unreachable',
  ]),
  reason: z.string(),
  approval: z.string().nullable(),
  succeeded: z.boolean().nullable().describe('null = the agent did not say'),
});

export const guardSchema = z.object({
  ...head,
  kind: z.literal('guard'),
  features: z.array(z.string()),
  stops: z.array(stop),
  pending: z.array(approval).describe('newest first'),
  answered: z.array(approval),
  decisions: z.array(decision).describe('newest first'),
});

const value = z.union([z.string(), z.number(), z.boolean()]);
const operators = Object.keys(FLAG_OPERATORS) as [FlagOperator, ...FlagOperator[]];
const flagShape = {
  ...signature,
  key: z.string(),
  feature,
  environment: z.string(),
  no: z.int().min(1).describe('place in the log; send it as `seen` with a change'),
  type: z.enum(FLAG_TYPES),
  value: value.describe('where no rule gives another'),
  rules: z
    .array(
      z.object({
        when: z.array(
          z.object({ property: z.string(), operator: z.enum(operators), values: z.array(value) }),
        ),
        percent: z.number().min(0).max(100).nullable().describe('of the targeting keys; null = all'),
        value,
      }),
    )
    .describe('the first that fits decides'),
};

/** Of `flag list` too, which has only the flags. */
export const flagsSchema = z.object({
  ...pageOnly,
  kind: z.literal('flags'),
  generation: z.int().min(0).optional().describe('of the command: place in the log of the newest change'),
  features: z.array(z.string()).optional(),
  flags: z.array(z.object(flagShape)),
  changes: z.array(change).optional().describe('oldest first'),
});

/** Of `rollout step` without a feature too, which has only the rollouts that it stepped. */
export const rolloutsSchema = z.object({
  ...pageOnly,
  kind: z.literal('rollouts'),
  rollouts: z.array(rolloutSchema).describe('the newest of each feature'),
  others: z.array(z.string()).optional().describe('features without a rollout'),
});

export const sessionSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('session'),
  environment: z.string(),
  token: z.string().nullable().describe('name of the token; null = the server needs none'),
  operates: z.boolean().describe('may act'),
  csrf: z
    .string()
    .nullable()
    .describe('counts once, as X-CSRF-Token or in the body; null = the request had no session'),
});

const csrf = z.string().describe('for the next action');
const said = { schemaVersion: z.literal(1), csrf };

/** What an action of a page answers. */
export const pageActionSchema = z.union([
  z.object({
    ...said,
    ...signature,
    kind: z.literal('stop'),
    feature,
    environment: z.string(),
    agent: z.string().nullable(),
    stopped: z.boolean(),
    stillStopped: z.string().nullable().describe('why it is stopped nevertheless'),
  }),
  approval.extend({ ...said, kind: z.literal('approval') }),
  z.object({ ...said, ...flagShape, kind: z.literal('flag') }),
  rolloutSchema.extend({ csrf }),
  z.object({ schemaVersion: z.literal(1), kind: z.literal('signed-out') }),
]);

/** What is answered in the place of anything else. */
export const apiErrorSchema = z.object({
  error: z.object({
    code: z.string().optional().describe('see docs/errors.md'),
    message: z.string(),
    hint: z.string().optional(),
  }),
});
