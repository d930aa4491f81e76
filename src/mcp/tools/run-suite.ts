// run_suite: run a suite on a release, keep the snapshot, compare it with the baseline. Calls models.

import { z } from 'zod';
import { LastgoodError, type Warning } from '../../base/index.ts';
import { runJob } from '../../jobs/run/run-job.ts';
import { releaseFileInside, suiteFileInside } from '../parts/project-files.ts';
import type { Left } from '../parts/run-budget.ts';
import {
  comparisonHeadline,
  comparisonSchema,
  comparisonShape,
  snapshotSchema,
  snapshotShape,
} from '../parts/shapes.ts';
import { defineTool, type McpSession, type ToolContext } from '../parts/tool.ts';
import { untrusted, untrustedSchema } from '../parts/untrusted.ts';

export const leftSchema = z
  .looseObject({ calls: z.int().nullable(), costUsd: z.number().nullable() })
  .describe('what this server may still call and spend; null = no such limit');

export const warningsSchema = z.array(z.looseObject({ code: z.string(), message: untrustedSchema }));

/** The workplace of one run: warnings are kept for the result, steps go to the client. */
export function watched(
  { work }: McpSession,
  { progress }: ToolContext,
): { readonly work: McpSession['work']; readonly warnings: () => z.infer<typeof warningsSchema> } {
  const seen: Warning[] = [];
  const own = {
    warn: (warning: Warning) => {
      seen.push(warning);
      work.progress.warn(warning);
    },
    step: (step: Parameters<typeof work.progress.step>[0]) => {
      work.progress.step(step);
      progress.step(step);
    },
  };
  return {
    work: { ...work, progress: own },
    warnings: () => seen.map(({ code, message }) => ({ code, message: untrusted(message, 500) })),
  };
}

/** The file that was named, or the project's default. */
function named(
  asked: string | undefined,
  fallback: string | undefined,
  code: 'NO_SUITE' | 'NO_RELEASE',
): string {
  const file = asked ?? fallback;
  if (file !== undefined) return file;
  const what = code === 'NO_SUITE' ? 'suite' : 'release';
  throw new LastgoodError({
    code,
    message: `no ${what} was named, and lastgood.yaml names no default ${what}`,
    hint: `call the tool with \`${what}\``,
  });
}

export const runSuite = defineTool({
  name: 'run_suite',
  title: 'Run a suite',
  description:
    'Runs a suite of the project on a release, keeps the snapshot and compares it with the baseline. Calls models, which costs money, within the limits that this server was started with. `dryRun: true` only counts the calls.',
  runs: true,
  input: z.strictObject({
    suite: z.string().min(1).optional().describe("a name under suites/ or a file; default: the project's"),
    release: z
      .string()
      .min(1)
      .optional()
      .describe("a name under releases/ or a file; default: the project's"),
    trials: z.int().min(1).max(100).optional().describe("trials per case instead of the suite's"),
    filter: z.string().min(1).optional().describe('only some cases, e.g. "tag:refund !critical"'),
    maxCalls: z
      .int()
      .min(1)
      .optional()
      .describe('stop after so many calls; never more than the server allows'),
    dryRun: z.boolean().default(false),
  }),
  output: z.looseObject({
    kind: z.enum(['run', 'estimate']),
    snapshot: snapshotSchema.nullable(),
    stoppedBy: z.string().nullable().describe('why it ended early; an early end proves nothing'),
    comparison: comparisonSchema.nullable().describe('null = the suite has no baseline'),
    estimate: z
      .looseObject({
        calls: z.int().describe('when every first attempt answers'),
        callsUpper: z.int().describe('when every trial needs all its attempts'),
        costUpperUsd: z.number().nullable().describe('null = a price is unknown'),
        judged: z.boolean().describe('judges are called on top'),
      })
      .nullable()
      .describe('of a dry run'),
    warnings: warningsSchema,
    left: leftSchema,
  }),
  call: async (input, context) => {
    const { place, signal, budget } = context;
    if (budget === null) throw new Error('run tools need a budget');
    return place.withWork({ mustExist: false, signal }, async (session) => {
      const { settings } = session;
      const { work, warnings } = watched(session, context);
      const [suite, release] = [
        await suiteFileInside(named(input.suite, settings.suite, 'NO_SUITE'), place.cwd),
        await releaseFileInside(named(input.release, settings.release, 'NO_RELEASE'), place.cwd),
      ];
      const result = await budget.spend(work, input, (limits) =>
        runJob(work, {
          suite,
          release,
          cwd: place.cwd,
          filter: input.filter,
          dryRun: input.dryRun,
          settings: { ...limits, trials: input.trials, concurrency: settings.concurrency },
        }),
      );
      const left: Left = budget.left();
      const none = { snapshot: null, stoppedBy: null, comparison: null, estimate: null };
      if (result.kind === 'estimate') {
        const { calls, callsUpper, costUpperUsd, judge } = result.estimate;
        return {
          headline: `the run would make ${calls} calls; nothing was called`,
          data: {
            ...none,
            kind: 'estimate' as const,
            estimate: { calls, callsUpper, costUpperUsd, judged: judge !== null },
            warnings: warnings(),
            left,
          },
        };
      }
      const { summary, stoppedBy, comparison, next } = result;
      return {
        headline: `${stoppedBy === null ? 'finished' : `ended early (${stoppedBy})`}, ${summary.validity}; ${comparison === null ? 'there is no baseline to compare with' : comparisonHeadline(comparison)}`,
        data: {
          ...none,
          kind: 'run' as const,
          snapshot: snapshotShape(summary),
          stoppedBy,
          comparison: comparison === null ? null : comparisonShape(comparison, next, 20),
          warnings: warnings(),
          left,
        },
      };
    });
  },
});
