// status: has a valid run happened lately, and is anything broken?

import { z } from 'zod';
import { suiteStatus } from '../../jobs/nightly/status.ts';
import { ledgerSuite, suiteInput } from '../parts/shapes.ts';
import { defineTool } from '../parts/tool.ts';
import { untrusted, untrustedSchema } from '../parts/untrusted.ts';

export const status = defineTool({
  name: 'status',
  title: 'Status',
  description:
    'For each suite: is there a valid run of lately, which snapshot is the baseline, which regressions are open, which nights were missed. `ok` is false when a suite has no recent valid run.',
  input: z.strictObject({
    suite: suiteInput,
    maxAgeHours: z.number().positive().default(26).describe('how old the last valid run may be'),
  }),
  output: z.looseObject({
    ok: z.boolean(),
    suites: z.array(
      z.looseObject({
        suite: z.string(),
        fresh: z.boolean(),
        lastValid: z.looseObject({ snapshot: z.string(), at: z.string(), ageHours: z.number() }).nullable(),
        baseline: z.looseObject({ snapshot: z.string(), at: z.string() }).nullable(),
        openEpisodes: z.array(untrustedSchema).describe('regressions that were alerted and are not over'),
        unsentAlerts: z.int(),
        missedNights: z.int(),
      }),
    ),
  }),
  call: async ({ suite, maxAgeHours }, { place, signal }) =>
    place.withWork({ mustExist: true, signal }, async ({ work }) => {
      const suites = await suiteStatus(work, {
        suite: suite === undefined ? undefined : await ledgerSuite(work.store, suite),
        cwd: place.cwd,
        maxAgeMs: maxAgeHours * HOUR_MS,
      });
      const ok = suites.length > 0 && suites.every((s) => s.fresh);
      const open = suites.reduce((n, s) => n + s.openEpisodes.length, 0);
      return {
        headline: `${ok ? 'every suite has' : 'not every suite has'} a recent valid run; ${open} open regressions`,
        data: {
          ok,
          suites: suites.map((s) => ({
            suite: s.suite,
            fresh: s.fresh,
            lastValid:
              s.lastValid === null
                ? null
                : {
                    snapshot: s.lastValid.snapshot,
                    at: s.lastValid.at,
                    ageHours: s.lastValid.ageMs / HOUR_MS,
                  },
            baseline: s.baseline === null ? null : { snapshot: s.baseline.snapshot, at: s.baseline.at },
            openEpisodes: s.openEpisodes.map((episode) => untrusted(JSON.stringify(episode), 2000)),
            unsentAlerts: s.unsent.length,
            missedNights: s.missed.reduce((n, gap) => n + gap.nights, 0),
          })),
        },
      };
    }),
});

const HOUR_MS = 3_600_000;
