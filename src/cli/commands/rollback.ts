// lastgood rollback: the verified rollback target, or an honest "none".

import { type Command, InvalidArgumentError } from 'commander';
import { LastgoodError } from '../../base/errors.ts';
import type { RollbackDecision } from '../../core/index.ts';
import type { Register } from '../options/register.ts';
import { oneOf, type RunOptionValues, runOptions } from '../options/run-options.ts';
import {
  type CommonOptions,
  detailed,
  duration,
  printJson,
  reading,
  wholeNumber,
  withWorkplace,
} from '../options/session.ts';
import { type DecisionOptions, deciding, placed } from '../options/shipping-options.ts';
import { type Io, styleOf } from '../terminal/io.ts';

const FORMATS = ['text', 'markdown', 'html', 'json'] as const;
type RollbackFormat = (typeof FORMATS)[number];

const WEBHOOK = [
  '--webhook <url>',
  'where alerts are posted, or env:NAME (default: LASTGOOD_WEBHOOK_URL)',
] as const;

/** What `--apply`, `status` and `cancel` take. */
export interface ApplyOptions extends CommonOptions, DecisionOptions, Omit<RunOptionValues, 'release'> {
  readonly apply?: boolean;
  readonly now?: boolean;
  readonly override?: string;
  readonly percent?: number;
  readonly for?: number;
  readonly watch?: readonly string[];
  readonly webhook?: string;
  readonly from?: string;
  readonly baseline?: string;
  readonly release?: string[];
  readonly maxCandidates?: number;
  readonly verify?: boolean;
  readonly write?: string;
  readonly format?: string;
  readonly output?: string;
}

function firstPercent(text: string): number {
  const value = Number(text.replace(/%$/, ''));
  if (text.trim() === '' || !(value > 0 && value <= 100))
    throw new InvalidArgumentError('a percentage above 0, up to 100');
  return value;
}

const gathered = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  text,
];

/** The options that need `--apply`. */
function applyOptions(command: Command): Command {
  return command
    .option(
      '--apply',
      'set registry and flags to the verified target in stages, or continue the rollback under way; the argument is the feature',
    )
    .option('--dry-run', 'with --apply: print what would be set; nothing is changed, no call is made')
    .option('--now', 'with --apply: end the wait of this stage, or continue after a stop; needs --why')
    .option('--environment <name>', 'with --apply: where (default production)')
    .option('--by <name>', "with --apply: who decides (default: git's user.name)")
    .option('--why <text>', 'with --apply: why; needed to start')
    .option(
      '--override <reason>',
      'with --apply: although the registry has doubts, or after a change of another person',
    )
    .option(
      '--percent <n>',
      `with --apply: share of the first stage (default 10; 100 = everybody at once)`,
      firstPercent,
    )
    .option(
      '--for <duration>',
      'with --apply: how long each stage is watched at least (default 30m)',
      duration('--for'),
    )
    .option(
      '--watch <signal>',
      'with --apply: a signal that moved (repeatable; default: those shown to)',
      gathered,
    )
    .option('--webhook <url>', `with --apply: ${WEBHOOK[1]}`);
}

const NEED_APPLY = [
  'dryRun',
  'now',
  'environment',
  'by',
  'why',
  'override',
  'percent',
  'for',
  'watch',
  'webhook',
] as const;
const NOT_WITH_APPLY = ['write', 'format', 'output', 'from'] as const;
const flagOf = (name: string): string => `--${name.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/** Throws `BAD_OPTION` for options that do not go together. */
function checkApplyOptions(options: ApplyOptions): void {
  const apply = options.apply === true;
  const wrong = apply
    ? NOT_WITH_APPLY.find((name) => options[name] !== undefined)
    : NEED_APPLY.find((name) => options[name] !== undefined);
  if (wrong !== undefined)
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message: apply ? `${flagOf(wrong)} does not go with --apply` : `${flagOf(wrong)} needs --apply`,
      hint: apply
        ? 'run lastgood rollback SUITE for the decision, then lastgood rollback FEATURE --apply'
        : 'lastgood rollback FEATURE --apply sets the registry and the flags',
    });
  if (apply && options.verify === false)
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message: '--no-verify does not go with --apply: only a target that was run just now is applied',
      hint: 'lastgood rollback FEATURE --apply',
    });
}

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
  placed(
    rollback
      .command('status')
      .argument('<feature>')
      .description('where an applied rollback stands, and which signals are back; nothing is changed'),
  ).action(async (feature: string, _: unknown, command: Command) => {
    // The parent takes the options they share wherever they stand.
    const { statusAction } = await import('./rollback-apply.ts');
    await statusAction(io, feature, command.optsWithGlobals(), exit);
  });
  deciding(
    rollback
      .command('cancel')
      .argument('<feature>')
      .description('back to 0%; once everybody has the target: end the watch, the target stays')
      .option(...WEBHOOK),
  ).action(async (feature: string, _: unknown, command: Command) => {
    const { cancelAction } = await import('./rollback-apply.ts');
    await cancelAction(io, feature, command.optsWithGlobals());
  });
  rollback.action(async (suite: string, options: RollbackOptions) => {
    checkApplyOptions(options);
    if (options.apply === true)
      return (await import('./rollback-apply.ts')).applyAction(io, suite, options, exit);
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
