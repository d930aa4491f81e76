// lastgood rollback --apply, status and cancel: brings the verified target to users in stages, and watches the signals that moved.

import { type Command, InvalidArgumentError } from 'commander';
import { LastgoodError } from '../../base/errors.ts';
import { DEFAULT_ENVIRONMENT } from '../../core/shipping.ts';
import type { AppliedState } from '../../jobs/apply/applied-report.ts';
import { withRollouts } from '../options/rollout-desk.ts';
import type { RunOptionValues } from '../options/run-options.ts';
import { type CommonOptions, duration, printJson } from '../options/session.ts';
import {
  type DecisionOptions,
  decider,
  deciding,
  placed,
  withShippingLog,
} from '../options/shipping-options.ts';
import { type Io, styleOf } from '../terminal/io.ts';

type Exit = (code: number) => void;
const WEBHOOK = [
  '--webhook <url>',
  'where alerts are posted, or env:NAME (default: LASTGOOD_WEBHOOK_URL)',
] as const;
const FIRST_PERCENT = 10;
const STAGE_MS = 30 * 60_000;

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
export function applyOptions(command: Command): Command {
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
      `with --apply: share of the first stage (default ${FIRST_PERCENT}; 100 = everybody at once)`,
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
export function checkApplyOptions(options: ApplyOptions): void {
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

export async function applyAction(io: Io, asked: string, options: ApplyOptions, exit: Exit): Promise<void> {
  const [{ applyRollback, planRollback }, { featureOf }] = await Promise.all([
    import('../../jobs/apply/apply-rollback.ts'),
    import('../../jobs/apply/feature-of.ts'),
  ]);
  const by = options.dryRun === true ? undefined : await decider(io, options);
  await withRollouts(io, options, async (desk, production) => {
    const request = {
      feature: await featureOf(asked, io.cwd),
      environment: options.environment ?? DEFAULT_ENVIRONMENT,
      percent: options.percent ?? FIRST_PERCENT,
      forMs: options.for ?? STAGE_MS,
      watch: options.watch ?? [],
      cwd: io.cwd,
    };
    if (options.dryRun === true) {
      const plan = await planRollback(desk, production, request);
      if (!('refusals' in plan)) {
        await showApplied(io, plan, options);
        return;
      }
      if (options.json) printJson(io, plan);
      else io.out((await import('../../report/text/applied-rollback-text.ts')).planText(plan, styleOf(io)));
      exit(plan.refusals.length === 0 ? 0 : 3);
      return;
    }
    const state = await applyRollback(desk, production, {
      ...{ ...request, by, why: options.why, override: options.override, now: options.now === true },
      search: (suite, from) => searchTarget(io, desk.work, { options, suite, from }),
    });
    await showApplied(io, state, options);
    exit((await import('../../jobs/apply/applied-report.ts')).appliedExit(state));
  });
}

/** Runs the search, as `rollback SUITE` does. null = it verified a target. */
async function searchTarget(
  io: Io,
  work: Parameters<typeof import('../../jobs/rollback/rollback-job.ts').rollbackJob>[0],
  { options, suite, from }: { readonly options: ApplyOptions; readonly suite: string; readonly from: string },
) {
  const { rollbackJob } = await import('../../jobs/rollback/rollback-job.ts');
  const { trials, concurrency, maxCalls, maxCost } = options;
  if (options.quiet !== true)
    io.err(`no verified target is known: searching one for suite ${suite} from ${from}\n`);
  const { decision } = await rollbackJob(work, {
    ...{ suite, cwd: io.cwd, from, baseline: options.baseline, releaseFiles: options.release ?? [] },
    ...{ verify: true, maxCandidates: options.maxCandidates },
    settings: { trials, concurrency, maxCalls, maxCostUsd: maxCost },
  });
  if (decision.decision === 'verified') return null;
  return { why: decision.reason, exitCode: decision.decision === 'none' ? (5 as const) : (3 as const) };
}

export async function showApplied(io: Io, state: AppliedState, options: CommonOptions): Promise<void> {
  const [{ appliedReport }, { appliedText }] = await Promise.all([
    import('../../jobs/apply/applied-report.ts'),
    import('../../report/text/applied-rollback-text.ts'),
  ]);
  const report = appliedReport(state);
  if (options.json) printJson(io, report);
  else io.out(appliedText(report, styleOf(io)));
}

/** `status` and `cancel`. The parent takes the options they share wherever they stand. */
export function registerApplied(rollback: Command, io: Io, exit: Exit): void {
  placed(
    rollback
      .command('status')
      .argument('<feature>')
      .description('where an applied rollback stands, and which signals are back; nothing is changed'),
  ).action(async (feature: string, _: unknown, command: Command) => {
    const options: ApplyOptions = command.optsWithGlobals();
    const [{ knownApplied }, { appliedExit }] = await Promise.all([
      import('../../engine/records/applied-log.ts'),
      import('../../jobs/apply/applied-report.ts'),
    ]);
    await withShippingLog(io, options, async ({ work }) => {
      const state = await knownApplied(work.store, placeOf(feature, options));
      await showApplied(io, state, options);
      exit(appliedExit(state));
    });
  });

  deciding(
    rollback
      .command('cancel')
      .argument('<feature>')
      .description('back to 0%; once everybody has the target: end the watch, the target stays')
      .option(...WEBHOOK),
  ).action(async (feature: string, _: unknown, command: Command) => {
    const options: ApplyOptions = command.optsWithGlobals();
    const { cancelRollback } = await import('../../jobs/apply/apply-rollback.ts');
    const by = await decider(io, options);
    await withRollouts(io, options, async (desk) => {
      const state = await cancelRollback(desk, { ...placeOf(feature, options), by, why: options.why });
      await showApplied(io, state, options);
    });
  });
}

function placeOf(feature: string, { environment }: ApplyOptions) {
  return { feature, environment: environment ?? DEFAULT_ENVIRONMENT };
}
