// history: the series of a suite's snapshots, and where it changed.

import { z } from 'zod';
import type { HistoryShift } from '../../core/index.ts';
import { historyOfSuite } from '../../jobs/history/history.ts';
import { ledgerSuite } from '../parts/shapes.ts';
import { defineTool } from '../parts/tool.ts';
import { untrusted, untrustedSchema } from '../parts/untrusted.ts';

const shiftSchema = z.looseObject({
  direction: z.string(),
  snapshot: z.string().describe('the first snapshot at the new level'),
  at: z.string(),
  lastAtOldLevel: z.string(),
  before: z.number(),
  level: z.number(),
  cases: z.array(z.string()).describe('empty = the whole scope'),
  diagnosis: untrustedSchema,
});

export const history = defineTool({
  name: 'history',
  title: 'History of a suite',
  description:
    'The pass rate of a suite, a tag or a case over its snapshots, where each regression began, lasting changes of level, and slow drift. No model is called.',
  input: z.strictObject({
    suite: z.string().min(1).describe('name of the suite in the ledger'),
    case: z.string().min(1).optional(),
    tag: z.string().min(1).optional(),
    limit: z.int().min(1).max(500).default(30).describe('at most so many of the newest snapshots'),
  }),
  output: z.looseObject({
    suite: z.string(),
    scope: z.looseObject({ kind: z.string(), name: z.string() }),
    points: z.array(
      z.looseObject({
        snapshot: z.string(),
        at: z.string(),
        release: z.string(),
        validity: z.string(),
        passRate: z.number().nullable(),
      }),
    ),
    morePoints: z.int(),
    onsets: z.array(shiftSchema).describe('where each regression that is still there began'),
    shifts: z.array(shiftSchema).describe('every lasting change of level, oldest first'),
    trend: z.looseObject({ state: z.string(), reason: untrustedSchema }),
    notes: z.array(untrustedSchema),
  }),
  call: async ({ suite, case: caseId, tag, limit }, { place, signal }) =>
    place.withWork({ mustExist: true, signal }, async ({ work }) => {
      const report = await historyOfSuite(work, {
        suite: await ledgerSuite(work.store, suite),
        caseId,
        tag,
      });
      return {
        headline: `${report.points.length} snapshots, ${report.onsets.length} regressions that are still there, trend ${report.trend.state}`,
        data: {
          suite: report.suite,
          scope: report.scope,
          points: report.points.slice(-limit).map(({ snapshot, at, release, validity, passRate }) => ({
            ...{ snapshot, at, release, validity, passRate },
          })),
          morePoints: Math.max(0, report.points.length - limit),
          onsets: report.onsets.map(shiftShape),
          shifts: report.shifts.map(shiftShape),
          trend: { state: report.trend.state, reason: untrusted(report.trend.reason, 1000) },
          notes: report.notes.map((note) => untrusted(note, 1000)),
        },
      };
    }),
});

function shiftShape(shift: HistoryShift): z.infer<typeof shiftSchema> {
  const { direction, snapshot, at, before, level, cases, after, diagnosis } = shift;
  return {
    ...{ direction, snapshot, at, before, level, cases: [...cases] },
    lastAtOldLevel: after.snapshot,
    diagnosis: untrusted(diagnosis, 500),
  };
}
