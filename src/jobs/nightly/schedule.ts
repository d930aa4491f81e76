// When nights happen: keeping time in this process, or handing the schedule to cron, systemd or GitHub.

import { type Clock, LastgoodError } from '../../base/index.ts';

export interface Schedule {
  /** Five fields: minute, hour, day of month, month, day of week. */
  readonly cron: string;
  /** IANA name, e.g. `Europe/Berlin`. */
  readonly tz: string;
}

export const DEFAULT_CRON = '15 3 * * *';

/** Next time after `from`. */
export type NextRun = (from: Date) => Date | null;

/** Checks the expression and the zone, and gives the times it means. */
export async function scheduleTimes({ cron, tz }: Schedule): Promise<NextRun> {
  const { Cron } = await import('croner');
  try {
    new Intl.DateTimeFormat('en', { timeZone: tz });
  } catch (cause) {
    throw new LastgoodError({
      code: 'SCHEDULE_TZ',
      message: `"${tz}" is not a time zone`,
      hint: 'an IANA name, e.g. --tz Europe/Berlin or --tz UTC',
      cause,
    });
  }
  try {
    const job = new Cron(cron, { timezone: tz, paused: true });
    if (cron.trim().split(/\s+/).length !== 5) throw new Error('five fields are expected');
    return (from) => job.nextRun(from);
  } catch (cause) {
    throw new LastgoodError({
      code: 'SCHEDULE_CRON',
      message: `"${cron}" is not a cron expression: ${(cause as Error).message}`,
      hint: 'minute hour day-of-month month day-of-week, e.g. --cron "15 3 * * *"',
      cause,
    });
  }
}

export interface KeepTime {
  readonly next: NextRun;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Says when the next night is due, and how many were missed while the last one ran or the machine slept. */
  readonly onWait: (due: Date, missed: number) => void;
  readonly runOnce: () => Promise<void>;
}

/** Looks at the clock this often, because a machine that slept does not notice how long. */
const LONGEST_SLEEP_MS = 60_000;

/** Runs a night whenever one is due until the signal is given; nights never overlap, a missed one is reported and not caught up on. */
export async function keepTime({ next, clock, signal, sleep, onWait, runOnce }: KeepTime): Promise<void> {
  let last = clock.now();
  while (!signal.aborted) {
    const now = clock.now();
    let missed = 0;
    let due = next(last);
    for (let skipped = due; skipped !== null && skipped <= now; skipped = next(skipped)) {
      missed++;
      due = next(skipped);
    }
    if (due === null) return;
    onWait(due, missed);
    while (!signal.aborted && clock.now() < due)
      await sleep(Math.min(LONGEST_SLEEP_MS, due.getTime() - clock.now().getTime()), signal);
    if (signal.aborted) return;
    last = due;
    await runOnce();
  }
}

const SCHEDULERS = ['crontab', 'systemd', 'github', 'gitlab'] as const;
export type Scheduler = (typeof SCHEDULERS)[number];

export interface PrintSchedule {
  readonly schedule: Schedule;
  readonly scheduler: Scheduler;
  /** The nightly command without its schedule options. */
  readonly command: readonly string[];
  readonly cwd: string;
  /** The ledger, from `cwd`, which CI jobs keep between nights (default the usual place). */
  readonly ledger?: string | undefined;
  readonly now: Date;
}

/** The schedule as text to paste: a crontab line, a systemd timer with its service, a GitHub workflow, or a GitLab job. */
export function printSchedule(input: PrintSchedule): string {
  const { schedule, command, cwd } = input;
  const line = command.map(shellWord).join(' ');
  const ledger = (input.ledger ?? 'snapshots/lastgood.db').replaceAll('\\', '/');
  const exported = `npx lastgood export label:nightly=night --db ${shellWord(ledger)} --dir lastgood-night`;
  switch (input.scheduler) {
    case 'crontab':
      // In a crontab an unescaped % ends the command.
      return `# crontab -e\nCRON_TZ=${schedule.tz}\n${schedule.cron} cd ${shellWord(cwd)} && npx ${line.replace(/%/g, '\\%')}\n`;
    case 'systemd':
      return `# /etc/systemd/system/lastgood-nightly.service
[Unit]
Description=lastgood nightly
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
WorkingDirectory=${cwd}
# LASTGOOD_WEBHOOK_URL=… and the provider keys; readable by the service only
EnvironmentFile=-/etc/lastgood/environment
ExecStart=/usr/bin/env npx ${line.replace(/%/g, '%%')}
# 1 = a regression was found, 3 = could not tell: both are results, shown in the report and the alert
SuccessExitStatus=1 3

# /etc/systemd/system/lastgood-nightly.timer
[Unit]
Description=lastgood nightly

[Timer]
OnCalendar=${onCalendar(schedule)}
Persistent=true

[Install]
WantedBy=timers.target

# then: systemctl enable --now lastgood-nightly.timer
`;
    case 'github': {
      const { cron, note } = inUtc(schedule, input.now);
      return `# .github/workflows/nightly.yml
name: nightly
on:
  schedule:
    # GitHub knows only UTC.${note}
    - cron: "${cron}"
  workflow_dispatch: {}
permissions:
  contents: read
concurrency:
  group: lastgood-nightly
jobs:
  nightly:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with: { node-version: 24 }
      - run: npm ci
      # What a night is compared with is committed: snapshots/*.snapshot.jsonl. The ledger in the cache adds the nights before; a night
      # without it is still a night. It is saved also when a regression ends the job.
      - uses: actions/cache/restore@v4
        with:
          path: ${ledger}
          key: lastgood-\${{ github.run_id }}
          restore-keys: lastgood-
      - run: npx ${line}
        env:
          # From the third night without a baseline on, the job fails.
          LASTGOOD_NIGHT: \${{ github.run_number }}
          OPENAI_API_KEY: \${{ secrets.OPENAI_API_KEY }}
          LASTGOOD_WEBHOOK_URL: \${{ secrets.LASTGOOD_WEBHOOK_URL }}
      - if: always()
        uses: actions/cache/save@v4
        with:
          path: ${ledger}
          key: lastgood-\${{ github.run_id }}
      # To make tonight the baseline: download the artifact, \`lastgood import\`, \`bless\`, \`export baseline\`, commit.
      - if: always()
        run: ${exported}
      - if: always()
        uses: actions/upload-artifact@v4
        with: { name: lastgood-night, path: lastgood-night, if-no-files-found: ignore }
`;
    }
    case 'gitlab': {
      const { cron, note } = inUtc(schedule, input.now);
      return `# .gitlab-ci.yml; then: Build > Pipeline schedules > New schedule, "${cron}", UTC.${note}
lastgood-nightly:
  image: node:24
  rules: [{ if: $CI_PIPELINE_SOURCE == "schedule" }]
  # What a night is compared with is committed: snapshots/*.snapshot.jsonl. The ledger in the cache adds the nights before.
  cache:
    key: lastgood-nightly
    paths: [${ledger}]
    when: always
  script:
    - npm ci
    - npx ${line}
  after_script:
    - ${exported}
  artifacts:
    when: always
    paths: [lastgood-night]
`;
    }
  }
}

