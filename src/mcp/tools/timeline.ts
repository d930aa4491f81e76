// timeline: what moved in production, in which order, and what happened around it.

import { z } from 'zod';
import { timelineJob } from '../../jobs/timeline/timeline.ts';
import { defineTool } from '../parts/tool.ts';
import { untrusted, untrustedSchema } from '../parts/untrusted.ts';

const HOUR_MS = 3_600_000;
const MOST_DAYS = 92;

export const timeline = defineTool({
  name: 'timeline',
  title: 'Timeline of a feature in production',
  description:
    'Signals of production that left their usual level, releases, flag changes, events and alarms of a feature on one time axis, and the order in which signals moved. Order in time does not prove a cause. No model is called.',
  input: z.strictObject({
    feature: z.string().min(1).describe('the feature, as observations name it'),
    days: z.number().min(1).max(MOST_DAYS).default(7).describe('how far back'),
    until: z.iso.datetime({ offset: true }).optional().describe('where it ends; default now'),
    limit: z.int().min(1).max(500).default(60).describe('at most so many items, the oldest first'),
  }),
  output: z.looseObject({
    feature: z.string(),
    from: z.string(),
    to: z.string(),
    answers: z.int(),
    items: z.array(
      z.looseObject({
        at: z.string(),
        source: z.string(),
        kind: z.string(),
        text: untrustedSchema,
        move: z
          .looseObject({
            from: z.number(),
            to: z.number(),
            earliest: z.string(),
            latest: z.string(),
            until: z.string().nullable(),
          })
          .nullable(),
      }),
    ),
    moreItems: z.int(),
    order: z.array(
      z.looseObject({
        signal: untrustedSchema,
        at: z.string(),
        uncertain: z.boolean().describe('may have moved before the one above'),
      }),
    ),
    judged: z.int().describe('signals whose usual level is known'),
    unjudged: z.int().describe('signals of which it is not known whether they moved'),
  }),
  call: async ({ feature, days, until, limit }, { place, signal }) =>
    place.withProduction(signal, ({ work, observations, shipping }) =>
      timelineJob(work, observations, {
        feature,
        shipping,
        since: days * 24 * HOUR_MS,
        until: until === undefined ? work.clock.now() : new Date(until),
      }).then((report) => ({
        headline: `${report.order.length} signals moved, ${report.unjudged.length} cannot be judged, ${report.observations} answers`,
        data: {
          feature: report.feature,
          ...{ from: report.from, to: report.to, answers: report.observations },
          items: report.items.slice(0, limit).map(({ at, source, kind, text, move }) => ({
            ...{ at, source, kind, text: untrusted(text, 300) },
            move:
              move === null
                ? null
                : {
                    ...{ from: move.from, to: move.to },
                    ...{ earliest: move.earliest, latest: move.latest, until: move.until },
                  },
          })),
          moreItems: Math.max(0, report.items.length - limit),
          order: report.order.map((o) => ({
            signal: untrusted(o.signal, 100),
            ...{ at: o.at, uncertain: o.uncertain },
          })),
          ...{ judged: report.judged.length, unjudged: report.unjudged.length },
        },
      })),
    ),
});
