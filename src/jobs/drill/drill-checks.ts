// What a drill looks at in a run: answers still hold, no tool was called, no request was lost.

import { compareSnapshots, floorRules } from '../../compare/index.ts';
import {
  type Comparison,
  type DrillCheck,
  isRemoved,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotStore,
  type SnapshotSummary,
  type Suite,
} from '../../core/index.ts';
import { looksBroken } from '../../core/looks-broken.ts';

/** Cases that need no tool: those that no grader wants a tool call from. */
export function readOnlyCases(suite: Suite): ReadonlySet<string> {
  return new Set(
    suite.cases.filter((c) => !c.graders.some((g) => g.type === 'tool-called')).map((c) => c.id),
  );
}

function only(results: SnapshotResults, ids: ReadonlySet<string> | null): SnapshotResults {
  return ids === null ? results : { ...results, cases: results.cases.filter((c) => ids.has(c.id)) };
}

/**
 * The answers reach the policy's floors, and are shown to be no worse than the baseline's where it was made on the same kind of
 * provider. `pool`: the baseline first, empty without one. Without floors and without a baseline nothing says what good is, and the check has no result.
 */
export function answersHold(
  suite: Suite,
  fresh: SnapshotResults,
  pool: readonly SnapshotResults[],
  ids: ReadonlySet<string> | null,
): DrillCheck {
  const what = ids === null ? 'the answers hold' : 'the read-only answers hold';
  const policy = resolvePolicy(suite.policy);
  const now = only(fresh, ids);
  if (now.cases.length === 0) return { what, holds: null, detail: 'the suite has no such case' };
  const floors = floorRules(now, policy);
  const below = floors.find((r) => r.outcome === 'fail');
  if (below !== undefined) return { what, holds: false, detail: below.message };
  const met = floors.filter((r) => r.outcome === 'pass').length;
  // A simulator's answers are no measure of a provider's, nor the other way round.
  const [baseline, ...more] = pool;
  if (baseline !== undefined && baseline.summary.simulated === fresh.summary.simulated) {
    const comparison = compareSnapshots(only(baseline, ids), now, { policy, pool: more });
    if (comparison.verdict === 'regressed') return { what, holds: false, detail: comparison.reason };
    // Answers that may be worse have not been shown to hold.
    if (comparison.verdict === 'inconclusive' && !isNotWorse(comparison))
      return {
        what,
        holds: null,
        detail: `not decided against the baseline: ${comparison.reason}${priceOf(comparison)}`,
      };
    if (comparison.verdict !== 'invalid') {
      const verdict = comparison.verdict === 'inconclusive' ? 'not worse' : comparison.verdict;
      const floor = `${met} floor${met === 1 ? '' : 's'} reached`;
      return { what, holds: true, detail: `${verdict} against the baseline; ${floor}` };
    }
  }
  return met > 0
    ? { what, holds: true, detail: `${met} floor${met === 1 ? '' : 's'} of the policy reached` }
    : {
        what,
        holds: null,
        detail:
          'nothing says what good is: no comparable baseline, and no min-pass-rate in the policy that could be checked',
      };
}

/**
 * Undecided only because answers may be better: the interval excludes a drop of the margin, no case looks broken, and no rule of the
 * gate but the verdict's is open.
 */
function isNotWorse({ overall, engine, cases, gate }: Comparison): boolean {
  if (overall.interval === null || overall.interval[0] <= -engine.margin) return false;
  const isOpen = gate.rules.some(
    ({ rule, outcome }) => rule !== 'verdict' && outcome !== 'pass' && outcome !== 'warn',
  );
  return !isOpen && !cases.some((d) => 'delta' in d && looksBroken(d));
}

/** What an answer would take, where the reason does not say it already. */
function priceOf({ overall, reason }: Comparison): string {
  if (overall.trialsNeeded === null || reason.includes('settle')) return '';
  return `; about ${overall.trialsNeeded} trials per case would settle it (--trials ${overall.trialsNeeded})`;
}

/** Looks at every stored answer. */
export async function noToolCalls(store: SnapshotStore, snapshot: string): Promise<DrillCheck> {
  let answers = 0;
  let removed = 0;
  let calls = 0;
  for await (const { trial } of store.trials(snapshot)) {
    if (trial.status !== 'answered') continue;
    answers++;
    if (isRemoved(trial)) removed++;
    else if (trial.output.toolCalls.length > 0) calls++;
  }
  return {
    what: 'no tool is called',
    holds: calls > 0 ? false : answers === 0 || removed > 0 ? null : true,
    detail: `${calls} of ${answers} answers call a tool${removed === 0 ? '' : `, ${removed} are not in the ledger`}`,
  };
}

/** Every planned request is on record, with what was asked. */
export async function nothingLost(store: SnapshotStore, summary: SnapshotSummary): Promise<DrillCheck> {
  let kept = 0;
  let withRequest = 0;
  for await (const { trial } of store.trials(summary.id)) {
    kept++;
    if (trial.status !== 'answered' || trial.sent !== null) withRequest++;
  }
  return {
    what: 'the request history is complete',
    holds: kept === summary.plannedTrials && withRequest === kept,
    detail: `${kept} of ${summary.plannedTrials} requests on record, ${withRequest} with what was asked`,
  };
}
