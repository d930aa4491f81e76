// lastgood nightly: one scheduled night, the schedule printed for another scheduler, or kept here.

import { setTimeout as pause } from 'node:timers/promises';
import type { NightlyResult } from '../../workflow/nightly/nightly.ts';
import type { Scheduler } from '../../workflow/nightly/schedule.ts';
import { type Io, styleOf } from '../io.ts';
import type { Register } from '../register.ts';
import { oneOf, type RunOptionValues, runOptions, runSettings, typedAgain } from '../run-options.ts';
import { type CommonOptions, common, moment, printJson, wholeNumber, withWorkplace } from '../session.ts';

interface NightlyOptions extends CommonOptions, RunOptionValues {
  readonly webhook?: string;
  readonly series?: string;
  readonly at?: Date;
  readonly sentinel?: number;
  readonly cron?: string;
  readonly tz?: string;
  readonly printSchedule?: Scheduler;
}

const SCHEDULERS = ['crontab', 'systemd', 'github'] as const;

export const registerNightly: Register = (program, io, exit) => {
  const command = program
    .command('nightly')
    .argument('[suite]', 'suite file, folder, or name under suites/')
    .description(
      'the scheduled job: run, compare with the baseline and the trend, confirm before alarming, tell each regression once',
    );
  common(
    runOptions(command, {
      ...{ release: true, trials: true, concurrency: true, filter: true },
      maxCost: 'stop before the night costs more, confirmation included',
      maxCalls: 'stop after this many calls, confirmation included',
      ...{ maxJudgeCalls: true, maxJudgeCost: true },
      deadline: 'stop each run of the night after this long',
      ...{ timeout: true, maxAttempts: true, label: true, judge: true, judgeVotes: true, prices: true },
      requirePinned: true,
    })
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

/** One night: its report on stdout, its exit code back. */
async function once(
  io: Io,
  asked: string | undefined,
  options: NightlyOptions,
  schedule: { cron: string; tz: string } | null,
): Promise<number> {
  const [{ nightlyJob }, { nightlyText }] = await Promise.all([
    import('../../workflow/nightly/nightly-job.ts'),
    import('../../report/nightly-text.ts'),
  ]);
  return withWorkplace(io, options, { mustExist: false, at: options.at }, async ({ work, settings }) => {
    const result = await nightlyJob(work, {
      suite: asked ?? settings.suite,
      release: options.release ?? settings.release,
      cwd: io.cwd,
      filter: options.filter,
      judge: options.judge,
      webhook: options.webhook ?? settings.webhook,
      series: options.series,
      sentinel: options.sentinel,
      schedule,
      settings: await runSettings(options, settings, work),
    });
    if (options.json) printJson(io, nightlyJson(result));
    else io.out(nightlyText(result, { style: styleOf(io) }));
    return nightlyExit(result);
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
function nightlyExit({ state, night }: NightlyResult): number {
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
    case 'no-baseline':
      return 0;
  }
}

async function keepRunning(
  io: Io,
  asked: string | undefined,
  options: NightlyOptions,
  cron: string,
): Promise<number> {
  const { keepTime, scheduleTimes } = await import('../../workflow/nightly/schedule.ts');
  const { SYSTEM_CLOCK } = await import('../../workflow/open-workplace.ts');
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
      // One bad night must not end the watch; its error is told and the next night comes.
      const { formatError, LastgoodError } = await import('../../core/errors.ts');
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
  const { DEFAULT_CRON, printSchedule, scheduleTimes } = await import('../../workflow/nightly/schedule.ts');
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
      now: new Date(),
      command: [
        'lastgood',
        'nightly',
        ...(asked === undefined ? [] : [asked]),
        ...typedAgain(options),
        ...given('--db', options.db),
        ...given('--series', options.series),
        ...given('--sentinel', options.sentinel),
        ...given('--webhook', webhook),
      ],
    }),
  );
}
