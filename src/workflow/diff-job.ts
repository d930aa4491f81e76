// The diff command: two references, one comparison, and the command to run next.

import type { Comparison } from '../core/index.ts';
import { compareStored } from './compare-stored.ts';
import type { Workplace } from './workplace.ts';

export async function diffJob(
  work: Workplace,
  input: { readonly baseline: string; readonly candidate: string; readonly suite?: string | undefined },
): Promise<{ comparison: Comparison; next: string }> {
  const now = work.clock.now();
  const a = await work.store.resolve(input.baseline, { suite: input.suite, now });
  const b = await work.store.resolve(input.candidate, { suite: input.suite ?? a.suite, now });
  const comparison = await compareStored(work, a, b);
  return { comparison, next: nextCommand(comparison) };
}

/** What a person would do now. */
export function nextCommand(c: Comparison): string {
  const worst = c.cases.find((d) => d.verdict === 'regressed');
  switch (c.verdict) {
    case 'regressed':
      return `lastgood rollback ${c.suite} --from ${c.candidate.id} --baseline ${c.baseline.id}`;
    case 'improved':
    case 'unchanged':
      return worst === undefined
        ? `lastgood bless ${c.candidate.id} --by NAME --why TEXT`
        : `lastgood show ${c.candidate.id} --case ${worst.id}`;
    case 'inconclusive': {
      const perCase =
        c.overall.trialsNeeded === null || c.overall.pairs === 0
          ? null
          : Math.ceil(c.overall.trialsNeeded / c.overall.pairs);
      return `lastgood run ${c.suite} --release FILE${perCase === null ? '' : ` --trials ${perCase}`}  (more trials settle it)`;
    }
    case 'invalid':
      return `lastgood show ${c.candidate.id}`;
  }
}
