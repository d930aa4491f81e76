// lastgood compare: two releases, both run now and interleaved, with fresh trials for every case that looks worse.

import { InvalidArgumentError, Option } from 'commander';
import type { ComparePlan } from '../../workflow/compare/compare-plan.ts';
import { styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import {
  type CommonOptions,
  common,
  dollars,
  duration,
  gateExit,
  judgeLimitOf,
  keyValue,
  printJson,
  snapshotJson,
  wholeNumber,
  withWorkplace,
} from '../session.ts';
import { type Format, formatOf, renderComparison } from './diff.ts';

const TIERS = ['smoke', 'std', 'deep', 'ladder'] as const;
type Tier = (typeof TIERS)[number];

function tierOf(text: string): Tier {
  if ((TIERS as readonly string[]).includes(text)) return text as Tier;
  throw new InvalidArgumentError(`one of ${TIERS.join(', ')}`);
}

interface CompareOptions extends CommonOptions {
  readonly baselineRelease: string;
  readonly release?: string;
  readonly tier?: Tier;
  readonly trials?: number;
  readonly concurrency?: number;
  readonly filter?: string;
  readonly maxCost?: number;
  readonly maxCalls?: number;
  readonly maxJudgeCalls?: number;
  readonly maxJudgeCost?: number;
  readonly deadline?: number;
  readonly timeout?: number;
  readonly maxAttempts?: number;
  readonly label?: Record<string, string>;
  readonly judge?: string;
  readonly judgeVotes?: number;
  readonly prices?: string;
  readonly preflight?: boolean;
  readonly store?: string;
  readonly requirePinned?: boolean;
  readonly dryRun?: boolean;
  readonly format?: Format;
  readonly output?: string;
}

export const registerCompare: Register = (program, io, exit) => {
  common(
    program
      .command('compare')
      .argument('[suite]', 'suite file, folder, or name under suites/')
      .description('run two releases interleaved and say whether the second is worse, case by case')
      .requiredOption('--baseline-release <file>', 'the release that is known to be good')
      .option('--release <file>', 'the release to be judged')
      .option(
        '--tier <tier>',
        'smoke, std or deep: 1, 3 or 5 trials per case and arm; ladder: from 1 to 3 to 5, only while the answer is open (default std)',
        tierOf,
      )
      .option(
        '--trials <n>',
        "trials per case and arm instead of the tier's; at the top of a ladder",
        wholeNumber('--trials', 1),
      )
      .option('--concurrency <n>', 'calls in flight at once (default 8)', wholeNumber('--concurrency', 1))
      .option('--filter <expr>', 'only some cases, e.g. "tag:refund !critical" or "refund-*"')
      .option('--max-cost <usd>', 'stop before both arms together cost more', dollars('--max-cost'))
      .option('--max-calls <n>', 'stop after this many calls of both arms', wholeNumber('--max-calls', 1))
      .option(
        '--max-judge-calls <n>',
        'ask the judge (and the embedder that grades) at most so often; the rest stays ungraded',
        wholeNumber('--max-judge-calls', 1),
      )
      .option(
        '--max-judge-cost <usd>',
        'stop asking the judge before it costs more, apart from --max-cost',
        dollars('--max-judge-cost'),
      )
      .option('--deadline <duration>', 'stop after this long, e.g. 20m', duration('--deadline'))
      .option(
        '--timeout <duration>',
        'give up one attempt after this long (default 120s)',
        duration('--timeout'),
      )
      .option('--max-attempts <n>', 'attempts per trial (default 4)', wholeNumber('--max-attempts', 1))
      .option('--label <key=value>', 'label the snapshots; may be repeated', keyValue('--label'))
      .option('--judge <file>', "judge release instead of the suite's")
      .option(
        '--judge-votes <n>',
        'calls of each judge per question, the majority decides (default 1); part of the exam',
        wholeNumber('--judge-votes', 1),
      )
      .option('--prices <file>', 'price file (US dollars per million tokens)')
      .addOption(
        new Option('--store <mode>', 'texts that are kept: outputs = answers only, scores = none').choices([
          'all',
          'outputs',
          'scores',
        ]),
      )
      .option(
        '--preflight',
        'ask the catalogues for the models first, also where base-url names another server',
      )
      .option('--no-preflight', 'do not ask any catalogue')
      .option('--require-pinned', 'refuse a floating model alias')
      .option('--dry-run', 'show how many calls it would make, call nothing')
      .option('--format <format>', 'text, markdown, html, junit or json (default text)', formatOf)
      .option('-o, --output <file>', 'write there instead of stdout'),
  ).action(async (asked: string | undefined, options: CompareOptions) => {
    const [{ compareReleases }, report, { openOutput }] = await Promise.all([
      import('../../workflow/compare/compare-releases.ts'),
      import('../../report/index.ts'),
      import('../output.ts'),
    ]);
    const write = await openOutput(io, options.output);
    const format = options.json ? 'json' : (options.format ?? 'text');
    await withWorkplace(io, options, { mustExist: false }, async ({ work, settings }) => {
      const suite = asked ?? settings.suite;
      const release = options.release ?? settings.release;
      if (suite === undefined)
        throw new InvalidArgumentError('name a suite, or set `suite:` in lastgood.yaml');
      if (release === undefined)
        throw new InvalidArgumentError('name a release with --release, or set `release:` in lastgood.yaml');
      const result = await compareReleases(work, {
        suite,
        baselineRelease: options.baselineRelease,
        release,
        cwd: io.cwd,
        filter: options.filter,
        judge: options.judge,
        tier: options.tier,
        dryRun: options.dryRun === true,
        settings: {
          trials: options.trials,
          concurrency: options.concurrency ?? settings.concurrency,
          maxCalls: options.maxCalls,
          maxCostUsd: options.maxCost,
          judgeLimit: await judgeLimitOf(options, work),
          deadlineMs: options.deadline,
          attemptTimeoutMs: options.timeout,
          maxAttempts: options.maxAttempts,
          judgeVotes: options.judgeVotes,
          labels: options.label,
          requirePinned: options.requirePinned,
          preflight: options.preflight,
        },
        onPlan: (plan) => {
          if (options.dryRun !== true) io.err(planText(report, plan));
        },
      });
      if (result.kind === 'plan') {
        if (format === 'json') printJson(io, { schemaVersion: 1, kind: 'estimate', ...result.plan });
        else await write(`Nothing was called.\n${planText(report, result.plan)}`);
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
      await write(await renderComparison(comparison, format, next, style));
      exit(exitOf(stoppedBy, gateExit(comparison)));
    });
  });
};

/** What is going to be called, and what it may cost. */
function planText(report: typeof import('../../report/index.ts'), plan: ComparePlan): string {
  const { count, terminalLine, usd } = report;
  const name = (r: ComparePlan['baseline']): string =>
    `${terminalLine(r.release, 60)} ${r.fingerprint.slice(0, 12)}`;
  const looks =
    plan.looks.length === 0
      ? ''
      : `; a look after ${plan.looks.length === 1 ? 'round' : 'rounds'} ${plan.looks.join(' and ')} may end it sooner`;
  const judge = plan.judged ? ', and as many of the judge' : '';
  const ladder = plan.rungs.length > 1;
  const size = `${count(plan.cases, 'case')} × ${count(plan.trials, 'trial')} × 2 arms`;
  const calls = ladder
    ? [
        `  from ${plan.callsLeast} to ${count(plan.calls, 'call')}: at most ${size}${judge}; it ends at the first rung that decides`,
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
