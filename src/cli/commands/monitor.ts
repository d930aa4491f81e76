// lastgood monitor: has a signal of production drifted from its good period?

import type { MonitorOutcome } from '../../core/index.ts';
import type { Register } from '../options/register.ts';
import { type CommonOptions, moment, printJson, reading, withWorkplace } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

interface MonitorOptions extends CommonOptions {
  readonly at?: Date;
  readonly calibrate?: boolean;
  readonly webhook?: string;
  readonly dryRun?: boolean;
}

const EXITS: Readonly<Record<MonitorOutcome, number>> = { quiet: 0, drift: 1, 'cannot-tell': 3 };

export const registerMonitor: Register = (program, io, exit) => {
  reading(
    program
      .command('monitor')
      .argument('<feature>', 'ticket file, or name under features/')
      .description(
        'compare signals of production with a pinned good period (exit 0 quiet, 1 drift, 3 cannot tell)',
      )
      .option('--at <iso>', 'judge at this time instead of now', moment('--at'))
      .option('--calibrate', 'find all limits anew, and print what each monitor can see')
      .option(
        '--webhook <url>',
        'post alerts there: an address, or env:NAME (default: env:LASTGOOD_WEBHOOK_URL, if set)',
      )
      .option('--dry-run', 'judge, but record nothing and post nothing'),
  ).action(async (feature: string, options: MonitorOptions) => {
    const [{ monitorJob }, { monitorText }, { ledgerOf, withProduction }] = await Promise.all([
      import('../../jobs/monitor/monitor-job.ts'),
      import('../../report/text/monitor-text.ts'),
      import('../options/production.ts'),
    ]);
    const db = await ledgerOf(io, options);
    await withProduction(io, { ...options, db }, (observations) =>
      withWorkplace(
        io,
        { ...options, db },
        { mustExist: true, at: options.at },
        async ({ work, settings }) => {
          const report = await monitorJob(work, observations, {
            feature,
            cwd: io.cwd,
            at: options.at,
            calibrate: options.calibrate,
            webhook: options.webhook ?? settings.webhook,
            dryRun: options.dryRun,
          });
          if (options.json) printJson(io, report);
          else io.out(monitorText(report, { sight: options.calibrate === true, style: styleOf(io) }));
          exit(EXITS[report.outcome]);
        },
      ),
    );
  });
};
