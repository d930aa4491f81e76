// lastgood drill: rehearse and time the rollback path before it is needed.

import type { DrillJobInput } from '../../jobs/drill/drill-job.ts';
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
    })
      .option('--last', 'show the newest drill and its age; nothing is run')
      .option('--dry-run', 'read and check everything, and print what it would do; no call is made'),
  ).action(async (suite: string, options: DrillOptions) => {
    const [
      { drillJob, drillRequest, lastDrillReport },
      { planDrill },
      { rehearsePlaybooks },
      { drillPlanText, drillText },
      { rehearsalsText },
    ] = await Promise.all([
      import('../../jobs/drill/drill-job.ts'),
      import('../../jobs/drill/plan-drill.ts'),
      import('../../jobs/drill/rehearse-playbooks.ts'),
      import('../../report/text/drill-text.ts'),
      import('../../report/text/playbook-text.ts'),
    ]);
    const style = styleOf(io);
    const mustExist = options.last === true || options.dryRun === true;
    await withWorkplace(io, options, { mustExist }, async ({ work, settings }) => {
      if (options.last === true) {
        const last = await lastDrillReport(work, suite, io.cwd);
        if (last === null) {
          if (options.json) printJson(io, { schemaVersion: 1, kind: 'drill', drill: null });
          else io.out(`Suite ${suite} has never been drilled.\n`);
          exit(3);
          return;
        }
        const { rehearsalsOf } = await import('../../engine/records/playbook-rehearsals.ts');
        const playbooks = await rehearsalsOf(work.store, last.report);
        if (options.json) printJson(io, { ...last.report, ageDays: last.ageDays, playbooks });
        else
          io.out(drillText(last.report, { style, ageDays: last.ageDays }) + rehearsalsText(playbooks, style));
        exit(exitOf(last.report.outcome));
        return;
      }
      const input: DrillJobInput = {
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
      };
      if (options.dryRun === true) {
        const plan = await planDrill(work, await drillRequest(work, input));
        if (options.json) printJson(io, { ...plan, dryRun: true });
        else io.out(drillPlanText(plan));
        return;
      }
      const report = await drillJob(work, input);
      const { rehearsePlaybook } = await import('../options/playbook-desk.ts');
      const playbooks = await rehearsePlaybooks(work, report, {
        cwd: io.cwd,
        rehearse: (ticket) => rehearsePlaybook(io, ticket, options),
      });
      if (options.json) printJson(io, { ...report, playbooks });
      else io.out(drillText(report, { style }) + rehearsalsText(playbooks, style));
      exit(exitOf(report.outcome));
    });
  });
};

/** A drill that failed is a red gate; one without a clear result is not green either. */
function exitOf(outcome: string): number {
  return outcome === 'passed' ? 0 : outcome === 'failed' ? 1 : 3;
}
