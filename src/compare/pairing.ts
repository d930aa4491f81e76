// Which cases can be compared at all: same id, same exam, graded on both sides. The others are listed with the reason.

import type { CaseExam } from '../core/exam.ts';
import { examDifferences } from '../core/exam.ts';
import type { Policy } from '../core/policy.ts';
import type { CaseResult, SnapshotResults } from '../core/snapshot.ts';
import type { ArmTally } from './arm.ts';
import { tallyOf, withPooled } from './arm.ts';

/** A case both snapshots have under the same exam. */
export interface PairedCase {
  readonly id: string;
  readonly tags: readonly string[];
  readonly group: string | null;
  readonly critical: boolean;
  /** What both sides were graded with. */
  readonly exam: CaseExam;
  readonly baseline: ArmTally;
  readonly candidate: ArmTally;
  /** Stored trials of the baseline that are no part of the baseline's arm here: what was known of the case before. */
  readonly history?: { readonly x: number; readonly k: number } | undefined;
}

/** A case that could not be compared, with the sentence that says why. */
interface UnpairedCase {
  readonly id: string;
  readonly tags: readonly string[];
  readonly group: string | null;
  readonly critical: boolean;
  readonly state: 'added' | 'removed' | 'edited' | 'ungraded';
  readonly reason: string;
}

/** A case whose content is the same in both snapshots, whatever graded it: its answers can be measured side by side. */
export interface SameInput {
  readonly baseline: CaseResult;
  readonly candidate: CaseResult;
}

export interface Pairing {
  /** Sorted by id, so that the order in a suite file never matters. */
  readonly paired: readonly PairedCase[];
  /** Same exam, but no graded trial on at least one side; kept for the missing-data rule. */
  readonly withoutGrade: readonly PairedCase[];
  readonly unpaired: readonly UnpairedCase[];
  readonly sameInput: readonly SameInput[];
  /** Parts of the exam that differ somewhere, in words. */
  readonly examChanged: readonly string[];
  /** The command that re-grades the baseline under the candidate's exam. */
  readonly regrade: string;
  /** Snapshots pooled with the baseline. */
  readonly pooled: readonly SnapshotResults[];
  /** What was left out of the pool, one sentence each. */
  readonly poolNotes: readonly string[];
}

/** Order of ids that depends on nothing but the ids: by UTF-16 code unit. */
export function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

function caseMap(results: SnapshotResults): Map<string, CaseResult> {
  return new Map(results.cases.map((c) => [c.id, c]));
}

function usablePool(
  baseline: SnapshotResults,
  candidate: SnapshotResults,
  pool: readonly SnapshotResults[],
): { pooled: SnapshotResults[]; notes: string[] } {
  const pooled: SnapshotResults[] = [];
  const notes: string[] = [];
  const seen = new Set([baseline.summary.id, candidate.summary.id]);
  for (const snapshot of pool) {
    const { id, fingerprint, validity } = snapshot.summary;
    if (seen.has(id)) continue;
    seen.add(id);
    if (fingerprint !== baseline.summary.fingerprint)
      notes.push(`${id} was left out of the baseline pool: it has another fingerprint`);
    else if (validity === 'invalid') notes.push(`${id} was left out of the baseline pool: it is invalid`);
    else pooled.push(snapshot);
  }
  return { pooled, notes };
}

function editedReason(parts: readonly string[], baselineId: string): string {
  if (parts.includes('case content'))
    return `edited since the baseline: ${parts.join(', ')}; only a new run of the baseline's release can be compared`;
  return `graded by another exam: ${parts.join(', ')}; re-grade with \`${regradeCommand(parts, baselineId)}\``;
}

/** The command that gives the baseline's outputs the exam they lack. */
function regradeCommand(parts: readonly string[], baselineId: string): string {
  const suite = parts.includes('graders') ? ' --suite FILE' : '';
  const judge = parts.includes('judge') ? ' --judge FILE' : '';
  return `lastgood regrade ${baselineId}${suite}${judge}`;
}

