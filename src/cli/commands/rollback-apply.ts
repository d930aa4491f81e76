// What lastgood rollback --apply, status and cancel do: brings the verified target to users in stages, and shows it.

import { DEFAULT_ENVIRONMENT } from '../../core/shipping.ts';
import type { AppliedState } from '../../jobs/apply/applied-report.ts';
import { withRollouts } from '../options/rollout-desk.ts';
import { type CommonOptions, printJson } from '../options/session.ts';
import { decider, withShippingLog } from '../options/shipping-options.ts';
import { type Io, styleOf } from '../terminal/io.ts';
import type { ApplyOptions } from './rollback.ts';

type Exit = (code: number) => void;
const FIRST_PERCENT = 10;
const STAGE_MS = 30 * 60_000;

export async function applyAction(io: Io, asked: string, options: ApplyOptions, exit: Exit): Promise<void> {
  const [{ applyRollback, planRollback }, { featureOf }] = await Promise.all([
    import('../../jobs/apply/apply-rollback.ts'),
    import('../../jobs/apply/feature-of.ts'),
  ]);
  const by = options.dryRun === true ? undefined : await decider(io, options);
  await withRollouts(io, { ...options, mustExist: true }, async (desk, production) => {
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

export async function statusAction(
  io: Io,
  feature: string,
  options: ApplyOptions,
  exit: Exit,
): Promise<void> {
  const [{ knownApplied }, { appliedExit }] = await Promise.all([
    import('../../engine/records/applied-log.ts'),
    import('../../jobs/apply/applied-report.ts'),
  ]);
  await withShippingLog(io, { ...options, mustExist: true }, async ({ work }) => {
    const state = await knownApplied(work.store, placeOf(feature, options));
    await showApplied(io, state, options);
    exit(appliedExit(state));
  });
}

export async function cancelAction(io: Io, feature: string, options: ApplyOptions): Promise<void> {
  const { cancelRollback } = await import('../../jobs/apply/apply-rollback.ts');
  const by = await decider(io, options);
  await withRollouts(io, { ...options, mustExist: true }, async (desk) => {
    const state = await cancelRollback(desk, { ...placeOf(feature, options), by, why: options.why });
    await showApplied(io, state, options);
  });
}

function placeOf(feature: string, { environment }: ApplyOptions) {
  return { feature, environment: environment ?? DEFAULT_ENVIRONMENT };
}
