// Is the nightly job alive, and is anything open? One block a suite.

import { count, when } from '../../base/numbers.ts';
import { terminalLine } from '../parts/escape.ts';
import { PLAIN, type Style } from './style.ts';

/** One suite's state as `status` prints it; a subset of the job's own result. */
export interface StatusFacts {
  readonly suite: string;
  readonly fresh: boolean;
  readonly future?: { readonly snapshot: string; readonly at: string } | null | undefined;
  readonly lastValid: { readonly snapshot: string; readonly at: string; readonly ageMs: number } | null;
  readonly lastRun: {
    readonly snapshot: string;
    readonly at: string;
    readonly validity: string;
    readonly state: string;
    readonly reasons: readonly string[];
  } | null;
  readonly baseline: { readonly snapshot: string; readonly at: string; readonly by: string } | null;
  readonly lastNight: { readonly state: string; readonly reason: string; readonly startedAt: string } | null;
  readonly openEpisodes: readonly {
    readonly series: string;
    readonly openedAt: string;
    readonly nights: number;
    readonly reason: string;
    readonly regressed: readonly string[];
  }[];
  readonly unsent: readonly { readonly alert: { readonly event: string; readonly at: string } }[];
  readonly missed: readonly {
    readonly nights: number;
    readonly after: string;
    readonly before: string | null;
  }[];
}

/** Every suite asked about; `maxAge` as the reader typed it. */
export function statusText(
  suites: readonly StatusFacts[],
  options: { readonly style?: Style; readonly maxAge: string },
): string {
  const style = options.style ?? PLAIN;
  if (suites.length === 0)
    return 'The ledger holds no run yet. Make one: lastgood run SUITE --release FILE\n';
  return `${suites.map((s) => suiteLines(s, style, options.maxAge).join('\n')).join('\n')}\n`;
}

function suiteLines(s: StatusFacts, style: Style, maxAge: string): string[] {
  const head = s.fresh
    ? style.green('fresh')
    : style.red(
        s.future != null
          ? 'a run from the future'
          : s.lastValid === null
            ? 'no valid run'
            : `no valid run within ${maxAge}`,
      );
  const lines = [
    `${head}  ${style.bold(terminalLine(s.suite, 60))}${s.lastValid === null ? '' : `  last valid run ${s.lastValid.snapshot}, ${age(s.lastValid.ageMs)} ago (${when(s.lastValid.at)} UTC)`}`,
  ];
  if (s.future != null)
    lines.push(
      `  ${style.red(`run ${s.future.snapshot} is dated ${when(s.future.at)} UTC, later than now`)}: check the clocks, and where the run was imported from`,
    );
  if (s.lastRun !== null)
    lines.push(
      `  newest run ${s.lastRun.snapshot} of ${when(s.lastRun.at)} UTC is ${s.lastRun.state === 'finished' ? s.lastRun.validity : s.lastRun.state}${s.lastRun.reasons.length === 0 ? '' : `: ${terminalLine(s.lastRun.reasons.join('; '), 300)}`}`,
    );
  if (s.lastNight !== null)
    lines.push(
      `  last night (${when(s.lastNight.startedAt)} UTC): ${s.lastNight.state}; ${terminalLine(s.lastNight.reason, 300)}`,
    );
  lines.push(
    s.baseline === null
      ? '  no baseline: lastgood bless REF --why TEXT'
      : `  baseline ${s.baseline.snapshot}, blessed ${when(s.baseline.at)} UTC by ${terminalLine(s.baseline.by, 60)}`,
  );
  // Those of rollouts are listed by feature, below.
  for (const e of s.openEpisodes.filter(({ series }) => !series.startsWith('rollout:')))
    lines.push(
      `  ${style.red('open regression')} since ${when(e.openedAt)} UTC, ${count(e.nights, 'night')}: ${terminalLine(e.reason, 300)}${e.regressed.length === 0 ? '' : `; ${terminalLine(e.regressed.slice(0, 5).join(', '), 200)}`}`,
    );
  for (const { alert } of s.unsent)
    lines.push(`  ${style.yellow('alert not sent yet')}: ${alert.event} of ${when(alert.at)} UTC`);
  for (const m of s.missed)
    lines.push(
      `  ${style.yellow(`${count(m.nights, 'night')} missed`)} ${m.before === null ? `since ${when(m.after)} UTC` : `between ${when(m.after)} and ${when(m.before)} UTC`}`,
    );
  return lines;
}