function lostReasons(tally: ArmTally): string {
  const reasons = Object.entries(tally.missing).sort(([a], [b]) => (a < b ? -1 : 1));
  return reasons.map(([reason, count]) => `${count} ${reason}`).join(', ');
}

function ungradedReason(pair: PairedCase): string {
  const sides: string[] = [];
  for (const arm of ['baseline', 'candidate'] as const) {
    const tally = pair[arm];
    if (tally.graded > 0) continue;
    const why = lostReasons(tally);
    sides.push(`the ${arm} has no graded trial${why === '' ? '' : ` (${why})`}`);
  }
  return sides.join('; ');
}

/** Sorts every case of both snapshots into compared and not compared. Nothing is lost on the way. */
export function pairCases(
  baseline: SnapshotResults,
  candidate: SnapshotResults,
  policy: Pick<Policy, 'appError'>,
  pool: readonly SnapshotResults[] = [],
): Pairing {
  const after = caseMap(candidate);
  const { pooled, notes } = usablePool(baseline, candidate, pool);
  const pooledCases = pooled.map(caseMap);
  const paired: PairedCase[] = [];
  const withoutGrade: PairedCase[] = [];
  const unpaired: UnpairedCase[] = [];
  const sameInput: SameInput[] = [];
  const examChanged = new Set<string>();
  for (const before of [...baseline.cases].sort(byId)) {
    const now = after.get(before.id);
    const { id } = before;
    if (now === undefined) {
      const { tags, group, critical } = before;
      unpaired.push({ id, tags, group, critical, state: 'removed', reason: 'not in the candidate' });
      continue;
    }
    after.delete(id);
    // What the suite says of the case today is what a reader expects to see.
    const { tags, group, critical } = now;
    if (before.exam.contentHash === now.exam.contentHash)
      sameInput.push({ baseline: before, candidate: now });
    const differences = examDifferences(before.exam, now.exam);
    if (differences.length > 0) {
      for (const part of differences) examChanged.add(part);
      unpaired.push({
        id,
        tags,
        group,
        critical,
        state: 'edited',
        reason: editedReason(differences, baseline.summary.id),
      });
      continue;
    }
    let history = tallyOf(before, policy.appError);
    for (const cases of pooledCases) {
      const other = cases.get(id);
      if (other !== undefined && examDifferences(other.exam, before.exam).length === 0)
        history = withPooled(history, tallyOf(other, policy.appError));
    }
    const pair: PairedCase = {
      id,
      tags,
      group,
      critical,
      exam: now.exam,
      baseline: history,
      candidate: tallyOf(now, policy.appError),
    };
    if (pair.baseline.graded > 0 && pair.candidate.graded > 0) paired.push(pair);
    else {
      withoutGrade.push(pair);
      unpaired.push({ id, tags, group, critical, state: 'ungraded', reason: ungradedReason(pair) });
    }
  }
  for (const { id, tags, group, critical } of after.values())
    unpaired.push({ id, tags, group, critical, state: 'added', reason: 'not in the baseline' });
  unpaired.sort(byId);
  return {
    paired,
    withoutGrade,
    unpaired,
    sameInput,
    examChanged: [...examChanged],
    regrade: regradeCommand([...examChanged], baseline.summary.id),
    pooled,
    poolNotes: notes,
  };
}

/** What is stored of each case: the baseline's trials and those of its pool under the same exam. */
export function storedTallies(
  baseline: SnapshotResults,
  pool: readonly SnapshotResults[],
  policy: Pick<Policy, 'appError'>,
): Map<string, ArmTally> {
  const maps = pool.map(caseMap);
  return new Map(
    baseline.cases.map((c) => {
      let tally = tallyOf(c, policy.appError);
      for (const cases of maps) {
        const other = cases.get(c.id);
        if (other !== undefined && examDifferences(other.exam, c.exam).length === 0)
          tally = withPooled(tally, tallyOf(other, policy.appError));
      }
      return [c.id, tally];
    }),
  );
}
