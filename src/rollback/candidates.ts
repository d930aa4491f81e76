// Who could be restored: every earlier release of the suite, and the current release with some of its layers put back.

import type { LayerName, Release, SnapshotResults } from '../core/index.ts';
import { changedLayers, hybridRelease } from '../core/index.ts';

/** A release that might be the target, with the newest snapshot that shows what it did. */
export interface Candidate {
  readonly release: Release;
  /** Newest snapshot of this fingerprint; null for a hybrid that nobody has run. */
  readonly snapshot: SnapshotResults | null;
  /** Layers of the current release that change when it is restored. */
  readonly layersRestored: readonly LayerName[];
  readonly hybrid: boolean;
  /** Graded trials of valid snapshots with this fingerprint. */
  readonly evidence: number;
}

/** One earlier snapshot with the release it ran. */
export interface PastRelease {
  readonly release: Release;
  readonly results: SnapshotResults;
}

/** More changed layers than this, and only the smallest hybrids and their complements are listed. */
const MOST_LAYERS_IN_FULL = 5;

/**
 * All candidates, unscreened. `history` is the suite's snapshots, oldest first. Releases given by name (`named`) count even
 * without a snapshot. Hybrids are the current release with some of the layers that differ from the baseline put back.
 */
export function listCandidates(input: {
  readonly current: Release;
  readonly baseline: Release;
  readonly history: readonly PastRelease[];
  readonly named: readonly Release[];
}): Candidate[] {
  const { current, baseline, history, named } = input;
  const newest = new Map<string, PastRelease>();
  const evidence = new Map<string, number>();
  for (const past of history) {
    const { fingerprint } = past.release;
    const usable = past.results.summary.validity === 'valid';
    // A later broken run must not hide an earlier good one: only a valid snapshot replaces a valid one.
    if (usable || newest.get(fingerprint)?.results.summary.validity !== 'valid')
      newest.set(fingerprint, past);
    if (usable) {
      const graded = past.results.cases.reduce(
        (n, c) => n + c.trials.filter((t) => t.pass !== null).length,
        0,
      );
      evidence.set(fingerprint, (evidence.get(fingerprint) ?? 0) + graded);
    }
  }
  const candidates: Candidate[] = [...newest.values()].map(({ release, results }) => ({
    release,
    snapshot: results,
    layersRestored: changedLayers(current, release),
    hybrid: false,
    evidence: evidence.get(release.fingerprint) ?? 0,
  }));
  const known = new Set(candidates.map((c) => c.release.fingerprint));
  const add = (release: Release, hybrid: boolean): void => {
    if (known.has(release.fingerprint)) return;
    known.add(release.fingerprint);
    candidates.push({
      release,
      snapshot: null,
      layersRestored: changedLayers(current, release),
      hybrid,
      evidence: 0,
    });
  };
  for (const release of named) add(release, false);
  for (const layers of partialReverts(changedLayers(current, baseline)))
    add(hybridRelease(current, baseline, layers, current.pin), true);
  return candidates;
}

/** Sets of layers to put back, smallest first, without the empty set and the whole: those are releases that exist. */
export function partialReverts(layers: readonly LayerName[]): LayerName[][] {
  const n = layers.length;
  const sets: LayerName[][] = [];
  for (let bits = 1; bits < 2 ** n - 1; bits++) {
    const set = layers.filter((_, i) => (bits & (1 << i)) !== 0);
    if (n <= MOST_LAYERS_IN_FULL || set.length <= 2 || set.length === n - 1) sets.push(set);
  }
  return sets.sort((a, b) => a.length - b.length);
}

/**
 * Best first: the smallest change that protects users (fewest layers, then least dependent state to rebuild), then tested
 * before untested, the most recent, the most evidence.
 */
export function rankCandidates(candidates: readonly Candidate[]): Candidate[] {
  const rebuilds = (c: Candidate): number =>
    c.release.dependents.filter((d) => c.layersRestored.includes(d.builtFrom)).length;
  const startedAt = (c: Candidate): string => c.snapshot?.summary.startedAt ?? '';
  return [...candidates].sort(
    (a, b) =>
      a.layersRestored.length - b.layersRestored.length ||
      rebuilds(a) - rebuilds(b) ||
      Number(a.hybrid) - Number(b.hybrid) ||
      (startedAt(a) < startedAt(b) ? 1 : startedAt(a) > startedAt(b) ? -1 : 0) ||
      b.evidence - a.evidence ||
      (a.release.fingerprint < b.release.fingerprint ? -1 : 1),
  );
}

/**
 * The same order with releases that were run before hybrids: where the last good release cannot be run beside them a proof is hard to
 * come by, and what a release did before is then the best reason to try it first.
 */
export function testedFirst(ranked: readonly Candidate[]): Candidate[] {
  return [...ranked.filter((c) => !c.hybrid), ...ranked.filter((c) => c.hybrid)];
}
