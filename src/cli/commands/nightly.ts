// lastgood nightly: one scheduled night, the schedule printed for another scheduler, or kept here.

import { setTimeout as pause } from 'node:timers/promises';
import type { NightlyResult } from '../../jobs/nightly/nightly.ts';
import type { Scheduler } from '../../jobs/nightly/schedule.ts';
import type { Register } from '../options/register.ts';
import { oneOf, type RunOptionValues, runOptions, runSettings, typedAgain } from '../options/run-options.ts';
import {
  type CommonOptions,
  detailed,
  duration,
  exitUnder,
  moment,
  printJson,
  reading,
  wholeNumber,
  withWorkplace,
} from '../options/session.ts';
import { type Io, styleOf } from '../terminal/io.ts';

interface NightlyOptions extends CommonOptions, RunOptionValues {
  readonly against?: string;
  readonly snapshots?: string;
  readonly webhook?: string;
  readonly series?: string;
  readonly at?: Date;
  readonly sentinel?: number;
  readonly confirmAfter?: number;
  readonly spread?: number;
  readonly cron?: string;
  readonly tz?: string;
  readonly printSchedule?: Scheduler;
}

/** Another hour of the provider, still the same night. */
const CONFIRM_AFTER_MS = 2 * 3_600_000;

const SCHEDULERS = ['crontab', 'systemd', 'github', 'gitlab'] as const;

export const registerNightly: Register = (program, io, exit) => {
  const command = program
    .command('nightly')
    .argument('[suite]', 'suite file, folder, or name under suites/')
    .description(
      'the scheduled job: run, compare with the baseline and the trend, confirm before alarming, tell each regression once',
    );
  reading(
    runOptions(detailed(command), {
      ...{ release: true, trials: true, concurrency: true, filter: true },
      maxCost: 'stop before the night costs more, confirmation included',
      maxCalls: 'stop after this many calls, confirmation included',
      ...{ maxJudgeCalls: true, maxJudgeCost: true },
      deadline: 'stop each run of the night after this long',
      ...{
        timeout: true,
        maxAttempts: true,
        outage: true,
        label: true,
        judge: true,
        judgeVotes: true,
        prices: true,
      },
      ...{ requirePinned: true, stream: true },
      batch:
        "run through the provider's batch API at half the price; what is not back at --deadline is continued by the next night",
      ...{ batchPoll: true, failOn: true },
    })
      .option('--against <ref>', 'compare with this snapshot, or exported file, instead of the baseline')
      .option('--snapshots <folder>', 'where committed baselines are (default snapshots)')
      .option(
        '--webhook <url>',
        'post alerts there: an address, or env:NAME (default: env:LASTGOOD_WEBHOOK_URL, if set)',
      )
      .option('--series <name>', 'keep several watches of one suite apart (default nightly)')
      .option(
        '--at <iso>',
        'date the night so, when recorded nights are made up for or simulated ones replayed',
        moment('--at'),
      )
      .option(
        '--confirm-after <duration>',
        'run a suspicious night again after this long, a collapse at once (default 2h, with --at 0s)',
        delay('--confirm-after'),
      )
      .option(
        '--spread <duration>',
        'start the trials evenly over this long, e.g. 6h, so that no single hour decides (default: at once; at most 10h)',
        duration('--spread'),
      )
      .option(
        '--sentinel <n>',
        'frozen outputs judged again to watch the judge (default 12, 0 = none)',
        wholeNumber('--sentinel', 0),
      )
      .option('--cron <expression>', 'keep running, a night whenever this is due, e.g. "15 3 * * *"')
      .option('--tz <zone>', 'time zone of --cron, e.g. Europe/Berlin (default UTC)')
      .option(
        '--print-schedule <scheduler>',
        `print the schedule for ${SCHEDULERS.join(', ')} and run nothing`,
        oneOf(SCHEDULERS),
      ),
  ).action(async (asked: string | undefined, options: NightlyOptions) => {
    if (options.printSchedule !== undefined) return print(io, options.printSchedule, asked, options);
    if (options.cron === undefined) return exit(await once(io, asked, options, null));
    exit(await keepRunning(io, asked, options, options.cron));
  });
};

/** A duration, or 0 for at once. */
function delay(name: string): (text: string) => number {
  const parse = duration(name);
  return (text) => (/^0(ms|s|m|h)?$/.test(text.trim()) ? 0 : parse(text));
}

