// lastgood rollback: the verified rollback target, or an honest "none".

import type { Command } from 'commander';
import { styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import { type RunOptionValues, runOptions } from '../run-options.ts';
import { type CommonOptions, common, duration, printJson, wholeNumber, withWorkplace } from '../session.ts';

interface RollbackOptions extends CommonOptions, Omit<RunOptionValues, 'release'> {
  readonly from?: string;
  readonly baseline?: string;
  readonly release?: string[];
  readonly verify?: boolean;
  readonly maxCandidates?: number;
  readonly write?: string;
}

export const registerRollback: Register = (program, io, exit) => {
  const rollback = program
    .command('rollback')
    .argument('<suite>', 'suite name or file')
    .description('which earlier release to restore, shown to work by running it now')
    .option('--from <ref>', 'the snapshot that shows the regression (default latest)')
    .option('--baseline <ref>', 'what was good (default the blessed baseline)')
    .option('--release <file...>', 'more releases to consider, beside those in the ledger')
    .option('--no-verify', 'name the best candidate without running it');
  runOptions(rollback, {
    trials: 'fresh trials per case (default: as many as a decision needs)',
    concurrency: true,
  }).option(
    '--max-candidates <n>',
    'run at most this many in full (default 3)',
    wholeNumber('--max-candidates', 1),
  );
  common(
    runOptions(rollback, {
      maxCalls: 'spend at most this many calls',
      maxCost: 'spend at most this much',
      prices: true,
    }).option(
      '--write <path>',
      'FILE.yaml: the release file that restores exactly the target; a folder: that file, runbook.md and rollback.json',
    ),
  );
  rollback.action(async (suite: string, options: RollbackOptions) => {
    const [{ rollbackJob }, { rollbackText }, { preparePlan, writePlan }] = await Promise.all([
      import('../../workflow/rollback/rollback-job.ts'),
      import('../../report/rollback-text.ts'),
      import('../../workflow/rollback/rollback-plan.ts'),
    ]);
    const place = options.write === undefined ? null : await preparePlan(options.write, io.cwd);
    await withWorkplace(io, options, { mustExist: true }, async ({ work, settings }) => {
      const result = await rollbackJob(work, {
        suite,
        cwd: io.cwd,
        from: options.from,
        baseline: options.baseline,
        releaseFiles: options.release ?? [],
        verify: options.verify !== false,
        maxCandidates: options.maxCandidates,
        settings: {
          trials: options.trials,
          concurrency: options.concurrency ?? settings.concurrency,
          maxCalls: options.maxCalls,
          maxCostUsd: options.maxCost,
        },
      });
      const { decision } = result;
      // Written before anything is printed: a plan that does not load to what was proven must not be announced.
      const written = place === null ? [] : await writePlan(work, place, result);
      if (options.json) printJson(io, decision);
      else io.out(rollbackText(decision, { style: styleOf(io) }));
      for (const file of written) io.err(`written: ${file}\n`);
      if (io.signal.aborted) exit(130);
      else exit(decision.decision === 'none' ? 5 : decision.decision === 'verified' ? 0 : 3);
    });
  });

  common(
    rollback
      .command('verify-state')
      .argument('<suite>', 'suite with a rollback target, or a snapshot reference')
      .description('run the check commands of the state built from the restored layers, and keep the result')
      .option('--target <ref>', 'check against this release: a snapshot reference or fingerprint')
      .option('--timeout <duration>', 'end a check after this long (default 60s)', duration('--timeout')),
  ).action(async (asked: string, _: unknown, command: Command) => {
    // The parent takes the options they share (--db, --json) wherever they stand.
    const options: CommonOptions & { target?: string; timeout?: number } = command.optsWithGlobals();
    const [{ verifyState }, { stateChecksText }] = await Promise.all([
      import('../../workflow/rollback/rollback-state.ts'),
      import('../../report/rollback-text.ts'),
    ]);
    await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
      const report = await verifyState(work, {
        asked,
        target: options.target,
        cwd: io.cwd,
        environment: io.environment,
        timeoutMs: options.timeout ?? 60_000,
        platform: io.platform,
      });
      if (options.json) printJson(io, report);
      else io.out(stateChecksText(report, { style: styleOf(io) }));
      const misfit = report.checks.some((c) => c.outcome !== 'fits');
      exit(misfit ? 1 : report.unchecked.length > 0 ? 3 : 0);
    });
  });
};
