// Did the judge change, or the subject? Frozen outputs cannot have changed, so what moves when they are judged again is the judge.

import { LastgoodError } from '../../base/index.ts';
import { probability } from '../../base/numbers.ts';
import type { Release, SnapshotSummary } from '../../core/index.ts';
import { frozenOutputs, spread, stillThere } from '../../engine/examiners/judge-outputs.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { mcnemar } from '../../stats/index.ts';
import { judgeAgain, judgeOf } from './judge-check.ts';

/** Two-sided; a nightly look at this level raises about one false suspicion in a hundred nights, and none of them turns a gate. */
const DRIFT_ALPHA = 0.01;

export interface SentinelInput {
  /** Whose frozen outputs are judged again: the baseline, as a rule. */
  readonly baseline: SnapshotSummary;
  /** Default: the judge that graded the baseline. It must be the same release: another one is another exam, not drift. */
  readonly judge?: Release | undefined;
  /** Most outputs judged, spread over the cases. Default 40. */
  readonly n?: number | undefined;
}

export interface Sentinel {
  readonly baseline: string;
  readonly judge: string;
  /** Outputs with a verdict then and now. */
  readonly compared: number;
  /** Outputs without a verdict now, by cause. */
  readonly ungraded: Readonly<Record<string, number>>;
  readonly passToFail: number;
  readonly failToPass: number;
  /** Exact two-sided McNemar; 1 when nothing moved. */
  readonly p: number;
  /** `drifted`: the judge judges the same texts otherwise than it did. `unknown`: too few verdicts to say. */
  readonly verdict: 'steady' | 'drifted' | 'unknown';
  readonly direction: 'stricter' | 'more lenient' | null;
  readonly servedModels: readonly (string | null)[];
  /** Outputs that were judged then and cannot be judged again, because the ledger does not have the answer (any more). */
  readonly removed: number;
  readonly judgeCalls: number;
  /** For people. */
  readonly sentence: string;
}

/**
 * Judges up to `n` frozen outputs of the baseline afresh (no verdict cache, no subject call) and compares with the stored
 * verdicts. Where it says `drifted`, a delta between tonight's grades and the baseline's is not evidence about the subject:
 * report the judge as the cause and re-grade the baseline with `regrade --fresh` before comparing. Costs one judge call per
 * rubric and output. Kept as a ledger record of kind `judge-sentinel`. Throws `JUDGE_ABSENT` when the baseline had no judge and
 * `JUDGE_OTHER` when another judge is given.
 */
export async function runSentinel(work: Workplace, input: SentinelInput): Promise<Sentinel> {
  const { baseline } = input;
  const stored = await judgeOf(work, baseline);
  const judge = input.judge ?? stored;
  if (judge.fingerprint !== stored.fingerprint) {
    throw new LastgoodError({
      code: 'JUDGE_OTHER',
      message: `${baseline.id} was graded by judge ${stored.fingerprint.slice(0, 12)}, not by ${judge.fingerprint.slice(0, 12)}: their verdicts differ by design`,
      hint: `lastgood regrade ${baseline.id} --judge FILE`,
    });
  }
  const frozen = await frozenOutputs(work.store, baseline.id, { distinct: true });
  const { outputs, removed } = stillThere(frozen.filter((f) => f.pass !== null));
  const chosen = spread(outputs, input.n ?? 40);
  const { calls, rounds, servedModels, ungraded } = await judgeAgain(work, judge, chosen, 1);
  let passToFail = 0;
  let failToPass = 0;
  let compared = 0;
  chosen.forEach((output, i) => {
    const now = rounds[0]?.[i]?.pass ?? null;
    if (now === null) return;
    compared++;
    if (output.pass === true && !now) passToFail++;
    if (output.pass === false && now) failToPass++;
  });
  const p = mcnemar({ passToFail, failToPass }).exactTwoSided;
  // Half of the verdicts missing is an outage of the judge, about which no test says anything.
  const verdict =
    compared * 2 < chosen.length || compared === 0 ? 'unknown' : p <= DRIFT_ALPHA ? 'drifted' : 'steady';
  const direction =
    verdict !== 'drifted' ? null : passToFail > failToPass ? 'stricter' : ('more lenient' as const);
  const result: Sentinel = {
    baseline: baseline.id,
    judge: judge.fingerprint,
    compared,
    ungraded,
    passToFail,
    failToPass,
    p,
    verdict,
    direction,
    servedModels,
    removed,
    judgeCalls: calls,
    sentence: `${sentence({ verdict, direction, compared, passToFail, failToPass, p, chosen: chosen.length })}${
      removed === 0 ? '' : `; ${removed} more cannot be judged again, their answers are not in the ledger`
    }`,
  };
  await work.store.keepRecord({
    kind: 'judge-sentinel',
    suite: baseline.suite,
    at: work.clock.now().toISOString(),
    body: JSON.parse(JSON.stringify(result)),
  });
  return result;
}

function sentence(
  s: Pick<Sentinel, 'verdict' | 'direction' | 'compared' | 'passToFail' | 'failToPass' | 'p'> & {
    readonly chosen: number;
  },
): string {
  const flips = `of ${s.compared} frozen outputs ${s.passToFail} that passed now fail and ${s.failToPass} that failed now pass (p = ${probability(s.p)})`;
  switch (s.verdict) {
    case 'drifted':
      return `the judge drifted, it is ${s.direction} than it was: ${flips}; deltas against the baseline are not evidence about the subject until the baseline is re-graded`;
    case 'steady':
      return `the judge is steady: ${flips}`;
    case 'unknown':
      return `nothing can be said of the judge: only ${s.compared} of ${s.chosen} frozen outputs could be judged again`;
  }
}
