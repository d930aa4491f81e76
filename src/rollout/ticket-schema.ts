// What a release ticket may say: features/FEATURE.yaml. Texts such as `200 calls` or `1%` become numbers here.

import { z } from 'zod';
import { monitorsSchema } from '../core/monitor-schema.ts';
import { LAYER_NAMES } from '../core/release.ts';
import {
  ASSIGNED_UNITS,
  AUTHORITIES,
  CUSTOMER_MESSAGES,
  type FlagValues,
  GATE_ACTIONS,
  GATE_SIGNALS,
} from '../core/ticket.ts';
import { flagProblem } from './flag-values.ts';

const UNIT_MS = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const text = z.string().min(1);

const duration = z
  .string()
  .regex(/^\d+(\.\d+)?\s*[smhd]$/, 'a duration with its unit, such as 30m or 24h')
  .transform((t) => Number.parseFloat(t) * UNIT_MS[t.trim().at(-1) as keyof typeof UNIT_MS])
  .describe('a duration with its unit: s, m, h or d');

const share = z
  .string()
  .regex(/^\d+(\.\d+)?\s*%$/, 'a percentage, such as 1%')
  .transform((t) => Number.parseFloat(t) / 100)
  .refine((s) => s <= 1, 'at most 100%')
  .describe('a percentage, such as 0.2%');

const points = z
  .string()
  .regex(/^\d+(\.\d+)?\s*points?$/, 'percentage points, such as 5 points')
  .transform((t) => Number.parseFloat(t) / 100)
  .refine((s) => s > 0 && s <= 1, 'more than 0 and at most 100 points')
  .describe('percentage points, such as 5 points');

const sample = z
  .string()
  .regex(/^[1-9]\d*\s+[a-z]+$/, 'a number and what is counted, such as 200 calls')
  .transform((t) => {
    const [count = '', unit = ''] = t.split(/\s+/);
    return { count: Number(count), unit };
  })
  .describe('the newest so many, such as 200 calls');

const reference = z
  .string()
  .regex(
    /^(control|control-7d|approved\s+\d+(\.\d+)?\s+USD)$/,
    'control, control-7d or an approved price such as approved 0.012 USD',
  )
  .transform((t) =>
    t.startsWith('approved') ? { approvedUsd: Number(t.split(/\s+/)[1]) } : (t as 'control' | 'control-7d'),
  );

/** Values of the six flags are checked; those of the team's own are any scalar. */
const flagValues = z
  .record(text, z.union([z.string(), z.number(), z.boolean()]))
  .superRefine((flags, context) => {
    for (const [flag, value] of Object.entries(flags)) {
      const message = flagProblem(flag, value);
      if (message !== null) context.addIssue({ code: 'custom', path: [flag], message, input: value });
    }
  })
  .describe('values of flags: the six `ai.*` flags and the team’s own') as z.ZodType<FlagValues>;

const signal = text.superRefine((name, context) => {
  const known = (GATE_SIGNALS as readonly string[]).includes(name) || /^(kpi|judge-score):.+$/.test(name);
  if (!known)
    context.addIssue({
      code: 'custom',
      message: `a signal: ${GATE_SIGNALS.join(', ')}, kpi:NAME or judge-score:NAME`,
      input: name,
    });
});

const gate = z
  .strictObject({
    signal,
    over: sample.optional(),
    for: duration.optional(),
    above: share.optional(),
    'while-control-below': share.optional(),
    times: z.number().gt(1).optional().describe('so many times what `of` names'),
    of: reference.optional(),
    'worse-by': points.optional(),
    count: z.number().int().positive().optional().describe('so many in the stage'),
    // biome-ignore lint/suspicious/noThenProperty: the ticket's own word; its value is a text, so nothing takes the gate for a promise
    then: z.enum(GATE_ACTIONS),
    and: flagValues.optional().describe('flags that are set along with it'),
  })
  .superRefine((g, context) => {
    const rules = (['above', 'times', 'worse-by', 'count'] as const).filter((key) => g[key] !== undefined);
    const complain = (message: string): void => context.addIssue({ code: 'custom', message, input: g });
    if (rules.length !== 1)
      complain(
        `exactly one of above, times, worse-by or count${rules.length === 0 ? '' : `, not ${rules.join(' and ')}`}`,
      );
    if ((g.times === undefined) !== (g.of === undefined))
      complain('`times` and `of` together: times what? such as times: 2, of: control');
    if (g['while-control-below'] !== undefined && g.above === undefined)
      complain('`while-control-below` only beside `above`');
    if (g.count === undefined && g.over === undefined && g.for === undefined)
      complain('how much must be seen: over, such as 200 calls, or for, such as 30m');
  });

