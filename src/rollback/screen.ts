// The screen: which candidates are not worth a single call, and exactly why.

import { shortHash } from '../base/index.ts';
import { probability } from '../base/numbers.ts';
import type { Rejection, RejectionReason, Release, SnapshotResults } from '../core/index.ts';
import { asDetail, examDifferences, missingLayers, type Reason, reason, statistic } from '../core/index.ts';
import { stratifiedExact } from '../stats/index.ts';
import type { Candidate } from './candidates.ts';
import { byId, tally } from './regression.ts';

export interface ScreenInput {
  readonly current: Release;
  /** Of the release that was good. */
  readonly goodFingerprint: string;
  /** The snapshot that shows the regression. */
  readonly incident: SnapshotResults;
  readonly regressed: readonly string[];
  /** When the regression began; null when it could not be placed. */
  readonly onset: { readonly at: string } | null;
  /** Level of the test "better than the incident on the regressed cases". */
  readonly alpha: number;
}

export interface Screened {
  readonly passed: readonly Candidate[];
  readonly rejected: readonly Rejection[];
}

/** Splits the candidates into those worth verifying and those refused, each with a sentence that holds the numbers. */
export function screenCandidates(candidates: readonly Candidate[], input: ScreenInput): Screened {
  const passed: Candidate[] = [];
  const rejected: Rejection[] = [];
  for (const candidate of candidates) {
    const refusal = refuse(candidate, input);
    if (refusal === null) passed.push(candidate);
    else {
      rejected.push({
        fingerprint: candidate.release.fingerprint,
        release: candidate.release.name,
        reason: refusal[0],
        ...asDetail(refusal[1]),
      });
    }
  }
  return { passed, rejected };
}

function refuse(
  candidate: Candidate,
  input: ScreenInput,
): readonly [RejectionReason, string | Reason] | null {
  const { release, snapshot } = candidate;
  if (release.fingerprint === input.current.fingerprint) {
    return [
      'same_as_current',
      release.fingerprint === input.goodFingerprint
        ? 'this is the release that is failing now: its configuration did not change, what is behind it did, so only another route can help'
        : 'this is the release that is failing now',
    ];
  }
  const missing = missingLayers(release);
  if (missing.length > 0) {
    return [
      'forgotten',
      `its stored ${missing.join(', ')} layer is not what ran: a text in it was forgotten or changed, so it can be neither run nor restored`,
    ];
  }
  if (release.layers.route.provider === 'replay') {
    return [
      'recording',
      'it is a recording of past outputs; it cannot answer new requests, so nothing could be restored',
    ];
  }
  if (release.pin.state === 'floating') {
    return [
      'not_pinned',
      `its model is a floating alias (${release.pin.reason}): what was good then may not be what is served now`,
    ];
  }
  if (snapshot === null) return null;
  const { summary } = snapshot;
  if (summary.validity === 'invalid') {
    return [
      'invalid_snapshot',
      `its newest snapshot ${summary.id} is invalid: ${summary.validityReasons.join('; ') || 'the run did not finish'}`,
    ];
  }
  if (summary.validity === 'degraded') {
    return [
      'degraded_snapshot',
      `its newest snapshot ${summary.id} is degraded: ${summary.validityReasons.join('; ')}`,
    ];
  }
  if (input.onset !== null && summary.startedAt > input.onset.at && !betterThanIncident(candidate, input)) {
    return [
      'after_onset',
      `its newest valid snapshot ${summary.id} was made after the regression began (${input.onset.at.slice(0, 10)}) and shows it`,
    ];
  }
  return comparableAndBetter(snapshot, input);
}

interface RegressedStrata {
  readonly strata: { xA: number; kA: number; xB: number; kB: number }[];
  readonly otherExam: ReadonlyMap<string, readonly string[]>;
  readonly notCovered: readonly string[];
}

/** Incident (A) against candidate (B) on the regressed cases that both graded with one exam. */
function regressedStrata(snapshot: SnapshotResults, input: ScreenInput): RegressedStrata {
  const incident = byId(input.incident);
  const past = byId(snapshot);
  const strata: RegressedStrata['strata'] = [];
  const otherExam = new Map<string, readonly string[]>();
  const notCovered: string[] = [];
  for (const id of input.regressed) {
    const a = incident.get(id);
    const b = past.get(id);
    if (a === undefined || b === undefined) {
      notCovered.push(id);
      continue;
    }
    const differences = examDifferences(a.exam, b.exam);
    if (differences.length > 0) {
      otherExam.set(id, differences);
      continue;
    }
    const [ta, tb] = [tally(a), tally(b)];
    if (ta.trials === 0 || tb.trials === 0) notCovered.push(id);
    else strata.push({ xA: ta.passed, kA: ta.trials, xB: tb.passed, kB: tb.trials });
  }
  return { strata, otherExam, notCovered };
}

function betterThanIncident(candidate: Candidate, input: ScreenInput): boolean {
  if (candidate.snapshot === null) return false;
  const { strata } = regressedStrata(candidate.snapshot, input);
  return strata.length > 0 && stratifiedExact(strata).pGreater <= input.alpha;
}

function comparableAndBetter(
  snapshot: SnapshotResults,
  input: ScreenInput,
): readonly [RejectionReason, string | Reason] | null {
  const { strata, otherExam, notCovered } = regressedStrata(snapshot, input);
  const { id } = snapshot.summary;
  if (strata.length === 0 || strata.length < input.regressed.length / 2) {
    const parts = [...new Set([...otherExam.values()].flat())];
    if (otherExam.size > 0) {
      return [
        'other_exam',
        `${otherExam.size} of ${input.regressed.length} regressed cases were graded by another exam in ${id} (${parts.join(', ')}); \`lastgood regrade ${id}\` would make them comparable`,
      ];
    }
    return [
      'other_exam',
      `${id} does not cover ${notCovered.length} of the ${input.regressed.length} regressed cases`,
    ];
  }
  const { pGreater } = stratifiedExact(strata);
  const rate = (pass: 'xA' | 'xB', of: 'kA' | 'kB'): string => {
    const passes = strata.reduce((n, s) => n + s[pass], 0);
    const trials = strata.reduce((n, s) => n + s[of], 0);
    return `${passes}/${trials}`;
  };
  if (pGreater > input.alpha) {
    const now = rate('xA', 'kA');
    const then = rate('xB', 'kB');
    const failing = strata.filter((s) => s.xB / s.kB <= 0.5).length;
    return failing > strata.length / 2
      ? [
          'contained_regression',
          reason`its own snapshot ${id} already fails ${failing} of the ${strata.length} regressed cases (passes ${then}, the incident ${now}${statistic(`; one-sided exact p = ${probability(pGreater)}`)})`,
        ]
      : [
          'not_better',
          reason`on the regressed cases it cannot be distinguished from the incident (passes ${then} against ${now}${statistic(`; one-sided exact p = ${probability(pGreater)} > ${input.alpha}`)})`,
        ];
  }
  return null;
}

/** "triage 3fa9c1d2e4b5". */
export function describeRelease(release: Pick<Release, 'name' | 'fingerprint'>): string {
  return `${release.name} ${shortHash(release.fingerprint)}`;
}
