// What a feature file may say under `monitors`.

import { z } from 'zod';
import {
  changeKindOf,
  EMBEDDING_DISTANCE,
  MONITOR_DIRECTIONS,
  MONITOR_GROUPS,
  type Monitor,
  type MonitorChange,
  type MonitorWindowHours,
  type ReferencePeriod,
} from './monitor.ts';
import { GATE_SIGNALS } from './ticket.ts';

const DAY_MS = 86_400_000;
const SHORTEST_REFERENCE = 14;
const LONGEST_REFERENCE = 120;
/** Of all monitors of one feature. */
const MOST_MONITORS = 50;

const reference = z
  .strictObject({
    from: z.iso.date().describe('first day of a good period (UTC)'),
    to: z.iso.date().describe('last day of it'),
  })
  .transform(({ from, to }): ReferencePeriod => ({ from: Date.parse(from), to: Date.parse(to) + DAY_MS }))
  .refine(
    ({ from, to }) => to - from >= SHORTEST_REFERENCE * DAY_MS && to - from <= LONGEST_REFERENCE * DAY_MS,
    `a reference spans ${SHORTEST_REFERENCE} to ${LONGEST_REFERENCE} days; 28 or more are advised`,
  );

/** `5 points` of a share or score, `20%` of anything else. */
const change = z
  .string()
  .regex(/^\d+(\.\d+)?( points?|%)$/, 'a change is written like `5 points` or `20%`')
  .transform((text): MonitorChange => {
    const value = Number.parseFloat(text) / 100;
    return { kind: text.endsWith('%') ? 'ratio' : 'points', value };
  })
  .refine(({ value }) => value > 0, 'the smallest change that matters is more than 0')
  .refine(({ kind, value }) => kind === 'ratio' || value < 1, 'a change in points is less than 100');

const WINDOWS = ['6h', '12h', '1d'] as const;
const HOURS: Readonly<Record<(typeof WINDOWS)[number], MonitorWindowHours>> = {
  '6h': 6,
  '12h': 12,
  '1d': 24,
};

/** One entry of `monitors`. */
const monitorSchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(60)
      .optional()
      .describe('default: the signal, and the segment if there is one'),
    signal: z.string().min(1).max(200).describe('the signal that is watched'),
    by: z
      .enum(MONITOR_GROUPS)
      .optional()
      .describe(
        'what is compared with its own kind, so that a shift of the mix is not drift (default template)',
      ),
    segment: z.string().min(1).max(200).optional().describe('watch only answers of this segment'),
    window: z.enum(WINDOWS).optional().describe('how much is judged at a time (default 1d)'),
    reference: reference.describe('a pinned period in which all was well'),
    change: change.describe('smallest change that matters, such as `5 points` or `20%`'),
    direction: z.enum(MONITOR_DIRECTIONS).optional().describe('which change is bad (default both)'),
    action: z.enum(['warn', 'alert']).optional().describe('what a drift leads to (default warn)'),
    settle: z
      .string()
      .regex(/^\d{1,3}h$/, 'a time to settle is written like `24h`')
      .optional()
      .describe('wait so long after a window, for outcomes that come late (default 0h)'),
  })
  .superRefine(({ signal, change: { kind } }, context) => {
    const wanted = changeKindOf(signal);
    if (wanted === null)
      context.addIssue({
        code: 'custom',
        path: ['signal'],
        message: `a signal: ${GATE_SIGNALS.join(', ')}, ${EMBEDDING_DISTANCE}, kpi:NAME or judge-score:NAME`,
        input: signal,
      });
    else if (wanted !== kind)
      context.addIssue({
        code: 'custom',
        path: ['change'],
        message: `${signal} changes by ${wanted === 'points' ? 'points, such as `5 points`' : 'a percentage, such as `20%`'}`,
        input: kind,
      });
  })
  .transform(
    (m): Monitor => ({
      name: m.name ?? (m.segment === undefined ? m.signal : `${m.signal} of ${m.segment}`),
      signal: m.signal,
      by: m.by ?? 'template',
      segment: m.segment ?? null,
      windowHours: HOURS[m.window ?? '1d'],
      reference: m.reference,
      change: m.change,
      direction: m.direction ?? 'both',
      action: m.action ?? 'warn',
      settleHours: m.settle === undefined ? 0 : Number.parseInt(m.settle, 10),
    }),
  );

/** The `monitors` of a feature. Their names are unique. */
export const monitorsSchema = z
  .array(monitorSchema)
  .max(MOST_MONITORS)
  .refine((list) => new Set(list.map((m) => m.name)).size === list.length, 'two monitors share a name');
