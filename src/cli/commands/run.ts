// lastgood run: suite × release → snapshot, then the comparison with the baseline.

import { InvalidArgumentError } from 'commander';
import { boundHeap } from '../heap.ts';
import { styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import { type RunOptionValues, runOptions, runSettings } from '../run-options.ts';
import {
  type CommonOptions,
  common,
  gateExit,
  moment,
  printJson,
  snapshotJson,
  withWorkplace,
} from '../session.ts';

interface RunOptions extends CommonOptions, RunOptionValues {
  readonly resume?: string;
  readonly against?: string;
  readonly at?: Date;
  readonly regradeBaseline?: boolean;
}

export const registerRun: Register = (program, io, exit) => {
  const command = program
    .command('run')
    .argument('[suite]', 'suite file, folder, or name under suites/')
    .description('run a suite against a release, keep the snapshot, compare it with the baseline');
  runOptions(command, {
    ...{ release: true, trials: true, concurrency: true, filter: true, maxCost: true, maxCalls: true },
    ...{ maxJudgeCalls: true, maxJudgeCost: true, deadline: true, timeout: true, maxAttempts: true },
    ...{ label: true, judge: true, judgeVotes: true, prices: true, store: true },
  })
    .option('--against <ref>', 'compare with this snapshot instead of the baseline')
    .option(
      '--regrade-baseline',
      "grade the baseline's stored outputs under this run's exam before comparing",
    );
  runOptions(command, { preflight: true })
    .option('--at <iso>', 'date the snapshot so, when recorded outputs are taken in', moment('--at'))
    .option('--resume <id>', 'finish an interrupted snapshot');
  common(runOptions(command, { requirePinned: true, dryRun: true })).action(
    async (asked: string | undefined, options: RunOptions) => {
      if (io.sharesProcess !== true) boundHeap();
      if (asked === undefined && options.resume === undefined) {
        const { readSettings } = await import('../../workflow/project/settings-file.ts');
        asked = (await readSettings(io.cwd)).suite;
        if (asked === undefined) throw new InvalidArgumentError('name a suite, or give one in lastgood.yaml');
      }
      const { runJob } = await import('../../workflow/run/run-job.ts');
      await withWorkplace(
        io,
        options,
        { mustExist: options.resume !== undefined, at: options.at },
        async ({ work, settings }) => {
          const result = await runJob(work, {
            suite: asked,
            release: options.release ?? settings.release,
            cwd: io.cwd,
            filter: options.filter,
            judge: options.judge,
            resume: options.resume,
            idle: idleOptions(asked, options),
            against: options.against,
            regradeBaseline: options.regradeBaseline,
            dryRun: options.dryRun === true,
            settings: await runSettings(options, settings, work),
          });
          if (result.kind === 'estimate') {
            if (options.json) printJson(io, { schemaVersion: 1, kind: 'estimate', ...result.estimate });
            else {
              const { estimateText } = await import('../../report/run-text.ts');
              io.out(estimateText(result.estimate));
            }
            return;
          }
          const { summary, comparison } = result;
          if (options.json) {
            printJson(io, { schemaVersion: 1, kind: 'run', snapshot: snapshotJson(summary), comparison });
          } else {
            const { runText } = await import('../../report/run-text.ts');
            const style = styleOf(io);
            io.out(
              runText(summary, {
                style,
                // A comparison says it among its notes.
                judge: comparison === null ? result.judgeNote : null,
                next: comparison === null ? `lastgood show ${summary.id}` : undefined,
              }),
            );
            if (comparison !== null) {
              const { comparisonText } = await import('../../report/comparison-text.ts');
              io.out(`\n${comparisonText(comparison, { style, next: result.next })}`);
            }
          }
          exit(runExit(result, comparison === null ? 0 : gateExit(comparison)));
        },
      );
    },
  );
};

/** What belongs to a new run: a suite and release were stored with the one that is resumed. */
function idleOptions(asked: string | undefined, options: RunOptions): string[] {
  const given = {
    SUITE: asked,
    '--release': options.release,
    '--trials': options.trials,
    '--filter': options.filter,
    '--judge': options.judge,
    '--judge-votes': options.judgeVotes,
    '--label': options.label,
    '--at': options.at,
    '--preflight': options.preflight,
    '--require-pinned': options.requirePinned,
  };
  return Object.entries(given).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [name],
  );
}

function runExit(
  result: { readonly stoppedBy: string | null; readonly summary: { readonly validity: string } },
  gate: number,
): number {
  if (result.stoppedBy === 'cancelled') return 130;
  if (result.stoppedBy === 'fatal') return 4;
  if (result.summary.validity === 'invalid') return 3;
  // A run cut short by a limit is no proof that all is well, but a regression it did find stands.
  if (result.stoppedBy !== null && gate === 0) return 3;
  return gate;
}
