// Answers that repeat word for word show that nothing varies: how large a change could still have gone unseen.

import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import type { PairedCase } from './pairing.ts';

/** Every answer of both arms is the same text, case by case, and was graded the same. */
export interface Repeated {
  /** Cases times the trials that each case has at least in both arms. */
  readonly pairs: number;
  /** Both arms ran the same release: the user changed nothing. */
  readonly sameRelease: boolean;
}

/** What the trials of a case have in common; null = they differ, or one of them has no graded answer. */
function sameAnswer(trials: CaseResult['trials']): { readonly hash: string; readonly pass: boolean } | null {
  const [first] = trials;
  if (first === undefined || first.outputHash === null || first.pass === null) return null;
  const { outputHash: hash, pass } = first;
  return trials.every((t) => t.outputHash === hash && t.pass === pass) ? { hash, pass } : null;
}

/** null where any answer differs, any trial is missing, or any grade differs. */
export function repeatedAnswers(
  pairs: readonly PairedCase[],
  baseline: readonly SnapshotResults[],
  candidate: SnapshotResults,
): Repeated | null {
  const index = (run: SnapshotResults): Map<string, CaseResult> => new Map(run.cases.map((c) => [c.id, c]));
  const after = index(candidate);
  let before: Map<string, CaseResult>[] | null = null;
  let least = Number.POSITIVE_INFINITY;
  for (const pair of pairs) {
    if (pair.baseline.missingTotal > 0 || pair.candidate.missingTotal > 0) return null;
    const now = sameAnswer(after.get(pair.id)?.trials ?? []);
    if (now === null) return null;
    before ??= baseline.map(index);
    for (const run of before) {
      const trials = run.get(pair.id)?.trials ?? [];
      const then = trials.length === 0 ? now : sameAnswer(trials);
      if (then === null || then.hash !== now.hash || then.pass !== now.pass) return null;
    }
    least = Math.min(least, pair.baseline.graded, pair.candidate.graded);
  }
  const [blessed] = baseline;
  if (blessed === undefined || !Number.isFinite(least)) return null;
  return {
    pairs: pairs.length * least,
    sameRelease: blessed.summary.fingerprint === candidate.summary.fingerprint,
  };
}

/**
 * The mean change that leaves every one of so many answers as it was with this probability. Two independent answers of a case
 * whose pass rate changed by d agree with probability 1 - d at most (1 minus the total variation distance), so that all agree with
 * (1 - d)^pairs at most, whatever the cases (inequality of the means).
 */
export function changeUnseen({ pairs }: Repeated, probability: number): number {
  return 1 - probability ** (1 / pairs);
}
