// Is a rollback target called good when it is worse by exactly the margin, and when it is as good as it was?

import { compareSnapshots } from '../../src/compare/index.ts';
import { resolvePolicy, type SnapshotResults } from '../../src/core/index.ts';
import { judgeVerification } from '../../src/rollback/index.ts';
import { clopperPearson } from '../../src/stats/index.ts';
import { estimateRunVariance } from '../../src/stats/run-variance.ts';
import { REPLICATES } from './lastgood.ts';
import { caseId, snapshotOf } from './snapshots.ts';
import {
  breakSome,
  JUDGE_SLOPE,
  type KnownWorld,
  type Profile,
  streamOf,
  trueRates,
  uniformDrop,
  worldOf,
} from './worlds.ts';

const MARGIN = 0.05;
const ALPHA = 0.05;
/** The trials of these worlds are independent. */
const NO_SESSIONS = estimateRunVariance([], 0, { sd: 0.02, weight: 1000 });

export interface TargetCell {
  readonly profile: Profile;
  readonly cases: number;
  readonly trials: number;
  /** `worse`: the graded pass rate of the target is truly lower by the margin; `as-good`: nothing changed. */
  readonly truth: 'worse' | 'as-good';
}

export interface TargetScore extends TargetCell {
  readonly reps: number;
  /** Share in which non-inferiority was claimed. */
  readonly claimed: number;
  readonly claimedUpper: number;
  /** Share in which everything else held too, so that the target would have been called verified. */
  readonly verified: number;
  /** Share in which "within 2 points of the baseline" would have called it good. */
  readonly within2Points: number;
}

function allTrials(
  world: KnownWorld,
  id: string,
  arm: 'baseline' | 'candidate',
  trials: number,
): SnapshotResults {
  const outcomes = Array.from({ length: world.cases }, (_, i) =>
    Array.from({ length: trials }, () => world.run(arm, i)),
  );
  return snapshotOf(id, arm, world, outcomes);
}

export function scoreTarget(cell: TargetCell, reps: number, seed: number): TargetScore {
  const { profile, cases, trials, truth } = cell;
  const policy = resolvePolicy(undefined);
  let claimed = 0;
  let verified = 0;
  let within = 0;
  for (let rep = 0; rep < reps; rep++) {
    const rng = streamOf(seed, 'target', profile, cases, trials, truth, rep);
    const before = trueRates(profile, cases, rng);
    const after = truth === 'worse' ? uniformDrop(before, MARGIN / JUDGE_SLOPE) : before;
    const world = worldOf({ before, after }, rng);
    const broken = worldOf({ before, after: breakSome(before, before, rng) }, rng);
    const baseline = allTrials(world, 'sbaseline', 'baseline', trials);
    const fresh = allTrials(world, 'starget', 'candidate', trials);
    const incident = allTrials(broken, 'sincident', 'candidate', trials);
    const regressed = [...broken.regressed.keys()].filter((i) => broken.regressed[i] === true).map(caseId);
    const comparison = compareSnapshots(baseline, fresh, {
      policy,
      seed: world.seed,
      replicates: REPLICATES,
    });
    const { verification } = judgeVerification({
      fresh,
      control: null,
      settled: { candidate: [], control: [] },
      pool: [baseline],
      sessions: NO_SESSIONS,
      incident,
      regressed,
      policy: { margin: MARGIN, scoreMargin: MARGIN, maxCostRatio: null, maxLatencyRatio: null },
      level: ALPHA,
    });
    if (verification.nonInferiority?.holds === true) claimed += 1;
    if (verification.outcome === 'verified') verified += 1;
    if ((comparison.overall.delta ?? -1) >= -0.02 - 1e-9) within += 1;
  }
  return {
    ...cell,
    reps,
    claimed: claimed / reps,
    claimedUpper: clopperPearson(claimed, reps, 0.95)?.upper ?? 1,
    verified: verified / reps,
    within2Points: within / reps,
  };
}
