// Compare two stored snapshots and attach the outputs that show the worst changes.

// Not through the room's index: the onset over a history needs statistics of its own.
import { compareSnapshots } from '../../compare/compare.ts';
import type { CompareOptions } from '../../compare/options.ts';
import {
  type Case,
  type CaseContent,
  type CaseDelta,
  type Comparison,
  type OutputExample,
  type PairedDelta,
  type Policy,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotStore,
  type SnapshotSummary,
  type StoredTrial,
} from '../../core/index.ts';
import { withoutBytes } from '../../core/media.ts';
import { outputText } from '../../core/trajectory.ts';
import { judgeNote } from '../examiners/judge-note.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { answerVectors } from './answer-vectors.ts';
import { poolBeside } from './find-pool.ts';

/** Outputs shown before and after, chosen by effect. */
const EXAMPLES = 5;

/** The policy in force: the candidate's suite as it was when it ran. */
async function policyOf(store: SnapshotStore, snapshotId: string): Promise<Policy> {
  return resolvePolicy(await store.policyOf(snapshotId));
}

/**
 * Both snapshots' numbers, compared under the candidate's policy. `seen` is shown them while they are in memory anyway. A baseline
 * whose results are at hand is not read again.
 */
export async function compareStored(
  work: Pick<Workplace, 'store'>,
  baseline: Pick<SnapshotSummary, 'id'> | SnapshotResults,
  candidate: Pick<SnapshotSummary, 'id'>,
  options: Partial<CompareOptions> = {},
  seen?: (baseline: SnapshotResults, candidate: SnapshotResults) => void,
  /** Cases that were asked for; the rest of the baseline was left out on purpose and is not called removed. */
  asked?: ReadonlySet<string>,
): Promise<Comparison> {
  const { store } = work;
  const whole = 'summary' in baseline ? baseline : await store.results(baseline.id);
  const a = asked === undefined ? whole : { ...whole, cases: whole.cases.filter((c) => asked.has(c.id)) };
  const b = await store.results(candidate.id);
  seen?.(a, b);
  const policy = options.policy ?? (await policyOf(store, candidate.id));
  const vectors = await answerVectors(store, a, b, policy);
  return withExamples(store, compareSnapshots(a, b, { ...options, policy, vectors }), a, b);
}

/** The same, with the pool of the baseline that the ledger holds. */
export async function compareWithPool(
  work: Pick<Workplace, 'store'>,
  baseline: SnapshotSummary,
  candidate: SnapshotSummary,
  seen?: (baseline: SnapshotResults, candidate: SnapshotResults) => void,
): Promise<Comparison> {
  const { runs, leftOut } = await poolBeside(work.store, baseline, candidate);
  const [stored, ...pool] = runs;
  return compareStored(work, stored ?? baseline, candidate, { pool, leftOut }, seen);
}

/** Adds one passing and one failing output to the cases with the largest drops, and what is known of the judge. */
export async function withExamples(
  store: SnapshotStore,
  comparison: Comparison,
  baseline: SnapshotResults,
  candidate: SnapshotResults,
): Promise<Comparison> {
  const worst = comparison.cases
    .filter((c): c is PairedDelta => 'delta' in c && c.delta < 0)
    .sort(
      (x, y) =>
        Number(y.verdict === 'regressed') - Number(x.verdict === 'regressed') ||
        x.delta - y.delta ||
        (x.id < y.id ? -1 : 1),
    )
    .slice(0, EXAMPLES);
  const examples = new Map<string, OutputExample>();
  for (const delta of worst) {
    const example = await exampleOf(store, baseline.summary.id, candidate.summary.id, delta.id);
    if (example !== null) examples.set(delta.id, example);
  }
  const note = await judgeNote(store, candidate.summary.judge);
  const otherExam = comparison.cases.filter((c) => c.verdict === 'edited' && c.reason.includes('regrade'));
  const notes = [
    ...comparison.notes,
    ...(otherExam[0] === undefined
      ? []
      : [`${otherExam.length} of the cases left out were ${otherExam[0].reason}`]),
    ...(note === null ? [] : [note]),
  ];
  if (examples.size === 0) return { ...comparison, notes };
  const cases = comparison.cases.map((c): CaseDelta => {
    const example = examples.get(c.id);
    return example === undefined ? c : ({ ...c, example } as PairedDelta);
  });
  return { ...comparison, cases, notes };
}

async function exampleOf(
  store: SnapshotStore,
  baseline: string,
  candidate: string,
  caseId: string,
): Promise<OutputExample | null> {
  const before = await pick(store, baseline, caseId, true);
  const after = await pick(store, candidate, caseId, false);
  if (before === null || after === null) return null;
  const asked = await store.caseOf(candidate, caseId);
  return {
    trial: { baseline: before.trial.trial, candidate: after.trial.trial },
    baseline: textOf(before),
    candidate: textOf(after),
    candidateReasons: after.grades
      .filter((g) => g.status === 'scored' && !g.pass)
      .map((g) => `${g.graderId}: ${g.reason}`),
    ...(asked === undefined ? {} : { content: contentOf(asked) }),
  };
}

/** What a case asks and expects, for reports: without what it is graded with, and without the bytes of files. */
export function contentOf({ vars, messages, expected, turns, tools, maxSteps, params }: Case): CaseContent {
  return {
    vars,
    messages: messages === null ? null : withoutBytes(messages),
    expected,
    ...(turns === undefined ? {} : { turns: withoutBytes(turns) }),
    ...(tools === undefined ? {} : { tools }),
    ...(maxSteps === undefined ? {} : { maxSteps }),
    ...(params === undefined ? {} : { params }),
  };
}

/** The first answered trial that passes (or fails), else the first answered one. */
async function pick(
  store: SnapshotStore,
  snapshotId: string,
  caseId: string,
  passing: boolean,
): Promise<StoredTrial | null> {
  let fallback: StoredTrial | null = null;
  for await (const stored of store.trials(snapshotId, caseId)) {
    if (stored.trial.status !== 'answered') continue;
    fallback ??= stored;
    const passes = stored.grades.every((g) => !g.required || (g.status === 'scored' && g.pass));
    if (passes === passing) return stored;
  }
  return fallback;
}

/** What the user saw, the conversation included. */
function textOf({ trial }: StoredTrial): string {
  return trial.status === 'answered' ? outputText(trial.output) : '';
}
