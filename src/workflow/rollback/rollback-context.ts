// What a rollback decision starts from: the incident, what was good, the suite's whole history, and since when.

import { onsetOf } from '../../compare/index.ts';
import { changedLayers, LastgoodError, type Release, type SnapshotResults } from '../../core/index.ts';
import type { PastRelease } from '../../rollback/index.ts';
import type { Workplace } from '../workplace.ts';

/** A snapshot of the suite by reference, with its numbers. */
export async function resultsOf(work: Workplace, ref: string, suite: string): Promise<SnapshotResults> {
  const summary = await work.store.resolve(ref, { suite, now: work.clock.now() });
  return work.store.results(summary.id);
}

/** What was good: the snapshot named, else the blessed one. Throws NO_BASELINE. */
export async function baselineOf(
  work: Workplace,
  suite: string,
  ref: string | undefined,
): Promise<SnapshotResults> {
  if (ref !== undefined) return resultsOf(work, ref, suite);
  const blessed = (await work.store.blessings(suite)).at(-1);
  if (blessed === undefined) {
    throw new LastgoodError({
      code: 'NO_BASELINE',
      message: `suite "${suite}" has no baseline, so nothing says what "good" was`,
      hint: `name one: lastgood bless REF --by NAME --why TEXT, or pass --baseline REF (lastgood list --suite ${suite})`,
      exitCode: 3,
    });
  }
  return resultsOf(work, blessed.snapshot, suite);
}

/** Every finished run of the suite with its release, oldest first. */
export async function historyOf(work: Workplace, suite: string): Promise<PastRelease[]> {
  const list = await work.store.list({ suite, purposes: ['run', 'compare', 'verification'] });
  const releases = new Map<string, Release>();
  const past: PastRelease[] = [];
  for (const summary of [...list].reverse()) {
    if (summary.state === 'running') continue;
    const known = releases.get(summary.fingerprint);
    const release = known ?? (await work.store.releaseOf(summary.id));
    // A name is no part of the fingerprint: the release keeps the name it had in its first snapshot.
    releases.set(summary.fingerprint, release);
    past.push({ release, results: await work.store.results(summary.id) });
  }
  return past;
}

export interface PlacedOnset {
  readonly snapshot: string;
  readonly at: string;
  readonly layersChanged: ReturnType<typeof changedLayers>;
}

/** The first snapshot that shows the regression, on the path from the baseline to the incident; null when it cannot be placed. */
export function placeOnset(
  history: readonly PastRelease[],
  baseline: SnapshotResults,
  incident: SnapshotResults,
  regressed: readonly string[],
): PlacedOnset | null {
  const series = history.filter(
    (p) =>
      p.results.summary.purpose === 'run' &&
      p.results.summary.startedAt >= baseline.summary.startedAt &&
      p.results.summary.startedAt <= incident.summary.startedAt &&
      // Before the change other releases may have run besides; the onset is looked for on the path that led to the incident.
      (p.release.fingerprint === incident.summary.fingerprint ||
        p.release.fingerprint === baseline.summary.fingerprint),
  );
  const found = onsetOf(
    series.map((p) => p.results),
    regressed,
  );
  if (found === null) return null;
  const at = series[found.index];
  const before = series[found.index - 1];
  if (at === undefined) return null;
  return {
    snapshot: at.results.summary.id,
    at: at.results.summary.startedAt,
    layersChanged: before === undefined ? [] : changedLayers(before.release, at.release),
  };
}
