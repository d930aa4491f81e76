// lastgood run: suite × release → snapshot, then the comparison with the baseline.

import { InvalidArgumentError, Option } from 'commander';
import { boundHeap } from '../heap.ts';
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
  moment,
  printJson,
  snapshotJson,
  wholeNumber,
  withWorkplace,
} from '../session.ts';

interface RunOptions extends CommonOptions {
  readonly release?: string;
  readonly trials?: number;
  readonly concurrency?: number;
  readonly filter?: string;
  readonly maxCost?: number;
  readonly maxCalls?: number;
  readonly maxJudgeCalls?: number;
  readonly maxJudgeCost?: number;
  readonly deadline?: number;
  readonly label?: Record<string, string>;
  readonly resume?: string;
  readonly dryRun?: boolean;
  readonly requirePinned?: boolean;
  readonly judge?: string;
  readonly judgeVotes?: number;
  readonly prices?: string;
  readonly preflight?: boolean;
  readonly store?: string;
  readonly against?: string;
  readonly at?: Date;
  readonly regradeBaseline?: boolean;
  readonly maxAttempts?: number;
  readonly timeout?: number;
}

export const registerRun: Register = (program, io, exit) => {
  common(
    program
      .command('run')
      .argument('[suite]', 'suite file, folder, or name under suites/')
      .description('run a suite against a release, keep the snapshot, compare it with the baseline')
      .option('--release <file>', 'the release to run')
      .option('--trials <n>', "trials per case instead of the suite's", wholeNumber('--trials', 1))
      .option('--concurrency <n>', 'calls in flight at once (default 8)', wholeNumber('--concurrency', 1))
      .option('--filter <expr>', 'only some cases, e.g. "tag:refund !critical" or "refund-*"')
      .option('--max-cost <usd>', 'stop before the run costs more', dollars('--max-cost'))
      .option('--max-calls <n>', 'stop after this many calls', wholeNumber('--max-calls', 1))
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
      .option('--label <key=value>', 'label the snapshot; may be repeated', keyValue('--label'))
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
      .option('--against <ref>', 'compare with this snapshot instead of the baseline')
      .option(
        '--regrade-baseline',
        "grade the baseline's stored outputs under this run's exam before comparing",
      )
      .option(
        '--preflight',
        'ask the catalogue for the models first, also where base-url names another server',
      )
      .option('--no-preflight', 'do not ask any catalogue')
      .option('--at <iso>', 'date the snapshot so, when recorded outputs are taken in', moment('--at'))
      .option('--resume <id>', 'finish an interrupted snapshot')
      .option('--require-pinned', 'refuse a floating model alias')
      .option('--dry-run', 'show what would be called and what it could cost, call nothing'),
  ).action(async (asked: string | undefined, options: RunOptions) => {
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
          against: options.against,
          regradeBaseline: options.regradeBaseline,
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
  });
};

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
