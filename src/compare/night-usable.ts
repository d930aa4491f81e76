// When the numbers of a run may not decide a night at all: another suite or exam, invalid, or too much of it lost.

import type { SnapshotResults } from '../core/snapshot.ts';
import { availabilityOf, imputed } from './availability.ts';
import { tagMembers, weigh } from './evidence.ts';
import type { NightEvidence } from './night-levels.ts';
import { settingsOf } from './options.ts';
import { type Pairing, pairCases } from './pairing.ts';

/** Lost trials matter when they could make this much of a difference. */
const DECISIVE = 0.05;

/** Why a run cannot carry a night's decision; null = it can. */
export function withheld(
  e: Pick<NightEvidence, 'baseline' | 'pool' | 'policy' | 'replicates'>,
  candidate: SnapshotResults,
  pairing: Pairing = pairCases(e.baseline, candidate, e.policy, e.pool),
): string | null {
  if (candidate.summary.suite !== e.baseline.summary.suite) return 'it is a snapshot of another suite';
  for (const [name, s] of [
    ['the baseline', e.baseline.summary] as const,
    ['the run', candidate.summary] as const,
  ])
    if (s.validity === 'invalid') return `${name} is invalid (${s.validityReasons.join('; ')})`;
  if (pairing.paired.length === 0)
    return pairing.examChanged.length > 0
      ? `no case can be compared with the baseline: ${pairing.examChanged.join(', ')} changed; bless a new baseline or re-grade it`
      : 'no case can be compared with the baseline';
  const comparable = [...pairing.paired, ...pairing.withoutGrade];
  const availability = availabilityOf(comparable, e.policy);
  if (!availability.suspicious) return null;
  const decisive = [0, 1].map((value) => {
    const filled = imputed(comparable, value as 0 | 1).filter(
      (pair) => pair.baseline.graded > 0 && pair.candidate.graded > 0,
    );
    const { seed, replicates } = settingsOf(e.baseline.summary, candidate.summary, e);
    const weighed = weigh(filled, tagMembers(filled), { seed, replicates, confidence: e.policy.confidence });
    return weighed.pRegression <= DECISIVE;
  });
  if (decisive[0] === decisive[1]) return null;
  return `too many trials were lost to tell: ${availability.sentence.full}`;
}
