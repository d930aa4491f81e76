// lastgood bisect: which layers cause a regression, by running the fewest hybrids.

import type { Register } from '../options/register.ts';
import { type RunOptionValues, runOptions } from '../options/run-options.ts';
import { type CommonOptions, printJson, reading, withWorkplace } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

interface BisectOptions extends CommonOptions, RunOptionValues {
  readonly good: string;
  readonly bad: string;
}

export const registerBisect: Register = (program, io, exit) => {
  const command = program
    .command('bisect')
    .argument('<suite>', 'suite name or file')
    .description('which layers cause a regression between two snapshots, by running hybrids of them')
    .requiredOption('--good <ref>', 'the snapshot that was good')
    .requiredOption('--bad <ref>', 'the snapshot that shows the regression');
  reading(
    runOptions(command, {
      trials: 'trials per case and round',
      concurrency: true,
      maxCalls: 'spend at most this many calls',
      maxCost: 'spend at most this much',
      prices: true,
      dryRun: 'show the plan and what it could cost, call nothing',
    }),
  ).action(async (suite: string, options: BisectOptions) => {
    const [{ bisectLayers }, { suiteName }, { bisectText }] = await Promise.all([
      import('../../jobs/bisect/bisect.ts'),
      import('../../jobs/rollback/rollback-job.ts'),
      import('../../report/text/bisect-text.ts'),
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
