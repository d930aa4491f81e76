// A night's look at the examiner: is the judge still the one that graded the baseline? Says why where there is no telling.

import type { SnapshotSummary } from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { runSentinel } from '../judge/judge-sentinel.ts';

export type Sentinel =
  | { readonly kind: 'none'; readonly why: string }
  | {
      readonly kind: 'judged';
      /** Outputs judged again with a verdict both times. */
      readonly outputs: number;
      readonly agreed: number;
      readonly passToFail: number;
      readonly failToPass: number;
      /** The judge gave no verdict now. */
      readonly ungraded: number;
      /** Exact McNemar, two-sided: do the flips lean to one side? */
      readonly p: number;
      readonly drifted: boolean;
    };

/** Judges up to `outputs` answers of the baseline once more, without the cache. 0 = no sentinel. */
export async function judgeSentinel(
  work: Workplace,
  assignment: Assignment,
  baseline: SnapshotSummary,
  outputs: number,
): Promise<Sentinel> {
  const { judge } = assignment;
  if (outputs === 0) return { kind: 'none', why: 'switched off' };
  if (judge === null) return { kind: 'none', why: 'the suite asks no judge' };
  if (baseline.judge !== judge.fingerprint)
    return { kind: 'none', why: 'the baseline was graded by another judge' };
  const { compared, passToFail, failToPass, removed, ungraded, p, verdict } = await runSentinel(work, {
    baseline,
    judge,
    n: outputs,
  });
  const lost = Object.values(ungraded).reduce((sum, n) => sum + n, 0);
  if (compared === 0 && lost === 0)
    return {
      kind: 'none',
      why:
        removed === 0
          ? 'the baseline holds no judged output'
          : `the ledger has none of the ${removed} answers of the baseline that were judged`,
    };
  return {
    kind: 'judged',
    outputs: compared,
    agreed: compared - passToFail - failToPass,
    passToFail,
    failToPass,
    ungraded: lost,
    p,
    drifted: verdict === 'drifted',
  };
}
