// lastgood run: suite × release → snapshot, then the comparison with the baseline.

import { LastgoodError } from '../../base/errors.ts';
import type { Comparison, SnapshotSummary } from '../../core/index.ts';
import type { Style } from '../../report/text/style.ts';
import type { Register } from '../options/register.ts';
import { oneOf, type RunOptionValues, runOptions, runSettings } from '../options/run-options.ts';
import {
  type CommonOptions,
  detailed,
  exitUnder,
  gateExit,
  moment,
  positive,
  printJson,
  reading,
  releaseOrDefault,
  snapshotJson,
  suiteOrDefault,
  withWorkplace,
} from '../options/session.ts';
import { type Io, styleOf } from '../terminal/io.ts';
import { boundHeap } from '../terminal/limit-heap.ts';
import { runFailuresCommand } from './run-failures.ts';
import { GRID_FORMATS, type GridFormat, runGridCommand } from './run-grid.ts';

const BATCH = { batch: true, batchPoll: true } as const;

interface RunReport {
  readonly summary: SnapshotSummary;
  readonly comparison: Comparison | null;
  readonly judgeNote?: string | null | undefined;
  readonly next?: string | undefined;
}

interface RunOptions extends CommonOptions, Omit<RunOptionValues, 'release'> {
  readonly release?: readonly string[];
  readonly rerun?: 'failures';
  readonly format?: GridFormat;
  readonly output?: string;
  readonly resume?: string;
  readonly against?: string;
  readonly control?: boolean;
  readonly snapshots?: string;
  readonly at?: Date;
  readonly regradeBaseline?: boolean;
  readonly distributed?: boolean;
  readonly callsPerSecond?: number;
}

export const registerRun: Register = (program, io, exit) => {
  const command = program
    .command('run')
    .argument('[suite]', 'suite file, folder, or name under suites/')
    .description('run a suite against a release, keep the snapshot, compare it with the baseline');
  detailed(command).option(
    '--release <file>',
    'the release to run; name several for one table of all',
    listed,
  );
  runOptions(command, {
    ...{ trials: true, concurrency: true, filter: true, maxCost: true, maxCalls: true },
    ...{ maxJudgeCalls: true, maxJudgeCost: true, deadline: true, timeout: true, maxAttempts: true },
    outage: true,
    ...{ label: true, judge: true, judgeVotes: true, prices: true, store: true },
  })
    .option('--against <ref>', 'compare with this snapshot, or exported file, instead of the baseline')
    .option('--snapshots <folder>', 'where committed baselines are (default snapshots)')
    .option('--no-control', 'never run the baseline release: what looks worse is then only suspected')
    .option(
      '--rerun <what>',
      'failures: only the cases that did not pass in the newest run of the suite (or in --against REF)',
      oneOf(['failures'] as const),
    )
    .option(
      '--format <format>',
      `how the table of several releases is printed, one of ${GRID_FORMATS.join(', ')} (default text)`,
      oneOf(GRID_FORMATS),
    )
    .option('-o, --output <file>', 'write that table there instead of stdout')
    .option(
      '--regrade-baseline',
      "grade the baseline's stored outputs under this run's exam before comparing",
    );
  runOptions(command, { preflight: true })
    .option('--at <iso>', 'date the snapshot so, when recorded outputs are taken in', moment('--at'))
    .option('--resume <id>', 'finish an interrupted snapshot')
    .option('--distributed', 'let `lastgood worker` processes make the calls; needs --db postgres://…')
    .option(
      '--calls-per-second <n>',
      'with --distributed: calls a second to each service, over all workers',
      positive('--calls-per-second'),
    );
  reading(
    runOptions(command, { requirePinned: true, stream: true, ...BATCH, dryRun: true, failOn: true }),
  ).action(async (asked: string | undefined, options: RunOptions) => {
    if (io.sharesProcess !== true) boundHeap();
    checkCombination(options);
    const isNew = options.resume === undefined;
    const suite = isNew ? await suiteOrDefault(io, 'run', asked) : asked;
    const [named, ...others] = options.release ?? [];
    if (named !== undefined && others.length > 0 && suite !== undefined)
      return runGridCommand(io, exit, suite, { ...options, release: [named, ...others] });
    const release = isNew ? await releaseOrDefault(io, 'run SUITE', named) : named;
    if (options.rerun !== undefined && suite !== undefined)
      return runFailuresCommand(io, exit, suite, { ...options, release });
    const { openSharing, runJob } = await import('../../jobs/run/run-job.ts');
    await using sharing = options.distributed === true ? await sharingOf(io, options, openSharing) : null;
    await withWorkplace(
      io,
      options,
      { mustExist: options.resume !== undefined, at: options.at },
      async ({ work, settings }) => {
        const limits = await runSettings(options, settings, work);
        const result = await runJob(work, {
          suite,
          release,
          cwd: io.cwd,
          filter: options.filter,
          judge: options.judge,
          resume: options.resume,
          idle: idleOptions(asked, options),
          against: options.against,
          // A run that is dated otherwise has no hour in common with a control of today.
          control: options.control !== false && options.at === undefined,
          snapshots: options.snapshots,
          regradeBaseline: options.regradeBaseline,
          dryRun: options.dryRun === true,
          distributed:
            sharing === null
              ? undefined
              : {
                  sharing: sharing.sharing,
                  callsPerSecond: options.callsPerSecond,
                  callsAtOnce: limits.concurrency,
                },
          settings: limits,
        });
        if (result.kind === 'estimate') {
          if (options.json) printJson(io, { schemaVersion: 1, kind: 'estimate', ...result.estimate });
          else {
            const { estimateText } = await import('../../report/text/run-text.ts');
            io.out(estimateText(result.estimate));
          }
          return;
        }
        const { summary, comparison } = result;
        if (options.json) {
          printJson(io, { schemaVersion: 1, kind: 'run', snapshot: snapshotJson(summary), comparison });
        } else io.out(await runReport(result, { style: styleOf(io), verbose: options.verbose }));
        exit(exitUnder(io, options, runExit(result, comparison === null ? 0 : gateExit(comparison))));
      },
    );
  });
};

