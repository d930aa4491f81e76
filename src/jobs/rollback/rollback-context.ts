// What a rollback decision starts from: the incident, what was good, the suite's whole history, and since when.

import { LastgoodError } from '../../base/index.ts';
import { onsetOf } from '../../compare/index.ts';
import { type Comparison, changedLayers, type Release, type SnapshotResults } from '../../core/index.ts';
import { allNights } from '../../engine/records/night-records.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { mergeRuns, type PastRelease, regressedCases } from '../../rollback/index.ts';

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
      hint: `name one: lastgood bless REF --why TEXT, or pass --baseline REF (lastgood list --suite ${suite})`,
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
  const ended = [...list].reverse().filter((s) => s.state !== 'running');
  // A name is no part of the fingerprint: the release keeps the name it had in its first snapshot, and what a file says of it counts only
  // where nothing was measured here.
  for (const { id, fingerprint } of [...ended.filter((s) => s.imported !== true), ...ended])
    if (!releases.has(fingerprint)) releases.set(fingerprint, await work.store.releaseOf(id));
  for (const { id, fingerprint } of ended)
    past.push({ release: releases.get(fingerprint) as Release, results: await work.store.results(id) });
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

/** A night that raised an alarm, or belongs to one that is open. */
export interface NightAlarm {
  readonly reason: string;
  /** Cases the night named on fresh trials of its own. */
  readonly cases: readonly string[];
  /** The tag that fell, where it was not the whole suite. */
  readonly tag: string | null;
  /** The night with everything that shows its regression: its second run, the other nights of a window, fresh trials of cases. */
  readonly evidence: SnapshotResults;
}

/** What `nightly` found on the snapshot: what is a regression there is one here. null = no alarm. */
export async function alarmOf(
  work: Pick<Workplace, 'store'>,
  incident: SnapshotResults,
): Promise<NightAlarm | null> {
  const { id, suite } = incident.summary;
  const nights = await allNights(work.store, suite);
  const night = nights.findLast((n) => n.snapshot === id || n.rerun === id);
  if (night === undefined || (night.state !== 'alarm' && night.state !== 'still')) return null;
  // A later night of an open alarm need not show everything again: the night that raised it does.
  const raised = nights.findLast(
    (n) => n.episode !== null && n.episode === night.episode && n.state === 'alarm',
  );
  const found = [...new Set([raised, night])].filter((n) => n !== undefined);
  const snapshots = new Set(
    found.flatMap((n) => [
      ...(n.decision?.looks ?? []).filter((l) => l.outcome === 'regressed').flatMap((l) => l.snapshots),
      n.snapshot,
      ...(n.rerun === null ? [] : [n.rerun]),
      ...n.fresh,
    ]),
  );
  snapshots.delete(id);
  const runs: SnapshotResults[] = [];
  for (const snapshot of snapshots) {
    const results = await work.store.results(snapshot);
    if (results.summary.validity !== 'invalid' && results.summary.exam === incident.summary.exam)
      runs.push(results);
    else if (results.summary.purpose === 'confirmation') runs.push(results);
  }
  const cases = found.flatMap((n) =>
    (n.decision?.cases ?? []).filter((c) => c.outcome === 'alarm' || c.outcome === 'listed').map((c) => c.id),
  );
  const evidence = mergeRuns([...runs, incident]);
  return {
    reason: night.reason,
    cases: [...new Set(cases)],
    tag: (raised ?? night).decision?.affected.tag ?? null,
    evidence: { summary: incident.summary, cases: evidence.cases },
  };
}

/** The cases to be cured: those the night named, else those that the comparison lists, else all that fell where the alarm was. */
export function casesToCure(comparison: Comparison, alarm: NightAlarm | null): string[] {
  const listed = regressedCases(comparison);
  if (alarm === null) return listed;
  const sure = comparison.cases.filter((c) => c.verdict === 'regressed').map((c) => c.id);
  const named = new Set([...alarm.cases, ...sure]);
  if (named.size > 0) {
    const fell = new Map(comparison.cases.map((c) => [c.id, 'delta' in c ? c.delta : 0]));
    return [...named].sort((a, b) => (fell.get(a) ?? 0) - (fell.get(b) ?? 0) || (a < b ? -1 : 1));
  }
  const { tag } = alarm;
  const within = comparison.cases.filter((c) => tag === null || c.tags.includes(tag)).map((c) => c.id);
  return listed.filter((id) => within.includes(id));
}
