// The baseline pool of every command: the blessed run, and the runs of its release that may be counted with it.

import { ranTogether } from '../../compare/options.ts';
import { homogeneousPool } from '../../compare/pool-homogeneity.ts';
import {
  type Comparison,
  type LeftOutRun,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotStore,
  type SnapshotSummary,
} from '../../core/index.ts';

/** Most runs in a pool, the blessed one included; more would cost time and add no certainty. */
const MOST_POOLED = 30;

export interface BaselinePool {
  /** The blessed run first, then the others, newest first. */
  readonly runs: readonly SnapshotResults[];
  /** Runs of the same release that do not count, each with the reason; newest first. */
  readonly leftOut: readonly LeftOutRun[];
}

export interface PoolLimits {
  /** ISO time: only runs that started before it count (an incident, an onset). */
  readonly before?: string | undefined;
  /** Snapshot id: the run that is compared with the pool. */
  readonly without?: string | undefined;
}

/**
 * The pool of a baseline that a stored run is compared with: made before that run where it is the later one. Arms that were run together
 * share a session, which runs of other days do not.
 */
export async function poolBeside(
  store: PoolStore,
  baseline: SnapshotSummary,
  candidate: SnapshotSummary,
): Promise<BaselinePool> {
  if (ranTogether(baseline, candidate)) return { runs: [await store.results(baseline.id)], leftOut: [] };
  const before = candidate.startedAt > baseline.startedAt ? candidate.startedAt : undefined;
  return findPool(store, baseline, { before, without: candidate.id });
}

type PoolStore = Pick<SnapshotStore, 'list' | 'records' | 'results' | 'policyOf'>;

/** What is read of a night's record; the records of older versions have no more than this. */
interface NightMarks {
  readonly snapshot: string;
  readonly rerun?: string | null | undefined;
  readonly state: string;
  readonly decision?: {
    readonly looks?:
      | readonly { readonly outcome: string; readonly snapshots?: readonly string[] | undefined }[]
      | undefined;
  } | null;
}

/**
 * Runs count when they have the baseline's fingerprint and exam, are finished, valid and complete, lie in the same good stretch as the
 * baseline (no alarm or regression in between), and fit the blessed run (`homogeneousPool`).
 */
export async function findPool(
  store: PoolStore,
  baseline: SnapshotSummary,
  limits: PoolLimits = {},
): Promise<BaselinePool> {
  const blessed = await store.results(baseline.id);
  const { suite, fingerprint } = baseline;
  const listed = await store.list({ suite, fingerprint, purposes: ['run'] });
  const others = listed.filter(
    (s) =>
      s.id !== baseline.id &&
      s.id !== limits.without &&
      (limits.before === undefined || s.startedAt < limits.before),
  );
  if (others.length === 0) return { runs: [blessed], leftOut: [] };
  const marks = await marksOf(store, suite);
  const [from, to] = goodStretch(baseline, others, marks);
  const leftOut: LeftOutRun[] = [];
  const usable: SnapshotResults[] = [];
  for (const run of others) {
    const reason =
      unfit(baseline, run) ??
      marks.get(run.id)?.reason ??
      (run.startedAt < from
        ? 'before a regression that ended before the baseline was made'
        : run.startedAt > to
          ? 'after a regression began'
          : null);
    if (reason === null && usable.length === MOST_POOLED - 1) break;
    const results = reason === null ? await store.results(run.id) : null;
    if (results !== null && coversAll(blessed, results)) usable.push(results);
    else
      leftOut.push({
        snapshot: run.id,
        reason: reason ?? 'incomplete: some cases of the blessed run have no grade in it',
      });
  }
  const policy = resolvePolicy(await store.policyOf(baseline.id));
  const fit = homogeneousPool(blessed, usable, policy);
  const place = new Map(others.map((s, i) => [s.id, i]));
  return {
    runs: fit.runs,
    leftOut: [...leftOut, ...fit.leftOut].sort(
      (a, b) => (place.get(a.snapshot) ?? 0) - (place.get(b.snapshot) ?? 0),
    ),
  };
}

/** What the ledger says against a run. `regression`: a good stretch ends here. */
interface PoolMark {
  readonly reason: string;
  readonly regression: boolean;
}

async function marksOf(store: Pick<SnapshotStore, 'records'>, suite: string): Promise<Map<string, PoolMark>> {
  const marks = new Map<string, PoolMark>();
  const put = (snapshot: string, mark: PoolMark): void => {
    if (marks.get(snapshot)?.regression !== true) marks.set(snapshot, mark);
  };
  const nights = (await store.records('night', suite)).map(({ body }) => body as unknown as NightMarks);
  // Of a night that waited for its batch the newest record counts.
  for (const night of new Map(nights.map((one) => [one.snapshot, one])).values()) {
    const regression = night.state === 'alarm' || night.state === 'still';
    const named = regression ? 'in alarm' : `"${night.state}"`;
    if (regression || night.state === 'watch' || night.state === 'unknown') {
      put(night.snapshot, { reason: `its night was ${named}`, regression });
      if (night.rerun != null)
        put(night.rerun, { reason: `it is the second run of a night that was ${named}`, regression });
    }
    // The nights of a window that alarmed are part of what was found, though each of them was quiet alone.
    if (night.state !== 'alarm') continue;
    for (const look of night.decision?.looks ?? [])
      if (look.outcome === 'regressed')
        for (const snapshot of look.snapshots ?? [])
          put(snapshot, { reason: 'it is one of several nights that raised an alarm together', regression });
  }
  for (const { body } of await store.records('comparison', suite)) {
    const { candidate, verdict } = body as unknown as Comparison;
    if (verdict === 'regressed')
      put(candidate.id, { reason: 'a stored comparison calls it regressed', regression: true });
  }
  return marks;
}

/** Times between which runs count: after the last regression before the baseline, and before the first one after it. */
function goodStretch(
  baseline: SnapshotSummary,
  others: readonly SnapshotSummary[],
  marks: ReadonlyMap<string, PoolMark>,
): readonly [from: string, to: string] {
  const bad = others.filter((s) => marks.get(s.id)?.regression === true).map((s) => s.startedAt);
  const before = bad.filter((at) => at <= baseline.startedAt);
  const after = bad.filter((at) => at > baseline.startedAt);
  return [
    before.reduce((latest, at) => (at > latest ? at : latest), ''),
    after.reduce((first, at) => (at < first ? at : first), '~'),
  ];
}

/** Why its summary alone keeps a run out of the pool; null = nothing does. */
function unfit(baseline: SnapshotSummary, run: SnapshotSummary): string | null {
  if (run.exam !== baseline.exam) return 'graded by another exam';
  if (run.state !== 'finished') return 'the run did not finish';
  if (run.validity !== 'valid') return `${run.validity}: ${run.validityReasons.join('; ')}`;
  // What came out of a file is not pooled with what was measured here.
  if (run.imported === true && baseline.imported !== true) return 'imported from a file';
  if (run.cases !== baseline.cases) return `covers ${run.cases} of ${baseline.cases} cases`;
  return null;
}

/** Does the run have a grade for every case that the blessed run has one for? */
function coversAll(blessed: SnapshotResults, run: SnapshotResults): boolean {
  const graded = new Set(run.cases.filter((c) => c.trials.some((t) => t.pass !== null)).map((c) => c.id));
  return blessed.cases.every((c) => graded.has(c.id) || c.trials.every((t) => t.pass === null));
}
