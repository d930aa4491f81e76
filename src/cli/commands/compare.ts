// lastgood compare: two releases, both run now and interleaved, with fresh trials for every case that looks worse.

import { count, usd } from '../../base/numbers.ts';
import type { ComparePlan } from '../../engine/comparison/compare-plan.ts';
import type { Register } from '../options/register.ts';
import { type RunOptionValues, refuseBatch, runOptions, runSettings } from '../options/run-options.ts';
import {
  type CommonOptions,
  detailed,
  exitUnder,
  gateExit,
  printJson,
  reading,
  releaseOrDefault,
  snapshotJson,
  suiteOrDefault,
  withWorkplace,
} from '../options/session.ts';
import { styleOf } from '../terminal/io.ts';
import { type Format, formatOf, kindOf, renderComparison } from './diff.ts';

interface CompareOptions extends CommonOptions, RunOptionValues {
  readonly baselineRelease: string;
  readonly format?: Format;
  readonly output?: string;
}

export const registerCompare: Register = (program, io, exit) => {
  const command = program
    .command('compare')
    .argument('[suite]', 'suite file, folder, or name under suites/')
    .description('run two releases interleaved and say whether the second is worse, case by case')
    .requiredOption('--baseline-release <file>', 'the release that is known to be good');
  refuseBatch(command, 'both releases run interleaved, at the same time');
  reading(
    runOptions(detailed(command), {
      release: 'the release to be judged',
      tier: 'smoke, std or deep: 1, 3 or 5 trials per case and arm; ladder: from 1 to 3 to 5, only while the answer is open (default std)',
      trials: "trials per case and arm instead of the tier's; at the top of a ladder",
      ...{ concurrency: true, filter: true },
      maxCost: 'stop before both arms together cost more',
      maxCalls: 'stop after this many calls of both arms',
      ...{ maxJudgeCalls: true, maxJudgeCost: true, deadline: true, timeout: true, maxAttempts: true },
      outage: true,
      label: 'label the snapshots; may be repeated',
      ...{ judge: true, judgeVotes: true, prices: true, store: true, preflight: true },
      ...{ requirePinned: true, stream: true, dryRun: true, failOn: true },
    })
      .option('--format <format>', 'text, markdown, html, junit or json (default text)', formatOf)
      .option('-o, --output <file>', 'write there instead of stdout'),
  ).action(async (asked: string | undefined, options: CompareOptions) => {
    const [{ compareReleases }, report, { openOutput }] = await Promise.all([
      import('../../jobs/compare/compare-releases.ts'),
      import('../../report/index.ts'),
      import('../terminal/output.ts'),
    ]);
    const suite = await suiteOrDefault(io, 'compare', asked);
    const release = await releaseOrDefault(io, 'compare SUITE', options.release);
    const write = await openOutput(io, options.output);
    const format = options.json ? 'json' : (options.format ?? 'text');
    await withWorkplace(io, options, { mustExist: false }, async ({ work, settings }) => {
      const result = await compareReleases(work, {
        suite,
        baselineRelease: options.baselineRelease,
        release,
        cwd: io.cwd,
        filter: options.filter,
        judge: options.judge,
        tier: options.tier,
        dryRun: options.dryRun === true,
        settings: await runSettings(options, settings, work),
        onPlan: (plan) => {
          if (options.dryRun !== true) io.err(planText(report, plan));
        },
      });
      if (result.kind === 'plan') {
        if (format === 'json') printJson(io, { schemaVersion: 1, kind: 'estimate', ...result.plan });
        else await write(`Nothing was called.\n${planText(report, result.plan)}`, 'text');
        return;
      }
      const { baseline, candidate, comparison, stoppedBy, next } = result;
      if (comparison === null) {
        if (format === 'json')
          printJson(io, {
            schemaVersion: 1,
            kind: 'compare',
            stoppedBy,
            baseline: snapshotJson(baseline),
            candidate: snapshotJson(candidate),
            comparison: null,
            next,
          });
        else io.out(`${report.runText(baseline)}${report.runText(candidate)}next: ${next}\n`);
        exit(stoppedBy === 'cancelled' ? 130 : 4);
        return;
      }
      const style = options.output === undefined ? styleOf(io) : undefined;
      const { verbose } = options;
      await write(await renderComparison(comparison, format, { next, style, verbose }), kindOf(format));
      exit(exitUnder(io, options, exitOf(stoppedBy, gateExit(comparison))));
    });
  });
};

/** What is going to be called, and what it may cost. */
function planText(report: typeof import('../../report/index.ts'), plan: ComparePlan): string {
  const { terminalLine } = report;
  const name = (r: ComparePlan['baseline']): string =>
    `${terminalLine(r.release, 60)} ${r.fingerprint.slice(0, 12)}`;
  const looks =
    plan.looks.length === 0
      ? ''
      : `; an interim test after ${plan.looks.length === 1 ? 'round' : 'rounds'} ${plan.looks.join(' and ')} may end it sooner`;
  const judge = plan.judged ? ', and as many of the judge' : '';
  const ladder = plan.rungs.length > 1;
  const size = `${count(plan.cases, 'case')} × ${count(plan.trials, 'trial')} × 2 arms`;
  const calls = ladder
    ? [
        `  from ${plan.callsLeast} to ${count(plan.calls, 'call')}: at most ${size}${judge}; it ends at the first tier that decides`,
        ...plan.rungs.map(
          (rung) =>
            `    ${rung.tier}: ${count(rung.calls, 'call')} up to ${count(rung.trials, 'trial')} per case and arm, at most ${rung.confirmCallsUpper} more for fresh trials; levels ${rung.alphaAggregate} + ${rung.alphaCase}`,
        ),
      ]
    : [`  ${count(plan.calls, 'call')}: ${size}${judge}${looks}`];
  return [
    `${terminalLine(plan.suite, 60)}, tier ${plan.tier}: ${name(plan.candidate)} against ${name(plan.baseline)}`,
    ...(plan.askedBefore === null ? [] : [`  ${plan.askedBefore}`]),
    ...calls,
    `  up to ${plan.confirmCallsUpper} more for ${plan.confirmTrials} fresh trials per arm of each case that looks worse`,
    `  cost ${plan.costUpperUsd === null ? 'unknown' : `at most ${usd(plan.costUpperUsd)}`}${plan.judged ? ', not counting the judge' : ''}`,
    ...(plan.judge ? [`  ${report.judgingText(plan.judge)}`] : []),
    ...(plan.embedding ? [`  ${report.embeddingText(plan.embedding)}`] : []),
    '',
  ].join('\n');
}

/** A comparison cut short by a limit is no proof that all is well; a regression it did find stands. */
function exitOf(stoppedBy: string | null, gate: number): number {
  if (stoppedBy === 'cancelled') return 130;
  if (stoppedBy === 'fatal') return 4;
  return stoppedBy !== null && gate === 0 ? 3 : gate;
}