function shellWord(word: string): string {
  return /^[\w@./:=,+-]+$/.test(word) ? word : `'${word.replace(/'/g, `'\\''`)}'`;
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'];

/** A five-field expression as systemd's OnCalendar. */
export function onCalendar({ cron, tz }: Schedule): string {
  const [minute = '*', hour = '*', day = '*', month = '*', weekday = '*'] = cron.trim().split(/\s+/);
  for (const field of [minute, hour, day, month, weekday]) {
    if (!/^[\d*,/-]+$/.test(field))
      throw new LastgoodError({
        code: 'SCHEDULE_SYSTEMD',
        message: `systemd cannot express "${field}"`,
        hint: 'use numbers, lists, ranges and steps',
      });
  }
  if (day !== '*' && weekday !== '*')
    throw new LastgoodError({
      code: 'SCHEDULE_SYSTEMD',
      message: 'cron runs when the day of month or the weekday fits; systemd only when both do',
      hint: 'give one of the two',
    });
  const part = (field: string, start: string): string =>
    field
      .split(',')
      .map((one) => one.replace(/^\*\//, `${start}/`).replace('-', '..'))
      .join(',');
  const time = (field: string): string => part(field, '0').replace(/\b\d\b/g, (d) => d.padStart(2, '0'));
  const days =
    weekday === '*' ? '' : `${weekday.replace(/\d/g, (d) => DAYS[Number(d)] ?? d).replace('-', '..')} `;
  return `${days}*-${part(month, '1')}-${part(day, '1')} ${time(hour)}:${time(minute)}:00 ${tz}`;
}

/** The expression in UTC as the offset stands now. */
function inUtc({ cron, tz }: Schedule, now: Date): { cron: string; note: string } {
  const offset = (at: Date): number => {
    const name = new Intl.DateTimeFormat('en', { timeZone: tz, timeZoneName: 'longOffset' })
      .formatToParts(at)
      .find((p) => p.type === 'timeZoneName')?.value;
    const [, sign = '+', hours = '0', minutes = '0'] = /GMT(?:([+-])(\d{2}):(\d{2}))?/.exec(name ?? '') ?? [];
    return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  };
  const shift = offset(now);
  const year = now.getUTCFullYear();
  const summer = offset(new Date(Date.UTC(year, 6, 1))) !== offset(new Date(Date.UTC(year, 0, 1)));
  if (shift === 0 && !summer) return { cron, note: '' };
  const [minute = '', hour = '', ...rest] = cron.trim().split(/\s+/);
  if (!/^\d+$/.test(minute) || !/^\d+$/.test(hour))
    throw new LastgoodError({
      code: 'SCHEDULE_GITHUB',
      message: `GitHub runs schedules in UTC, and "${cron}" in ${tz} cannot be shifted there`,
      hint: 'give the expression in UTC with --tz UTC',
    });
  const total = Number(hour) * 60 + Number(minute) - shift;
  if ((total < 0 || total >= 1440) && rest.some((f) => f !== '*'))
    throw new LastgoodError({
      code: 'SCHEDULE_GITHUB',
      message: 'in UTC this falls on another day',
      hint: 'give the expression in UTC with --tz UTC',
    });
  const at = (total + 1440) % 1440;
  return {
    cron: [at % 60, Math.floor(at / 60), ...rest].join(' '),
    note: ` This is ${hour.padStart(2, '0')}:${minute.padStart(2, '0')} ${tz}${summer ? ' now; half of the year it is an hour off' : ''}.`,
  };
}
