// lastgood rollback: the verified rollback target, or an honest "none".

import type { Command } from 'commander';
import type { RollbackDecision } from '../../core/index.ts';
import type { Register } from '../options/register.ts';
import { oneOf, runOptions } from '../options/run-options.ts';
import {
  type CommonOptions,
  detailed,
  duration,
  printJson,
  reading,
  wholeNumber,
  withWorkplace,
} from '../options/session.ts';
import { type Io, styleOf } from '../terminal/io.ts';
import {
  type ApplyOptions,
  applyAction,
  applyOptions,
  checkApplyOptions,
  registerApplied,
} from './rollback-apply.ts';

const FORMATS = ['text', 'markdown', 'html', 'json'] as const;
type RollbackFormat = (typeof FORMATS)[number];

interface RollbackOptions extends ApplyOptions {
  readonly format?: RollbackFormat;
}

export const registerRollback: Register = (program, io, exit) => {
  const rollback = program
    .command('rollback')
    .argument('<suite>', 'suite name or file; with --apply a feature of the registry')
    .description('which earlier release to restore, shown to work by running it now; --apply restores it')
    .option('--from <ref>', 'the snapshot that shows the regression (default latest)')
    .option('--baseline <ref>', 'what was good (default the blessed baseline)')
    .option('--release <file...>', 'more releases to consider, beside those in the ledger')
    .option('--no-verify', 'name the best candidate without running it');
  runOptions(detailed(rollback), {
    trials: 'fresh trials per case (default: as many as a decision needs)',
    concurrency: true,
  }).option(
    '--max-candidates <n>',
    'run at most this many in full (default 3)',
    wholeNumber('--max-candidates', 1),
  );
  reading(
    runOptions(rollback, {
      maxCalls: 'spend at most this many calls',
      maxCost: 'spend at most this much',
      prices: true,
    })
      .option(
        '--write <path>',
        'FILE.yaml: the release file that restores exactly the target; a folder: that file, runbook.md and rollback.json',
      )
      .option('--format <format>', `one of ${FORMATS.join(', ')} (default text)`, oneOf(FORMATS))
      .option('-o, --output <file>', 'write the report there instead of stdout'),
  );
  applyOptions(rollback);
  registerApplied(rollback, io, exit);
  rollback.action(async (suite: string, options: RollbackOptions) => {
    checkApplyOptions(options);
    if (options.apply === true) return applyAction(io, suite, options, exit);
    const [{ rollbackJob }, { preparePlan, writePlan }, { openOutput }] = await Promise.all([
      import('../../jobs/rollback/rollback-job.ts'),
      import('../../jobs/rollback/rollback-plan.ts'),
      import('../terminal/output.ts'),
    ]);
    // Opened before the first call, so that a bad path costs nothing.
    const write = await openOutput(io, options.output);
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
      const format = options.json === true ? 'json' : (options.format ?? 'text');
      const text = await renderDecision(io, decision, { ...options, format, suite, written });
      await write(text, format === 'text' || format === 'markdown' ? 'text' : 'document');
      for (const file of written) io.err(`written: ${file}\n`);
      if (io.signal.aborted) exit(130);
      else exit(decision.decision === 'none' ? 5 : decision.decision === 'verified' ? 0 : 3);
    });
  });

  reading(
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
      import('../../jobs/rollback/rollback-state.ts'),
      import('../../report/text/rollback-text.ts'),
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

interface RenderOptions extends Pick<RollbackOptions, 'output' | 'verbose'> {
  readonly format: RollbackFormat;
  readonly suite: string;
  /** Files of the plan. */
  readonly written: readonly string[];
}

/** The decision in the format asked for; only what this format needs is loaded. */
async function renderDecision(io: Io, d: RollbackDecision, options: RenderOptions): Promise<string> {
  const { format, output, verbose, suite, written } = options;
  switch (format) {
    case 'json':
      return (await import('../../report/json/json-document.ts')).jsonDocument(d);
    case 'html':
      return (await import('../../report/html/rollback-html.ts')).rollbackHtml(d);
    case 'markdown':
      return (await import('../../report/text/rollback-text.ts')).rollbackMarkdown(d);
    case 'text': {
      const style = output === undefined ? { style: styleOf(io) } : {};
      if (verbose === true)
        return (await import('../../report/text/rollback-text.ts')).rollbackText(d, style);
      const { rollbackSummary } = await import('../../report/text/rollback-summary.ts');
      // With the release file written, what is left is to run the suite on what is live then.
      const file = written.find((path) => path.endsWith('.yaml'));
      const done = d.decision === 'verified' && file !== undefined;
      return rollbackSummary(d, {
        ...style,
        ...(done ? { next: `lastgood run ${suite} --release ${file}` } : {}),
      });
    }
  }
}
