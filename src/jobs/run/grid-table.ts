// The table of a run of several releases: who stands in which row and column, and the numbers of each cell.

import { contentHash, type JsonObject, shortHash } from '../../base/index.ts';
import {
  type CaseResult,
  type Grid,
  type GridCase,
  type GridHeading,
  type GridRelease,
  layerText,
  type Release,
  type SnapshotResults,
} from '../../core/index.ts';
import { wilson } from '../../stats/proportion.ts';
import { quantile7 } from '../../stats/quantile.ts';

/** A release and what it did. */
export interface Measured {
  readonly release: Release;
  readonly results: SnapshotResults;
}

/** The whole table; `measured` in the order the releases were named. */
export function gridOf(
  suite: string,
  measured: readonly Measured[],
  ended: Pick<Grid, 'calls' | 'stoppedBy'>,
): Grid {
  const rows = placesIn(measured.map(({ release }) => promptHash(release)));
  const columns = placesIn(measured.map(({ release }) => release.layerHashes.route ?? ''));
  const at = (places: readonly number[], n: number): readonly Release[] =>
    measured.filter((_, i) => places[i] === n).map(({ release }) => release);
  return {
    schemaVersion: 1,
    kind: 'grid',
    suite,
    cases: measured[0]?.results.cases.length ?? 0,
    prompts: distinct(rows.hashes.map((hash, n) => ({ hash, label: promptLabel(at(rows.places, n)) }))),
    models: distinct(columns.hashes.map((hash, n) => modelHeading(hash, at(columns.places, n)[0]))),
    releases: measured.map((m, i) => gridRelease(m, rows.places[i] ?? 0, columns.places[i] ?? 0)),
    differing: differing(measured),
    ...ended,
  };
}

/** Everything a release is made of, its route aside. */
function promptHash({ layerHashes }: Release): string {
  const { route: _route, ...rest } = layerHashes;
  return contentHash(rest as JsonObject);
}

function placesIn(hashes: readonly string[]): {
  readonly hashes: readonly string[];
  readonly places: readonly number[];
} {
  const found = [...new Set(hashes)];
  return { hashes: found, places: hashes.map((hash) => found.indexOf(hash)) };
}

/** What the names of a row's releases have in common, `triage-short` of `triage-short-gpt` and `triage-short-claude`. */
function promptLabel(releases: readonly Release[]): string {
  const [first = '', ...others] = releases.map((r) => r.name);
  let length = first.length;
  for (const name of others) while (!name.startsWith(first.slice(0, length))) length--;
  const common = others.length === 0 ? first : first.slice(0, length).replace(/[^\p{L}\p{N})]+$/u, '');
  return common.length < 2 ? [first, ...others].join(', ') : common;
}

function modelHeading(hash: string, release: Release | undefined): GridHeading {
  const route = release?.layers.route;
  return { hash, label: layerText(route, 'model') ?? layerText(route, 'provider') ?? 'unknown' };
}

/** Headings that would read the same get the beginning of their hash. */
function distinct(headings: readonly GridHeading[]): GridHeading[] {
  return headings.map((h) =>
    headings.filter((other) => other.label === h.label).length === 1
      ? h
      : { ...h, label: `${h.label} (${shortHash(h.hash).slice(0, 6)})` },
  );
}

function gridRelease({ release, results }: Measured, prompt: number, model: number): GridRelease {
  const { cases, summary } = results;
  const rates = cases.flatMap((c) => passRateOf(c) ?? []);
  const graded = cases.filter((c) => passRateOf(c) !== null);
  const passRate = rates.length === 0 ? null : rates.reduce((sum, r) => sum + r, 0) / rates.length;
  // Trials of a case, and cases of a group, are not independent: each counts once, so the interval is never too narrow.
  const observations = new Set(graded.map((c) => (c.group === null ? `case ${c.id}` : `group ${c.group}`)))
    .size;
  const interval = passRate === null ? null : wilson(passRate * observations, observations);
  const latencies = cases.flatMap((c) => c.trials.flatMap((t) => t.latencyMs ?? []));
  return {
    release: release.name,
    fingerprint: release.fingerprint,
    snapshot: summary.id,
    prompt,
    model,
    validity: summary.validity,
    validityReasons: summary.validityReasons,
    passRate,
    interval: interval === null ? null : [interval.lower, interval.upper],
    gradedCases: graded.length,
    trials: summary.trials,
    failed: summary.failed,
    skipped: summary.skipped,
    ungraded: summary.ungraded,
    costUsd: summary.costUsd,
    latencyMs:
      latencies.length === 0 ? null : { p50: quantile7(latencies, 0.5), p95: quantile7(latencies, 0.95) },
    simulated: summary.simulated,
  };
}

/** Share of the graded trials that passed; null when none was graded. */
function passRateOf({ trials }: CaseResult): number | null {
  const graded = trials.filter((t) => t.pass !== null);
  return graded.length === 0 ? null : graded.filter((t) => t.pass === true).length / graded.length;
}

function differing(measured: readonly Measured[]): GridCase[] {
  const byId = new Map<string, { tags: readonly string[]; passRates: (number | null)[] }>();
  for (const [i, { results }] of measured.entries()) {
    for (const c of results.cases) {
      const row = byId.get(c.id) ?? { tags: c.tags, passRates: measured.map(() => null) };
      row.passRates[i] = passRateOf(c);
      byId.set(c.id, row);
    }
  }
  return [...byId]
    .map(([id, row]) => ({ id, ...row }))
    .filter(({ passRates }) => spread(passRates) > 0)
    .sort((a, b) => spread(b.passRates) - spread(a.passRates) || (a.id < b.id ? -1 : 1));
}

function spread(rates: readonly (number | null)[]): number {
  const known = rates.filter((r) => r !== null);
  return known.length < 2 ? 0 : Math.max(...known) - Math.min(...known);
}