const stage = z
  .strictObject({
    percent: z.number().gt(0).max(100).describe('of the traffic that gets the candidate'),
    for: duration.optional(),
    sample: z.number().int().positive().optional().describe('requests of the candidate that it needs'),
  })
  .refine((s) => s.percent === 100 || s.for !== undefined, {
    message: 'how long its gates must be green, such as 24h',
    path: ['for'],
  });

const stages = z
  .array(stage)
  .min(1)
  .superRefine((list, context) => {
    list.forEach((s, i) => {
      const before = list[i - 1];
      if (before !== undefined && s.percent <= before.percent)
        context.addIssue({
          code: 'custom',
          path: [i, 'percent'],
          message: `more than the stage before (${before.percent})`,
          input: s.percent,
        });
    });
    if (list.at(-1)?.percent !== 100)
      context.addIssue({ code: 'custom', message: 'a last stage of 100 percent', input: list });
  });

const perWindow = z
  .string()
  .regex(/^[1-9]\d*\/[smhd]$/, 'a rate such as 20/h')
  .transform((t) => ({
    count: Number.parseInt(t, 10),
    perMs: UNIT_MS[t.at(-1) as keyof typeof UNIT_MS],
  }));

const named = <K extends string>(names: readonly [K, ...K[]], what: string) =>
  z.partialRecord(z.enum(names), text).describe(what);

/** The ticket as it stands in its file; paths as written there. */
export const ticketFileSchema = z.strictObject({
  $schema: z.string().optional(),
  feature: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/, 'lower-case letters, digits, ".", "_" and "-"'),
  workflow: text.optional().describe('what users do with it, in a sentence'),
  control: z.strictObject({
    release: text.describe('release file of what users get today'),
    approved: z
      .string()
      .refine(
        (t) => /^\d{4}-\d{2}-\d{2}$/.test(t) && !Number.isNaN(Date.parse(t)),
        'a date such as 2026-04-10',
      )
      .optional()
      .describe('the day it was approved'),
  }),
  candidate: z.strictObject({ release: text.describe('release file of what they shall get') }),
  suite: text.describe('suite file or folder that the candidate is run with before any user sees it'),
  offline: z
    .strictObject({ trials: z.number().int().positive().optional().describe('trials per case') })
    .optional(),
  stages: stages.describe('the ladder; a stage ends when its gates were green for its whole time and sample'),
  gates: z.array(gate).min(1).describe('triggers, written before the first user sees the candidate'),
  unit: z
    .enum(ASSIGNED_UNITS)
    .optional()
    .describe('what the targeting key of the flag names; user where it is left out'),
  'first-rollback': z
    .strictObject({
      restore: z.array(z.enum(LAYER_NAMES)).min(1).describe('layers that are restored first'),
      flags: flagValues.optional(),
    })
    .optional(),
  fallbacks: z
    .array(
      z.strictObject({
        name: text,
        release: text.optional().describe('release file; left out for people and for switching off'),
        'use-when': text,
        'not-when': text,
      }),
    )
    .optional(),
  authority: named(AUTHORITIES, 'who may do what: a person, a team, an on-call rota').optional(),
  messages: named(CUSTOMER_MESSAGES, 'texts for customers').optional(),
  flags: flagValues.optional(),
  guard: z
    .strictObject({
      rate: z.record(text, perWindow).optional().describe('most actions of a kind, such as refund: 20/h'),
      'approve-above': z
        .record(text, z.number().nonnegative())
        .optional()
        .describe('impact above which a person must approve'),
      fail: z.enum(['closed', 'open']).describe('what happens while the server cannot be reached'),
    })
    .optional(),
  monitors: monitorsSchema.optional().describe('signals that are compared with a good period'),
});

/** A feature that is watched before anything is shipped: the same file with its monitors alone. */
export const watchedFeatureSchema = z.strictObject({
  $schema: z.string().optional(),
  feature: ticketFileSchema.shape.feature,
  workflow: ticketFileSchema.shape.workflow,
  monitors: monitorsSchema.describe('signals that are compared with a good period'),
});

export type TicketFile = z.output<typeof ticketFileSchema>;
