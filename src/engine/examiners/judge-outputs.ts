// The outputs of a snapshot that a judge had a say on, as they are frozen in the ledger.

import type { ErrorCode } from '../../base/error-catalogue.ts';
import { contentHash, isJsonObject, type JsonValue, LastgoodError } from '../../base/index.ts';
import {
  type AnsweredTrial,
  type Case,
  type Finding,
  type Grade,
  type GraderSpec,
  isRemoved,
  needsJudge,
  panelOf,
  type Release,
  type SnapshotStore,
  type Suite,
} from '../../core/index.ts';
import { MOST_INCONSISTENT } from '../../grade/consistency.ts';

/** One stored answer, its case with nothing but the judged graders, and what those graders said then. */
export interface FrozenOutput {
  readonly case: Case;
  readonly trial: AnsweredTrial;
  /** Of the judged graders, in the case's order. */
  readonly grades: readonly Grade[];
  /** Did all of them pass? null = at least one could not be graded. */
  readonly pass: boolean | null;
  /** Characters of the answer as it was given. */
  readonly length: number | null;
}

/** The outputs that can be judged again, and how many cannot, because the ledger does not have the answer (any more). */
export function stillThere(outputs: readonly FrozenOutput[]): {
  readonly outputs: readonly FrozenOutput[];
  readonly removed: number;
} {
  const left = outputs.filter((o) => !isRemoved(o.trial));
  return { outputs: left, removed: outputs.length - left.length };
}

/** Said where nothing of a snapshot can be graded or judged, because no answer is left. */
export function answersRemoved(code: ErrorCode, snapshotId: string, answers: number): LastgoodError {
  return new LastgoodError({
    code,
    message: `the ledger has none of the ${answers} answers of ${snapshotId} that this needs: they were pruned, forgotten or never kept (--store scores); their grades stand, new ones cannot be made`,
    hint: 'run the suite again, or name a snapshot whose answers are kept; pruning spares blessed snapshots',
    exitCode: 3,
  });
}

/** All judged graders pass; null when one could not be graded or there is none. */
export function judgedPass(grades: readonly Grade[]): boolean | null {
  if (grades.length === 0 || grades.some((g) => g.status === 'ungraded')) return null;
  return grades.every((g) => g.status === 'scored' && g.pass);
}

/** Every judged answer of a snapshot, in case order. With `distinct`, equal answers to one case are taken once. */
export async function frozenOutputs(
  store: SnapshotStore,
  snapshotId: string,
  options: { readonly distinct?: boolean } = {},
): Promise<FrozenOutput[]> {
  const suite = await store.suiteOf(snapshotId);
  const cases = new Map(
    suite.cases.flatMap((c): [string, Case][] => {
      const graders = c.graders.filter(needsJudge);
      return graders.length === 0 ? [] : [[c.id, { ...c, graders }]];
    }),
  );
  const seen = new Set<string>();
  const found: FrozenOutput[] = [];
  for await (const stored of store.trials(snapshotId)) {
    const { trial } = stored;
    const c = cases.get(trial.caseId);
    if (c === undefined || trial.status !== 'answered') continue;
    if (options.distinct === true) {
      const key = contentHash([c.id, trial.removedOutputHash ?? (trial.output as unknown as JsonValue)]);
      if (seen.has(key)) continue;
      seen.add(key);
    }
    const wanted = new Set(c.graders.map((g) => g.id));
    const grades = stored.grades.filter((g) => wanted.has(g.graderId));
    found.push({ case: c, trial, grades, pass: judgedPass(grades), length: stored.measures.length });
  }
  return found;
}

function isPairwise(g: GraderSpec): boolean {
  return g.type === 'judge' && g.options.kind === 'pairwise';
}

/**
 * What a reader of the run must know of its judging: votes that fell on both sides, preferences that turned with the order.
 * `suite` is what was asked; as it is stored it is read only where that is needed.
 */
export async function judgingFindings(
  store: SnapshotStore,
  snapshotId: string,
  judge: Release | null,
  suite: Suite,
): Promise<Finding[]> {
  if (judge === null) return [];
  let pairwise = false;
  for (const c of suite.cases) pairwise ||= c.graders.some(isPairwise);
  const { judges, votes } = panelOf(judge);
  if (!pairwise && judges.length * votes === 1) return [];
  const borderline = new Map<string, number>();
  let pairs = 0;
  let inconsistent = 0;
  const pairwiseIds = new Set<string>();
  if (pairwise)
    for (const c of (await store.suiteOf(snapshotId)).cases)
      for (const g of c.graders) if (isPairwise(g)) pairwiseIds.add(`${c.id}\n${g.id}`);
  for await (const { grades, trial } of store.trials(snapshotId)) {
    for (const { details, graderId } of grades) {
      if (!isJsonObject(details)) continue;
      if (details['borderline'] === true)
        borderline.set(trial.caseId, (borderline.get(trial.caseId) ?? 0) + 1);
      if (!pairwiseIds.has(`${trial.caseId}\n${graderId}`)) continue;
      pairs++;
      if (details['inconsistentPairs'] !== undefined) inconsistent++;
    }
  }
  const findings: Finding[] = [];
  const trials = [...borderline.values()].reduce((a, b) => a + b, 0);
  if (trials > 0) {
    findings.push({
      code: 'BORDERLINE',
      message: `the judge's votes fell on both sides in ${trials} ${trials === 1 ? 'trial' : 'trials'} (${someOf([...borderline.keys()])}): no red or green that rests on these alone means anything`,
    });
  }
  if (inconsistent > MOST_INCONSISTENT * pairs) {
    findings.push({
      code: 'PAIRWISE_INCONSISTENT',
      message: `in ${inconsistent} of ${pairs} pairs the preference turned with the order of the two texts: this judge cannot compare these texts, and its pairwise grades of this run mean nothing`,
    });
  }
  return findings;
}

function someOf(ids: readonly string[]): string {
  return ids.length <= 5 ? ids.join(', ') : `${ids.slice(0, 5).join(', ')} and ${ids.length - 5} more`;
}

/** At most `n` of the items, spread evenly over all of them: the same ones every time. */
export function spread<T>(items: readonly T[], n: number): T[] {
  if (items.length <= n) return [...items];
  return Array.from({ length: n }, (_, i) => items[Math.floor((i * items.length) / n)] as T);
}
