// Has a valid run happened lately, and is anything broken or unsent? A nightly job that stopped is noticed nowhere else.

import type { SnapshotSummary } from '../../core/index.ts';
import { knownSuite } from '../../engine/exchange/known-suite.ts';
import { type AlertState, alertStates } from '../../engine/records/alerts.ts';
import {
  allNights,
  missedBetween,
  type NightRecord,
  usualDistance,
} from '../../engine/records/night-records.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { type Episode, episodesOf } from './episodes.ts';

export interface SuiteStatus {
  readonly suite: string;
  /** A valid run within the age asked for, and none that is dated in the future. */
  readonly fresh: boolean;
  /** Ended later than it is now, by this machine's clock: a clock is wrong, or a file was edited. */
  readonly future: { readonly snapshot: string; readonly at: string } | null;
  readonly lastValid: { readonly snapshot: string; readonly at: string; readonly ageMs: number } | null;
  /** The newest run, where it is not the newest valid one. */
  readonly lastRun: {
    readonly snapshot: string;
    readonly at: string;
    readonly validity: string;
    readonly state: string;
    readonly reasons: readonly string[];
  } | null;
  readonly baseline: { readonly snapshot: string; readonly at: string; readonly by: string } | null;
  readonly lastNight: Pick<NightRecord, 'snapshot' | 'state' | 'reason' | 'startedAt'> | null;
  readonly openEpisodes: readonly Episode[];
  readonly unsent: readonly AlertState[];
  readonly missed: readonly Missed[];
}

/** Nights that should have been between two that were; `before: null` = since the last one until now. */
export interface Missed {
  readonly nights: number;
  readonly after: string;
  readonly before: string | null;
}

/** Clocks of two machines may differ by this much. */
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** Gaps that are reported, newest last. */
const MOST_GAPS = 5;

/** Every suite of the ledger, or the one asked for. `maxAgeMs` is measured to the end of the run. */
export async function suiteStatus(
  work: Pick<Workplace, 'store' | 'clock'>,
  input: { readonly suite?: string | undefined; readonly cwd: string; readonly maxAgeMs: number },
): Promise<readonly SuiteStatus[]> {
  const runs = await work.store.list({ purposes: ['run'] });
  const names = [...new Set(runs.map((r) => r.suite))].sort();
  const suites = input.suite === undefined ? names : [await knownSuite(input.suite, names, input.cwd)];
  const all: SuiteStatus[] = [];
  for (const suite of suites)
    all.push(
      await statusOf(
        work,
        suite,
        runs.filter((r) => r.suite === suite),
        input.maxAgeMs,
      ),
    );
  return all;
}

async function statusOf(
  { store, clock }: Pick<Workplace, 'store' | 'clock'>,
  suite: string,
  runs: readonly SnapshotSummary[],
  maxAgeMs: number,
): Promise<SuiteStatus> {
  const now = clock.now().getTime();
  const ended = (s: SnapshotSummary): string => s.finishedAt ?? s.startedAt;
  const valid = runs.find((r) => r.state === 'finished' && r.validity === 'valid');
  const newest = runs[0];
  const ageMs = valid === undefined ? null : now - Date.parse(ended(valid));
  const ahead = runs.find(
    (r) => Math.max(Date.parse(ended(r)), Date.parse(r.startedAt)) > now + CLOCK_TOLERANCE_MS,
  );
  const blessing = (await store.blessings(suite)).at(-1);
  const nights = await allNights(store, suite);
  const last = nights.at(-1);
  return {
    suite,
    fresh: ageMs !== null && ageMs <= maxAgeMs && ahead === undefined,
    future: ahead === undefined ? null : { snapshot: ahead.id, at: ended(ahead) },
    lastValid: valid === undefined || ageMs === null ? null : { snapshot: valid.id, at: ended(valid), ageMs },
    lastRun:
      newest === undefined || newest.id === valid?.id
        ? null
        : {
            snapshot: newest.id,
            at: newest.startedAt,
            validity: newest.validity,
            state: newest.state,
            reasons: newest.validityReasons,
          },
    baseline:
      blessing === undefined ? null : { snapshot: blessing.snapshot, at: blessing.at, by: blessing.by },
    lastNight:
      last === undefined
        ? null
        : {
            snapshot: last.snapshot,
            state: last.state,
            reason: last.reason,
            startedAt: last.startedAt,
          },
    openEpisodes: (await episodesOf(store, suite)).filter((e) => e.status === 'open'),
    unsent: (await alertStates(store, suite)).filter((a) => !a.delivered),
    missed: missedNights(
      nights.map((n) => n.startedAt),
      now,
    ),
  };
}

/** Gaps in a series of nights, measured against its usual distance; the time since the last night counts too. */
export function missedNights(startedAt: readonly string[], now: number): readonly Missed[] {
  const usual = usualDistance(startedAt);
  if (usual === null) return [];
  const gaps: Missed[] = [];
  for (const [i, after] of startedAt.entries()) {
    const before = startedAt[i + 1] ?? null;
    const nights = missedBetween(after, before ?? new Date(now).toISOString(), usual);
    if (nights > 0) gaps.push({ nights, after, before });
  }
  return gaps.slice(-MOST_GAPS);
}
