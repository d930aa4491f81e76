// lastgood drill: rehearse and time the rollback path before it is needed.

import type { Register } from '../options/register.ts';
import { type RunOptionValues, runOptions } from '../options/run-options.ts';
import { type CommonOptions, printJson, reading, withWorkplace } from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';

interface DrillOptions extends CommonOptions, RunOptionValues {
  readonly staging?: string;
  readonly scenario?: string;
  readonly last?: boolean;
}

export const registerDrill: Register = (program, io, exit) => {
  const command = program
    .command('drill')
    .argument('<suite>', 'suite file, folder, or name under suites/')
    .description(
      'rehearse the rollback: restore model and prompt, tools off, human review; each in 15 minutes',
    );
  runOptions(command, {
    release: "what runs in production (default: the release of the suite's baseline)",
  })
    .option('--staging <file>', 'a staging release: its calls are real')
    .option('--scenario <file>', 'the scenario of the simulator (default: scenario.yaml beside the suite)');
  reading(
    runOptions(command, {
      ...{ trials: true, concurrency: true },
      maxCalls: 'at most this many calls for each step',
    }).option('--last', 'show the newest drill and its age; nothing is run'),
  ).action(async (suite: string, options: DrillOptions) => {
    const [{ drillJob, lastDrillReport }, { drillText }] = await Promise.all([
      import('../../jobs/drill/drill-job.ts'),
      import('../../report/text/drill-text.ts'),
    ]);
    const style = styleOf(io);
    await withWorkplace(io, options, { mustExist: options.last === true }, async ({ work, settings }) => {
      if (options.last === true) {
        const last = await lastDrillReport(work, suite, io.cwd);
        if (last === null) {
          if (options.json) printJson(io, { schemaVersion: 1, kind: 'drill', drill: null });
          else io.out(`Suite ${suite} has never been drilled.\n`);
          exit(3);
          return;
        }
        if (options.json) printJson(io, { ...last.report, ageDays: last.ageDays });
        else io.out(drillText(last.report, { style, ageDays: last.ageDays }));
        exit(exitOf(last.report.outcome));
        return;
      }
      const report = await drillJob(work, {
        suite,
        cwd: io.cwd,
        release: options.release ?? settings.release,
        staging: options.staging,
        scenario: options.scenario,
        settings: {
          trials: options.trials,
          concurrency: options.concurrency ?? settings.concurrency,
          maxCalls: options.maxCalls,
        },
      });
      if (options.json) printJson(io, report);
      else io.out(drillText(report, { style }));
      exit(exitOf(report.outcome));
    });
  });
};

/** A drill that failed is a red gate; one without a clear result is not green either. */
function exitOf(outcome: string): number {
  return outcome === 'passed' ? 0 : outcome === 'failed' ? 1 : 3;
}