/** What monitors of a feature found last; a subset of the job's own result. */
export interface FeatureStatusFacts {
  readonly feature: string;
  readonly lastCheck: {
    readonly at: string;
    readonly monitors: readonly { readonly name: string; readonly outcome: string }[];
  } | null;
  readonly openEpisodes: readonly { readonly openedAt: string; readonly summary: string }[];
  readonly unsent: StatusFacts['unsent'];
}

/** One block a feature; empty without any. */
export function featureStatusText(features: readonly FeatureStatusFacts[], style: Style = PLAIN): string {
  return features.map((f) => `${featureLines(f, style).join('\n')}\n`).join('');
}

function featureLines(
  { feature, lastCheck, openEpisodes, unsent }: FeatureStatusFacts,
  style: Style,
): string[] {
  const monitors = lastCheck?.monitors ?? [];
  const found = [...Map.groupBy(monitors, (m) => m.outcome)].map(
    ([outcome, list]) => `${list.length} ${outcome.replace('-', ' ')}`,
  );
  return [
    `monitors  ${style.bold(terminalLine(feature, 64))}  last recorded check ${when(lastCheck?.at ?? null)} UTC: ${found.join(', ')}`,
    ...openEpisodes.map(
      (e) => `  ${style.red('open drift')} since ${when(e.openedAt)} UTC: ${terminalLine(e.summary, 300)}`,
    ),
    ...unsent.map(
      ({ alert }) => `  ${style.yellow('alert not sent yet')}: ${alert.event} of ${when(alert.at)} UTC`,
    ),
  ];
}

/** What is open of rollouts and applied rollbacks; a subset of the job's own result. */
export interface ShippingStatusFacts {
  readonly rollouts: readonly {
    readonly feature: string;
    readonly environment: string;
    readonly openedAt: string;
    readonly reason: string;
  }[];
  readonly rollbacks: readonly {
    readonly feature: string;
    readonly environment: string;
    readonly status: string;
    readonly code: string | null;
    readonly percent: number;
    readonly target: { readonly release: string };
    readonly since: string;
    readonly reason: string;
    readonly holds: string | null;
  }[];
  readonly unsent: StatusFacts['unsent'];
}

/** A line for each; empty without any. */
export function shippingStatusText(
  { rollouts, rollbacks, unsent }: ShippingStatusFacts,
  style: Style = PLAIN,
): string {
  const where = (r: { readonly feature: string; readonly environment: string }): string =>
    `${style.bold(terminalLine(r.feature, 64))} in ${terminalLine(r.environment, 64)}`;
  const lines = [
    ...rollouts.map(
      (r) =>
        `rollout   ${where(r)}  ${style.red('a gate acted')} ${when(r.openedAt)} UTC: ${terminalLine(r.reason, 300)}; lastgood rollout status ${terminalLine(r.feature, 64)}`,
    ),
    ...rollbacks.map((r) => {
      const state =
        r.status === 'running'
          ? style.yellow(`${r.percent}% get ${terminalLine(r.target.release, 60)}`)
          : style.red(`${r.status} at ${r.percent}%${r.code === null ? '' : ` [${r.code}]`}`);
      return `rollback  ${where(r)}  ${state} since ${when(r.since)} UTC: ${terminalLine(r.holds ?? r.reason, 300)}; lastgood rollback status ${terminalLine(r.feature, 64)}`;
    }),
    ...unsent.map(
      ({ alert }) => `  ${style.yellow('alert not sent yet')}: ${alert.event} of ${when(alert.at)} UTC`,
    ),
  ];
  return lines.map((line) => `${line}\n`).join('');
}

function age(ms: number): string {
  const hours = ms / 3_600_000;
  if (hours < 1) return `${Math.max(0, Math.round(ms / 60_000))} min`;
  return hours < 48 ? `${hours.toFixed(1)} h` : `${(hours / 24).toFixed(1)} days`;
}