/** The run and, where there is a baseline, its comparison: short, or with all numbers. */
async function runReport(
  { summary, comparison, judgeNote, next }: RunReport,
  { style, verbose }: { readonly style: Style; readonly verbose: boolean | undefined },
): Promise<string> {
  if (comparison !== null && verbose !== true) {
    const { runSummary } = await import('../../report/text/run-summary.ts');
    return runSummary(summary, comparison, { style, next });
  }
  const { runText } = await import('../../report/text/run-text.ts');
  if (comparison === null)
    return runText(summary, { style, judge: judgeNote, next: `lastgood show ${summary.id}` });
  const { comparisonText } = await import('../../report/text/comparison-text.ts');
  // The comparison's notes say what is known of the judge.
  return `${runText(summary, { style, judge: null })}\n${comparisonText(comparison, { style, next })}`;
}

/** What belongs to a new run: a suite and release were stored with the one that is resumed. */
function idleOptions(asked: string | undefined, options: RunOptions): string[] {
  const given = {
    SUITE: asked,
    '--release': options.release?.[0],
    '--trials': options.trials,
    '--filter': options.filter,
    '--judge': options.judge,
    '--judge-votes': options.judgeVotes,
    '--label': options.label,
    '--at': options.at,
    '--preflight': options.preflight,
  };
  return Object.entries(given).flatMap(([name, value]) =>
    value === undefined || value === false ? [] : [name],
  );
}

/** The queue of the ledger's database, closed with the command. */
async function sharingOf<T extends { close(): Promise<void> }>(
  io: Io,
  options: RunOptions,
  open: (place: string) => Promise<T>,
): Promise<AsyncDisposable & { readonly sharing: T }> {
  const { ledgerPlace, readSettings } = await import('../../engine/workplace/settings-file.ts');
  const sharing = await open(ledgerPlace(io, options.db, await readSettings(io.cwd)));
  return { sharing, [Symbol.asyncDispose]: () => sharing.close() };
}

/** `--release` may be repeated. */
function listed(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), text];
}

/** Options that make no sense together are refused before anything is read. */
function checkCombination(options: RunOptions): void {
  const several = (options.release ?? []).length > 1;
  const refuse = (message: string, hint: string): never => {
    throw new LastgoodError({ code: 'BAD_OPTION', message, hint });
  };
  if (several && options.batch === true)
    throw new LastgoodError({
      code: 'BATCH_OPTION',
      message: `--batch goes with one release, and ${options.release?.length} were named`,
      hint: 'run each release by itself with --batch, or leave it out',
    });
  if (several) {
    const odd = [
      options.rerun === undefined ? '' : '--rerun',
      options.against === undefined ? '' : '--against',
      options.regradeBaseline === true ? '--regrade-baseline' : '',
      options.resume === undefined ? '' : '--resume',
      options.failOn === undefined ? '' : '--fail-on',
      options.snapshots === undefined ? '' : '--snapshots',
    ].find((name) => name !== '');
    if (odd !== undefined)
      refuse(
        `${odd} goes with one release, and ${options.release?.length} were named`,
        'run each release by itself, or leave it out',
      );
  } else if (options.format !== undefined || options.output !== undefined) {
    refuse(
      `${options.format === undefined ? '--output' : '--format'} prints the table of several releases, and there is only one`,
      'name --release twice or more, or use `lastgood diff` and `lastgood show` on the snapshot',
    );
  }
  if (options.callsPerSecond !== undefined && options.distributed !== true)
    refuse('--calls-per-second goes with --distributed', 'leave it out, or add --distributed');
  if (options.distributed === true && (several || options.rerun !== undefined))
    refuse(
      `--distributed makes one snapshot of one release, so ${several ? 'several --release' : '--rerun'} cannot stand beside it`,
      'run each release by itself',
    );
  if (options.distributed === true && options.batch === true)
    throw new LastgoodError({
      code: 'BATCH_OPTION',
      message:
        '--distributed cannot be combined with --batch: a batch is one request that no worker can share',
      hint: 'leave one of them out',
    });
  if (options.rerun === undefined) return;
  if (options.batch === true)
    throw new LastgoodError({
      code: 'BATCH_OPTION',
      message: '--rerun cannot be combined with --batch: its snapshot is a quick look that cannot be resumed',
      hint: 'leave one of them out',
    });
  if (options.failOn !== undefined)
    refuse('--rerun gives no verdict, so --fail-on has no meaning beside it', 'leave one of them out');
  if (options.resume !== undefined || options.regradeBaseline === true)
    refuse(
      `--rerun makes a new snapshot, so ${options.resume === undefined ? '--regrade-baseline' : '--resume'} has no meaning beside it`,
      'leave one of them out',
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
