// The course of one proof: looks at growing trials, fresh trials of single cases in between, until the answer is in. Runs nothing itself.

import type { CaseResult, SnapshotResults } from '../core/index.ts';
import { mergeRuns } from './fresh-runs.ts';
import type { VerificationPlan } from './verification-plan.ts';
import { type Judged, judgeVerification, type VerifyInput } from './verify.ts';

/** What running trials brought. */
interface FreshTrials {
  readonly candidate: SnapshotResults;
  /** null where the last good release could not be run beside it. */
  readonly control: SnapshotResults | null;
  /** A limit, an interruption or a fatal failure ended it. */
  readonly ended: boolean;
}

/** Runs so many trials of each case named, of the candidate and of the last good release together; null = a limit leaves nothing. */
export type RunTrials = (
  trials: ReadonlyMap<string, number>,
  why: 'look' | 'cases',
) => Promise<FreshTrials | null>;

export type ProofInput = Pick<
  VerifyInput,
  'pool' | 'sessions' | 'incident' | 'regressed' | 'policy' | 'own'
> & {
  readonly plan: VerificationPlan;
};

export interface Proof extends Judged {
  /** Runs of the whole suite, then of single cases, oldest first. */
  readonly snapshots: readonly string[];
}

/** Fresh trials of single cases are run at most so often after one look. */
const MOST_ROUNDS = 5;

/** null when not even the first look could be run. */
export async function prove(input: ProofInput, run: RunTrials): Promise<Proof | null> {
  const { plan } = input;
  const candidate: SnapshotResults[] = [];
  const control: SnapshotResults[] = [];
  const cases: { candidate: CaseResult[]; control: CaseResult[] } = { candidate: [], control: [] };
  const snapshots: string[] = [];
  const total = Math.max(1, sum(plan.looks.at(-1)));
  let judged: Judged | null = null;
  let before: ReadonlyMap<string, number> = new Map();
  for (const [i, look] of plan.looks.entries()) {
    const more = new Map(
      [...look].map(([id, k]) => [id, k - (before.get(id) ?? 0)] as const).filter(([, k]) => k > 0),
    );
    before = look;
    if (more.size === 0 && judged !== null) continue;
    const fresh = await run(more, 'look');
    if (fresh === null) break;
    candidate.push(fresh.candidate);
    if (fresh.control !== null) control.push(fresh.control);
    snapshots.push(fresh.candidate.summary.id);
    let ended = fresh.ended;
    const judge = (): Judged =>
      judgeVerification({
        ...input,
        fresh: mergeRuns(candidate),
        control: control.length === 0 ? null : mergeRuns(control),
        settled: cases,
        level: plan.levels[i] ?? 0,
        lastLevel: plan.levels.at(-1),
        share: i === plan.looks.length - 1 ? 1 : Math.min(0.999, sum(look) / total),
      });
    judged = judge();
    for (let round = 0; round < MOST_ROUNDS && judged.wanted.kind === 'cases' && !ended; round++) {
      const settled = await run(judged.wanted.trials, 'cases');
      if (settled === null) break;
      cases.candidate.push(...settled.candidate.cases);
      cases.control.push(...(settled.control?.cases ?? []));
      snapshots.push(settled.candidate.summary.id);
      ended = settled.ended;
      judged = judge();
    }
    if (ended || judged.wanted.kind !== 'look') break;
  }
  return judged === null ? null : { ...judged, snapshots };
}

function sum(look: ReadonlyMap<string, number> | undefined): number {
  return [...(look ?? new Map<string, number>()).values()].reduce((n, k) => n + k, 0);
}
