// Is the examiner still the same? Frozen outputs of the baseline are judged again; whatever differs, differs because of the judge.

import { randomBytes } from 'node:crypto';
import { type AnsweredTrial, costOf, type Grade, needsJudge, type SnapshotSummary } from '../core/index.ts';
import { createTrialGrader } from '../grade/index.ts';
import { mcnemar } from '../stats/index.ts';
import type { Assignment } from './assignment.ts';
import { providerOf, type Workplace } from './workplace.ts';

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
      readonly costUsd: number | null;
    };

const DRIFT_P = 0.01;
/** Judge calls in flight at once. */
const AT_ONCE = 4;

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
  if ((judge.layers.route.provider as string) === 'panel')
    return { kind: 'none', why: 'the suite is judged by a panel' };
  if (baseline.judge !== judge.fingerprint)
    return { kind: 'none', why: 'the baseline was graded by another judge' };
  const frozen = await frozenOutputs(work, assignment, baseline.id, outputs);
  if (frozen.length === 0) return { kind: 'none', why: 'the baseline holds no judged output' };
  const provider = await providerOf(work, judge);
  // Only the judge is on trial, so only its graders run, and nothing is read from the cache of verdicts.
  const grader = createTrialGrader({
    judge: { release: judge, provider },
    embedder: null,
    verdicts: null,
    costOf: (model, usage) => costOf(work.prices, model, usage),
    nonce: () => randomBytes(16).toString('hex'),
    mask: work.mask,
  });
  let agreed = 0;
  let passToFail = 0;
  let failToPass = 0;
  let ungraded = 0;
  let costUsd: number | null = 0;
  try {
    for (let at = 0; at < frozen.length; at += AT_ONCE) {
      if (work.signal.aborted) break;
      await Promise.all(
        frozen.slice(at, at + AT_ONCE).map(async ({ c, trial, before }) => {
          const judged = await grader.gradeTrial(
            { ...c, graders: c.graders.filter(needsJudge) },
            trial,
            work.hardSignal,
          );
          costUsd = costUsd === null || judged.judgeCostUsd === null ? null : costUsd + judged.judgeCostUsd;
          const now = verdictOf(judged.grades);
          if (now === null) ungraded++;
          else if (now === before) agreed++;
          else if (before) passToFail++;
          else failToPass++;
        }),
      );
    }
  } finally {
    await grader.close();
    await provider.close?.();
  }
  const p = mcnemar({ passToFail, failToPass }).exactTwoSided;
  return {
    kind: 'judged',
    outputs: agreed + passToFail + failToPass,
    agreed,
    passToFail,
    failToPass,
    ungraded,
    p,
    drifted: p <= DRIFT_P,
    costUsd,
  };
}

interface Frozen {
  readonly c: Assignment['suite']['cases'][number];
  readonly trial: AnsweredTrial;
  readonly before: boolean;
}

/** One judged output of as many different cases as asked for, evenly spread over the suite: every night the same ones. */
async function frozenOutputs(
  work: Workplace,
  assignment: Assignment,
  baseline: string,
  most: number,
): Promise<Frozen[]> {
  const asked = assignment.suite.cases.filter((c) => c.graders.some(needsJudge));
  const every = Math.max(1, asked.length / most);
  const picked = new Map(
    Array.from({ length: Math.min(most, asked.length) }, (_, i) => asked[Math.floor(i * every)]).flatMap(
      (c) => (c === undefined ? [] : [[c.id, c] as const]),
    ),
  );
  const frozen: Frozen[] = [];
  for (const c of picked.values()) {
    const judged = new Set(c.graders.filter(needsJudge).map((g) => g.id));
    for await (const { trial, grades } of work.store.trials(baseline, c.id)) {
      if (trial.status !== 'answered') continue;
      const before = verdictOf(grades.filter((g) => judged.has(g.graderId)));
      if (before === null) continue;
      frozen.push({ c, trial, before });
      break;
    }
  }
  return frozen;
}

/** Did every judged grader pass? null = at least one gave no verdict, or there is none. */
function verdictOf(grades: readonly Grade[]): boolean | null {
  if (grades.length === 0 || grades.some((g) => g.status === 'ungraded')) return null;
  return grades.every((g) => g.status === 'scored' && g.pass);
}
