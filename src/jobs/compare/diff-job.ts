// The diff command: two references, one comparison, and the command to run next.

import type { Comparison, SnapshotResults, SnapshotSummary } from '../../core/index.ts';
import { compareWithPool } from '../../engine/comparison/compare-stored.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

export async function diffJob(
  work: Workplace,
  input: {
    readonly baseline: string;
    readonly candidate: string;
    readonly suite?: string | undefined;
    /** Grade the baseline's outputs under the candidate's exam first. */
    readonly regradeBaseline?: boolean | undefined;
    /** Shown both sides' results while they are in memory: reading 100,000 trials again takes a second. */
    readonly seen?: ((baseline: SnapshotResults, candidate: SnapshotResults) => void) | undefined;
  },
): Promise<{ comparison: Comparison; next: string | undefined }> {
  const now = work.clock.now();
  const a = await work.store.resolve(input.baseline, { suite: input.suite, now });
  const b = await work.store.resolve(input.candidate, { suite: input.suite ?? a.suite, now });
  const baseline = input.regradeBaseline === true ? await regraded(work, a, b) : a;
  const comparison = await compareWithPool(work, baseline, b, input.seen);
  return { comparison, next: nextCommand(comparison) };
}

/** Loaded only when asked for: grading needs ten times as much code as comparing does. */
async function regraded(work: Workplace, a: SnapshotSummary, b: SnapshotSummary): Promise<SnapshotSummary> {
  const { regradeAs } = await import('../regrade/regrade.ts');
  return (await regradeAs(work, a, b)).summary;
}

/** What a person would do now; nothing after "unchanged": a baseline that is measured anew at each green run drifts with what it should catch. */
export function nextCommand(c: Comparison): string | undefined {
  const worst = c.cases.find((d) => d.verdict === 'regressed');
  if (c.verdict !== 'regressed' && regradingHelps(c))
    return `lastgood diff ${c.baseline.id} ${c.candidate.id} --regrade-baseline`;
  switch (c.verdict) {
    case 'regressed':
      return `lastgood rollback ${c.suite} --from ${c.candidate.id} --baseline ${c.baseline.id}`;
    case 'improved':
      return worst === undefined
        ? `lastgood bless ${c.candidate.id} --why TEXT`
        : `lastgood show ${c.candidate.id} --case ${worst.id}`;
    case 'unchanged':
    case 'no-regression-found':
      return worst === undefined ? undefined : `lastgood show ${c.candidate.id} --case ${worst.id}`;
    case 'inconclusive': {
      const { trialsNeeded } = c.overall;
      return trialsNeeded === null
        ? `lastgood check ${c.suite} --release FILE --against ${c.baseline.id}  (a control of today settles it, where one can be run)`
        : `lastgood run ${c.suite} --release FILE --trials ${trialsNeeded}  (more trials settle it)`;
    }
    case 'invalid':
      return `lastgood show ${c.candidate.id}`;
  }
}

/** Cases were left out only because another judge, or other rules, graded the baseline: its outputs are there to be graded again. */
function regradingHelps(c: Comparison): boolean {
  const changed = c.attribution.examChanged;
  return (
    changed.length > 0 &&
    !changed.includes('case content') &&
    c.baseline.validity !== 'invalid' &&
    c.candidate.validity !== 'invalid'
  );
}
