// Has a valid run happened lately, and is anything broken or unsent? A nightly job that stopped is noticed by nobody else.

import { LastgoodError, type SnapshotSummary } from '../../core/index.ts';
import { loadSuite } from '../../suite/index.ts';
import { findSuiteFile } from '../project/settings-file.ts';
import type { Workplace } from '../workplace.ts';
import { type AlertState, alertStates, type Episode, episodesOf } from './alerts.ts';
import { missedBetween, type NightRecord, usualDistance } from './night-records.ts';

export interface SuiteStatus {
  readonly suite: string;
  /** A valid run within the age asked for. */
  readonly fresh: boolean;
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

/** Gaps told of, newest last. */
const MOST_GAPS = 5;

/** Every suite of the ledger, or the one asked for. `maxAgeMs` is measured to the end of the run. */
export async function suiteStatus(
  work: Pick<Workplace, 'store' | 'clock'>,
  input: { readonly suite?: string | undefined; readonly cwd: string; readonly maxAgeMs: number },
): Promise<readonly SuiteStatus[]> {
  const runs = await work.store.list({ purposes: ['run'] });
  const names = [...new Set(runs.map((r) => r.suite))].sort();
  const suites = input.suite === undefined ? names : [await suiteName(input.suite, names, input.cwd)];
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

/** A suite is named as in the ledger, or as for `run`: by its file or folder. */
async function suiteName(asked: string, known: readonly string[], cwd: string): Promise<string> {
  if (known.includes(asked)) return asked;
  try {
    return (await loadSuite(await findSuiteFile(asked, cwd))).name;
  } catch (error) {
    if (!(error instanceof LastgoodError) || error.code !== 'SUITE_NOT_FOUND') throw error;
    throw new LastgoodError({
      code: 'SUITE_NOT_FOUND',
      message: `the ledger has no run of a suite "${asked}", and there is no such suite file`,
      hint:
        known.length === 0
          ? 'the ledger is empty: lastgood run SUITE --release FILE'
          : `it has ${known.join(', ')}`,
    });
  }
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
  const blessing = (await store.blessings(suite)).at(-1);
  const nights = (await store.records('night', suite)).map((r) => r.body as unknown as NightRecord);
  const last = nights.at(-1);
  return {
    suite,
    fresh: ageMs !== null && ageMs <= maxAgeMs,
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
