// Which of two snapshots' answers does a judge prefer? Case by case, both orders, and only what survives the swap counts.

import { isJsonObject, LastgoodError } from '../../base/index.ts';
import {
  type AnsweredTrial,
  isRemoved,
  READY_JUDGES,
  type Release,
  type SnapshotStore,
  type SnapshotSummary,
} from '../../core/index.ts';
import type { JudgeBatching } from '../../engine/examiners/batched-judges.ts';
import { openExaminers } from '../../engine/examiners/judge-examiners.ts';
import { answersRemoved, spread } from '../../engine/examiners/judge-outputs.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { MOST_INCONSISTENT } from '../../grade/index.ts';
import type { StopCause } from '../../run/index.ts';
import { mcnemar } from '../../stats/index.ts';
import { judgeOf } from './judge-check.ts';

export interface PreferInput {
  readonly baseline: SnapshotSummary;
  readonly candidate: SnapshotSummary;
  /** Default: the candidate's judge. */
  readonly judge?: Release | undefined;
  /** Most cases compared, spread over the suite. Default 50. */
  readonly cases?: number | undefined;
  /** Ask the judge in batches, under this name, where its provider has a batch API. */
  readonly batch?: JudgeBatching | undefined;
}

/** How the candidate's answer fared against the baseline's. */
type Preference = 'better' | 'worse' | 'tie' | 'inconsistent' | 'ungraded';

export interface Preferences {
  readonly baseline: string;
  readonly candidate: string;
  readonly judge: string;
  readonly pairs: readonly {
    readonly caseId: string;
    readonly preference: Preference;
    readonly reason: string;
  }[];
  readonly counts: Readonly<Record<Preference, number>>;
  /** Of the ungraded: pairs that could not be judged, because the ledger does not have an answer (any more). */
  readonly removed: number;
  /** Exact two-sided sign test of better against worse. */
  readonly p: number;
  /** `invalid`: over 30 % of the pairs turned with the order, or none could be judged. */
  readonly verdict: 'better' | 'worse' | 'no difference shown' | 'invalid';
  readonly judgeCalls: number;
  /** Why batches of questions were not waited for to their end, which makes it `invalid`; null = they were. */
  readonly stoppedBy: StopCause | null;
}

const ALPHA = 0.05;

/** Sets the first answers to the same cases against each other. Kept as a ledger record of kind `judge-preference`. */
export async function judgePrefer(work: Workplace, input: PreferInput): Promise<Preferences> {
  const { baseline, candidate } = input;
  const { store } = work;
  const judge = input.judge ?? (await judgeOf(work, candidate));
  const before = new Map((await store.suiteOf(baseline.id)).cases.map((c) => [c.id, c.contentHash]));
  const both = [
    ...(await store.suiteOf(candidate.id)).cases.filter((c) => before.get(c.id) === c.contentHash),
  ];
  const { about: _about, ...question } = READY_JUDGES.pairwise;
  let judgeCalls = 0;
  const examiners = await openExaminers(
    work,
    { judge, embedder: null },
    {
      batch: input.batch,
      onJudgeCall: () => {
        judgeCalls++;
      },
    },
  );
  try {
    const found = await Promise.all(
      spread(both, input.cases ?? 50).map(async (c) => {
        const a = await firstAnswer(store, baseline.id, c.id);
        const b = await firstAnswer(store, candidate.id, c.id);
        if (a === null || b === null) return [];
        if (isRemoved(a) || isRemoved(b)) {
          const whose = isRemoved(a) ? (isRemoved(b) ? "both sides'" : "the baseline's") : "the candidate's";
          const reason = `${whose} answers are not in the ledger: pruned, forgotten or never kept`;
          return [{ caseId: c.id, preference: 'ungraded' as const, reason, removed: true }];
        }
        const { grades } = await examiners.grader.gradeTrial(
          {
            ...c,
            expected: a.output.text,
            graders: [
              {
                type: 'judge',
                id: 'pairwise',
                negate: false,
                weight: 1,
                required: true,
                options: { ...question, context: null },
              },
            ],
          },
          b,
          work.hardSignal,
        );
        const grade = grades[0];
        const details = isJsonObject(grade?.details) ? grade.details : {};
        const preference: Preference =
          grade?.status === 'scored'
            ? (details['choice'] as 'better' | 'worse' | 'tie')
            : details['inconsistentPairs'] === undefined
              ? 'ungraded'
              : 'inconsistent';
        return [{ caseId: c.id, preference, reason: grade?.reason ?? '', removed: false }];
      }),
    );
    // What was cut off says nothing about the two.
    const { stoppedBy } = examiners;
    if (stoppedBy === null) work.hardSignal.throwIfAborted();
    const pairs = found.flat().map(({ removed: _removed, ...pair }) => pair);
    const removed = found.flat().filter((pair) => pair.removed).length;
    if (pairs.length === 0) {
      throw new LastgoodError({
        code: 'PREFER_NOTHING',
        message: `${baseline.id} and ${candidate.id} have no case with the same content that both answered`,
        exitCode: 3,
      });
    }
    if (removed === pairs.length)
      throw answersRemoved('PREFER_ANSWERS_REMOVED', `${baseline.id} or ${candidate.id}`, removed);
    const result = {
      ...summed(pairs),
      removed,
      baseline: baseline.id,
      candidate: candidate.id,
      judge: judge.fingerprint,
      judgeCalls,
      stoppedBy,
    };
    // A part of the pairs shows no preference.
    if (stoppedBy !== null) return { ...result, verdict: 'invalid' };
    await store.keepRecord({
      kind: 'judge-preference',
      suite: candidate.suite,
      at: work.clock.now().toISOString(),
      body: JSON.parse(JSON.stringify(result)),
    });
    examiners.settle();
    return result;
  } finally {
    await examiners.close();
  }
}

function summed(pairs: Preferences['pairs']): Pick<Preferences, 'pairs' | 'counts' | 'p' | 'verdict'> {
  const counts = { better: 0, worse: 0, tie: 0, inconsistent: 0, ungraded: 0 };
  for (const { preference } of pairs) counts[preference]++;
  const { better, inconsistent, ungraded, worse } = counts;
  const judged = pairs.length - ungraded;
  const p = mcnemar({ passToFail: worse, failToPass: better }).exactTwoSided;
  const verdict =
    judged === 0 || inconsistent > MOST_INCONSISTENT * judged
      ? 'invalid'
      : p > ALPHA
        ? 'no difference shown'
        : better > worse
          ? 'better'
          : 'worse';
  return { pairs, counts, p, verdict };
}

/** The first answer that is there; where all of them were removed, the first of those. */
async function firstAnswer(store: SnapshotStore, id: string, caseId: string): Promise<AnsweredTrial | null> {
  let removed: AnsweredTrial | null = null;
  for await (const { trial } of store.trials(id, caseId)) {
    if (trial.status !== 'answered') continue;
    if (!isRemoved(trial)) return trial;
    removed ??= trial;
  }
  return removed;
}
