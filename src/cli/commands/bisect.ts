// lastgood bisect: which layers cause a regression, by running the fewest hybrids.

import { styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import { type CommonOptions, common, dollars, printJson, wholeNumber, withWorkplace } from '../session.ts';

interface BisectOptions extends CommonOptions {
  readonly good: string;
  readonly bad: string;
  readonly trials?: number;
  readonly concurrency?: number;
  readonly maxCalls?: number;
  readonly maxCost?: number;
  readonly prices?: string;
  readonly dryRun?: boolean;
}

export const registerBisect: Register = (program, io, exit) => {
  common(
    program
      .command('bisect')
      .argument('<suite>', 'suite name or file')
      .description('which layers cause a regression between two snapshots, by running hybrids of them')
      .requiredOption('--good <ref>', 'the snapshot that was good')
      .requiredOption('--bad <ref>', 'the snapshot that shows the regression')
      .option('--trials <n>', 'trials per case and round', wholeNumber('--trials', 1))
      .option('--concurrency <n>', 'calls in flight at once (default 8)', wholeNumber('--concurrency', 1))
      .option('--max-calls <n>', 'spend at most this many calls', wholeNumber('--max-calls', 1))
      .option('--max-cost <usd>', 'spend at most this much', dollars('--max-cost'))
      .option('--prices <file>', 'price file (US dollars per million tokens)')
      .option('--dry-run', 'show the plan and what it could cost, call nothing'),
  ).action(async (suite: string, options: BisectOptions) => {
    const [{ bisectLayers }, { suiteName }, { bisectText }] = await Promise.all([
      import('../../workflow/rollback/bisect.ts'),
      import('../../workflow/rollback/rollback-job.ts'),
      import('../../report/bisect-text.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: true }, async ({ work, settings }) => {
      const report = await bisectLayers(work, {
        suite: await suiteName(work, suite, io.cwd),
        good: options.good,
        bad: options.bad,
        dryRun: options.dryRun,
        settings: {
          trials: options.trials,
          concurrency: options.concurrency ?? settings.concurrency,
          maxCalls: options.maxCalls,
          maxCostUsd: options.maxCost,
        },
      });
      if (options.json) printJson(io, report);
      else io.out(bisectText(report, { style: styleOf(io) }));
      if (io.signal.aborted) exit(130);
      else exit(report.outcome === 'found' || report.outcome === 'planned' ? 0 : 3);
    });
  });
};