/** One night: its report on stdout, its exit code back. */
async function once(
  io: Io,
  asked: string | undefined,
  options: NightlyOptions,
  schedule: { cron: string; tz: string } | null,
): Promise<number> {
  const { nightlyJob } = await import('../../jobs/nightly/nightly-job.ts');
  const report =
    options.verbose === true
      ? (await import('../../report/text/nightly-text.ts')).nightlyText
      : (await import('../../report/text/nightly-summary.ts')).nightlySummary;
  return withWorkplace(io, options, { mustExist: false, at: options.at }, async ({ work, settings }) => {
    const result = await nightlyJob(work, {
      suite: asked ?? settings.suite,
      release: options.release ?? settings.release,
      cwd: io.cwd,
      filter: options.filter,
      against: options.against,
      snapshots: options.snapshots,
      judge: options.judge,
      webhook: options.webhook ?? settings.webhook,
      series: options.series,
      spreadMs: options.spread,
      sentinel: options.sentinel,
      confirm: {
        afterMs: options.confirmAfter ?? (options.at === undefined ? CONFIRM_AFTER_MS : 0),
        wait: (ms, signal) => pause(ms, undefined, { signal }).catch(() => undefined),
      },
      schedule,
      settings: await runSettings(options, settings, work),
    });
    if (options.json) printJson(io, nightlyJson(result));
    else io.out(report(result, { style: styleOf(io) }));
    return exitUnder(io, options, nightlyExit(result));
  });
}

/** The result as `nightly --json` prints it. */
function nightlyJson(result: NightlyResult): Record<string, unknown> {
  const { night, record, ...rest } = result;
  return {
    schemaVersion: 1,
    kind: 'nightly',
    suite: night.summary.suite,
    series: record.series,
    number: record.number,
    ...rest,
    alarm: night.alarm,
    snapshot: night.summary,
    comparison: night.comparison,
    rerun: night.rerun,
    fresh: night.fresh.map((f) => f.id),
    decision: night.decision,
    calls: night.spent.calls,
  };
}

/** 1 while a regression is open, 3 when the night could not tell, 4 when the provider could not be worked with. */
function nightlyExit({ state, night, baselineOverdue }: NightlyResult): number {
  if (night.spent.stoppedBy === 'cancelled') return 130;
  if (night.spent.stoppedBy === 'fatal') return 4;
  switch (state) {
    case 'alarm':
    case 'still':
      return 1;
    case 'unknown':
      return 3;
    case 'green':
    case 'watch':
    case 'recovered':
      return 0;
    // A schedule that never gets a baseline would be green for ever.
    case 'no-baseline':
      return baselineOverdue ? 3 : 0;
  }
}

async function keepRunning(
  io: Io,
  asked: string | undefined,
  options: NightlyOptions,
  cron: string,
): Promise<number> {
  const { keepTime, scheduleTimes } = await import('../../jobs/nightly/schedule.ts');
  const { SYSTEM_CLOCK } = await import('../../engine/workplace/open-workplace.ts');
  const schedule = { cron, tz: options.tz ?? 'UTC' };
  const next = await scheduleTimes(schedule);
  await keepTime({
    next,
    clock: SYSTEM_CLOCK,
    signal: io.signal,
    sleep: (ms, signal) => pause(ms, undefined, { signal }).catch(() => undefined),
    onWait: (due, missed) => {
      if (missed > 0)
        io.err(
          `warning: ${missed} night${missed === 1 ? '' : 's'} missed while this process could not run\n`,
        );
      io.err(`next night: ${due.toISOString()}\n`);
    },
    runOnce: async () => {
      // One bad night must not end the watch; its error is printed and the next night comes.
      const { formatError, LastgoodError } = await import('../../base/errors.ts');
      try {
        await once(io, asked, options, schedule);
      } catch (error) {
        if (!(error instanceof LastgoodError)) throw error;
        io.err(`error: ${formatError(error)}\n`);
      }
    },
  });
  return io.signal.aborted ? 130 : 0;
}

async function print(
  io: Io,
  scheduler: Scheduler,
  asked: string | undefined,
  options: NightlyOptions,
): Promise<void> {
  const { DEFAULT_CRON, printSchedule, scheduleTimes } = await import('../../jobs/nightly/schedule.ts');
  const { scheduledLedger, typedLedger } = await import('../../engine/workplace/settings-file.ts');
  const { ledgerOf } = await import('../options/production.ts');
  const schedule = { cron: options.cron ?? DEFAULT_CRON, tz: options.tz ?? 'UTC' };
  await scheduleTimes(schedule);
  const given = (name: string, value: string | number | undefined): string[] =>
    value === undefined ? [] : [name, String(value)];
  // An address typed on the command line is a secret; the schedule reads it from the environment instead.
  const webhook = options.webhook?.startsWith('env:') ? options.webhook : undefined;
  io.out(
    printSchedule({
      schedule,
      scheduler,
      cwd: io.cwd,
      ledger: scheduledLedger(io.cwd, await ledgerOf(io, options)),
      now: new Date(),
      command: [
        'lastgood',
        'nightly',
        ...(asked === undefined ? [] : [asked]),
        ...typedAgain(options),
        ...given('--db', typedLedger(options.db)),
        ...given('--against', options.against),
        ...given('--snapshots', options.snapshots),
        ...given('--series', options.series),
        ...given('--sentinel', options.sentinel),
        ...given(
          '--confirm-after',
          options.confirmAfter === undefined ? undefined : `${options.confirmAfter / 1000}s`,
        ),
        ...given('--spread', options.spread === undefined ? undefined : `${options.spread / 1000}s`),
        ...given('--webhook', webhook),
      ],
    }),
  );
}
