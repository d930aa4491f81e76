// lastgood rollback: the verified rollback target, or an honest "none".

import { styleOf } from '../io.ts';
import type { Register } from '../program.ts';
import { type CommonOptions, common, dollars, printJson, wholeNumber, withWorkplace } from '../session.ts';

interface RollbackOptions extends CommonOptions {
  readonly from?: string;
  readonly baseline?: string;
  readonly release?: string[];
  readonly verify?: boolean;
  readonly trials?: number;
  readonly concurrency?: number;
  readonly maxCalls?: number;
  readonly maxCost?: number;
  readonly maxCandidates?: number;
  readonly write?: string;
  readonly prices?: string;
}

export const registerRollback: Register = (program, io, exit) => {
  common(
    program
      .command('rollback')
      .argument('<suite>', 'suite name or file')
      .description('which earlier release to restore, shown to work by running it now')
      .option('--from <ref>', 'the snapshot that shows the regression (default latest)')
      .option('--baseline <ref>', 'what was good (default the blessed baseline)')
      .option('--release <file...>', 'more releases to consider, beside those in the ledger')
      .option('--no-verify', 'name the best candidate without running it')
      .option(
        '--trials <n>',
        'fresh trials per case (default: as many as a decision needs)',
        wholeNumber('--trials', 1),
      )
      .option('--concurrency <n>', 'calls in flight at once (default 8)', wholeNumber('--concurrency', 1))
      .option('--max-candidates <n>', 'run at most this many (default 3)', wholeNumber('--max-candidates', 1))
      .option('--max-calls <n>', 'spend at most this many calls', wholeNumber('--max-calls', 1))
      .option('--max-cost <usd>', 'spend at most this much', dollars('--max-cost'))
      .option('--prices <file>', 'price file (US dollars per million tokens)')
      .option('--write <file>', 'write the release file that restores exactly the target'),
  ).action(async (suite: string, options: RollbackOptions) => {
    const [{ rollbackJob }, { rollbackText }, { openOutput }] = await Promise.all([
      import('../../workflow/rollback-job.ts'),
      import('../../report/rollback-text.ts'),
      import('../output.ts'),
    ]);
    const writeRestored = options.write === undefined ? null : await openOutput(io, options.write);
    await withWorkplace(io, options, { mustExist: true }, async ({ work, settings }) => {
      const { decision, restoreFile } = await rollbackJob(work, {
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
      if (options.json) printJson(io, decision);
      else io.out(rollbackText(decision, { style: styleOf(io) }));
      if (writeRestored !== null && restoreFile !== null) await writeRestored(restoreFile);
      exit(decision.decision === 'none' ? 5 : decision.decision === 'verified' ? 0 : 3);
    });
  });
};
