// find_rollback_target: which earlier release to restore, shown to work by running it now. Calls models.

import { z } from 'zod';
import { findRollbackTarget as find } from '../../jobs/rollback/rollback.ts';
import { ledgerSuite, refInput } from '../parts/shapes.ts';
import { defineTool } from '../parts/tool.ts';
import { untrusted, untrustedSchema } from '../parts/untrusted.ts';
import { leftSchema, warningsSchema, watched } from './run-suite.ts';

export const findRollbackTarget = defineTool({
  name: 'find_rollback_target',
  title: 'Find a rollback target',
  description:
    'Which earlier release, or which layers of it, to restore after a regression. Candidates are run now, which calls models and costs money, within the limits that this server was started with. Only `decision: verified` is a target that was shown to work. Nothing is changed: a person restores it.',
  runs: true,
  input: z.strictObject({
    suite: z.string().min(1).describe('name of the suite in the ledger'),
    from: refInput('latest').describe('the snapshot that shows the regression'),
    baseline: z.string().min(1).optional().describe('what was good; default: the blessed baseline'),
    verify: z.boolean().default(true).describe('false = name the best candidate without running it'),
    maxCandidates: z.int().min(1).max(10).optional().describe('run at most so many in full (default 3)'),
    maxCalls: z
      .int()
      .min(1)
      .optional()
      .describe('stop after so many calls; never more than the server allows'),
  }),
  output: z.looseObject({
    decision: z.enum(['verified', 'unverified', 'none']),
    reason: untrustedSchema,
    regressedCases: z.array(z.string()),
    target: z
      .looseObject({
        fingerprint: z.string(),
        release: z.string(),
        snapshot: z.string().nullable(),
        layersRestored: z.array(z.string()),
        hybrid: z.boolean(),
      })
      .nullable(),
    verification: z
      .looseObject({
        outcome: z.string(),
        snapshot: z.string(),
        recovered: z.int(),
        stillFailing: z.array(z.string()),
        reason: untrustedSchema,
      })
      .nullable(),
    rejected: z.array(z.looseObject({ release: z.string(), reason: z.string(), detail: untrustedSchema })),
    steps: z.array(untrustedSchema).describe('what a person would do'),
    callsSpent: z.int(),
    warnings: warningsSchema,
    left: leftSchema,
  }),
  call: async ({ suite, maxCalls, ...input }, context) => {
    const { place, signal, budget } = context;
    if (budget === null) throw new Error('run tools need a budget');
    return place.withWork({ mustExist: true, signal }, async (session) => {
      const { work, warnings } = watched(session, context);
      const name = await ledgerSuite(work.store, suite);
      const { decision: d } = await budget.spend(work, { maxCalls }, (limits) =>
        find(work, {
          suite: name,
          ...input,
          settings: { ...limits, concurrency: session.settings.concurrency },
        }),
      );
      return {
        headline: `decision ${d.decision}: ${d.rejected.length} candidates rejected, ${d.callsSpent} calls spent`,
        data: {
          decision: d.decision,
          reason: untrusted(d.reason, 2000),
          regressedCases: [...d.regressedCases],
          target:
            d.target === null
              ? null
              : {
                  fingerprint: d.target.fingerprint.slice(0, 12),
                  release: d.target.release,
                  snapshot: d.target.snapshot,
                  layersRestored: [...d.target.layersRestored],
                  hybrid: d.target.hybrid,
                },
          verification:
            d.verification === null
              ? null
              : {
                  outcome: d.verification.outcome,
                  snapshot: d.verification.snapshot,
                  recovered: d.verification.recovered,
                  stillFailing: [...d.verification.stillFailing],
                  reason: untrusted(d.verification.reason, 2000),
                },
          rejected: d.rejected.map((r) => ({
            release: r.release,
            reason: r.reason,
            detail: untrusted(r.detail, 500),
          })),
          steps: d.steps.map((step) => untrusted(step, 500)),
          callsSpent: d.callsSpent,
          warnings: warnings(),
          left: budget.left(),
        },
      };
    });
  },
});
