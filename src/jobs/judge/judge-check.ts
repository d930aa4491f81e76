// How noisy is the judge? The same frozen outputs are judged several times, afresh; whatever moves is the judge.

import { LastgoodError } from '../../base/index.ts';
import type { Release, SnapshotSummary } from '../../core/index.ts';
import { openExaminers } from '../../engine/examiners/judge-examiners.ts';
import {
  answersRemoved,
  type FrozenOutput,
  frozenOutputs,
  judgedPass,
  spread,
  stillThere,
} from '../../engine/examiners/judge-outputs.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

export interface JudgeCheckInput {
  readonly snapshot: SnapshotSummary;
  /** Judgings of each output, at least 2. */
  readonly times: number;
  /** Default: the judge that graded the snapshot. */
  readonly judge?: Release | undefined;
  /** Most outputs judged, spread over the cases. Default 50. */
  readonly outputs?: number | undefined;
}

/** One output and what became of it, judging by judging. */
interface CheckedOutput {
  readonly caseId: string;
  readonly trial: number;
  /** Mean score of the judged graders each time; null = could not be graded. */
  readonly scores: readonly (number | null)[];
  readonly passes: readonly (boolean | null)[];
}

export interface JudgeCheck {
  readonly snapshot: string;
  readonly judge: string;
  readonly times: number;
  readonly outputs: number;
  /** Outputs that could not be judged again, because the ledger does not have the answer (any more). */
  readonly removed: number;
  readonly judgeCalls: number;
  /** Judgings without a grade, by cause. */
  readonly ungraded: Readonly<Record<string, number>>;
  /** Chance that two judgings of one output differ in pass or fail; null when nothing was judged twice. */
  readonly flipRate: number | null;
  /** Standard deviation of the score of one output over its judgings, pooled; null as above. */
  readonly scoreSd: number | null;
  /** Outputs that both passed and failed: no red or green of theirs means anything on its own. */
  readonly straddling: readonly CheckedOutput[];
  readonly servedModels: readonly (string | null)[];
}

/** Judges the outputs `times` times without the verdict cache and keeps the figures as a record under the judge's fingerprint. */
export async function judgeCheck(work: Workplace, input: JudgeCheckInput): Promise<JudgeCheck> {
  const { snapshot, times } = input;
  const judge = input.judge ?? (await judgeOf(work, snapshot));
  const { outputs, removed } = stillThere(await frozenOutputs(work.store, snapshot.id, { distinct: true }));
  const chosen = spread(outputs, input.outputs ?? 50);
  if (chosen.length === 0 && removed > 0) throw answersRemoved('JUDGE_ANSWERS_REMOVED', snapshot.id, removed);
  if (chosen.length === 0) {
    throw new LastgoodError({
      code: 'JUDGE_NOTHING',
      message: `${snapshot.id} has no answered trial that a judge had a say on`,
      hint: 'name a snapshot of a suite with `ask` criteria or `judge` graders',
      exitCode: 3,
    });
  }
  const rounds = await judgeAgain(work, judge, chosen, times);
  const checked = chosen.map((output, i): CheckedOutput => {
    const mine = rounds.rounds.map((r) => r[i] as Judged);
    return {
      caseId: output.case.id,
      trial: output.trial.trial,
      scores: mine.map((m) => m.score),
      passes: mine.map((m) => m.pass),
    };
  });
  const result: JudgeCheck = {
    snapshot: snapshot.id,
    judge: judge.fingerprint,
    times,
    outputs: chosen.length,
    removed,
    judgeCalls: rounds.calls,
    ungraded: rounds.ungraded,
    flipRate: flipRate(checked),
    scoreSd: pooledSd(checked),
    straddling: checked.filter((c) => c.passes.includes(true) && c.passes.includes(false)),
    servedModels: rounds.servedModels,
  };
  await work.store.keepRecord({
    kind: 'judge-check',
    suite: snapshot.suite,
    at: work.clock.now().toISOString(),
    body: JSON.parse(JSON.stringify(result)),
  });
  return result;
}

/** The judge's release as stored with a snapshot. Throws when it had none. */
export async function judgeOf(work: Workplace, snapshot: SnapshotSummary): Promise<Release> {
  if (snapshot.judge !== null) return work.store.releaseOf(snapshot.id, 'judge');
  throw new LastgoodError({
    code: 'JUDGE_ABSENT',
    message: `${snapshot.id} was made without a judge`,
    hint: 'name a snapshot of a suite with `ask` criteria or `judge` graders',
  });
}

/** What one judging of one output came to. */
export interface Judged {
  readonly score: number | null;
  readonly pass: boolean | null;
}

/** Judges outputs afresh, round by round: nothing is read from or written to the verdict cache. */
export async function judgeAgain(
  work: Workplace,
  judge: Release,
  outputs: readonly FrozenOutput[],
  times: number,
): Promise<{
  readonly rounds: readonly (readonly Judged[])[];
  readonly calls: number;
  readonly ungraded: Readonly<Record<string, number>>;
  readonly servedModels: readonly (string | null)[];
}> {
  let calls = 0;
  const ungraded: Record<string, number> = {};
  const served = new Set<string | null>();
  const examiners = await openExaminers(
    work,
    { judge, embedder: null },
    {
      cache: false,
      onJudgeCall: ({ model, outcome }) => {
        calls++;
        if (outcome === 'answered') served.add(model);
      },
    },
  );
  try {
    const rounds: Judged[][] = [];
    for (let n = 0; n < times; n++) {
      rounds.push(
        await Promise.all(
          outputs.map(async (output): Promise<Judged> => {
            const { grades } = await examiners.grader.gradeTrial(output.case, output.trial, work.hardSignal);
            for (const g of grades)
              if (g.status === 'ungraded') ungraded[g.cause] = (ungraded[g.cause] ?? 0) + 1;
            const scored = grades.filter((g) => g.status === 'scored');
            const pass = judgedPass(grades);
            return {
              pass,
              score:
                pass === null
                  ? null
                  : scored.reduce((sum, g) => sum + g.score, 0) / Math.max(1, scored.length),
            };
          }),
        ),
      );
      // What was cut off says nothing about the judge.
      work.hardSignal.throwIfAborted();
      work.progress.step({ label: 'judging again', done: n + 1, total: times });
      if (work.signal.aborted) break;
    }
    return { rounds, calls, ungraded, servedModels: [...served] };
  } finally {
    await examiners.close();
  }
}

/** Mean over outputs of the unbiased estimate that two judgings differ: 2·x·(k−x) / (k·(k−1)). */
function flipRate(checked: readonly CheckedOutput[]): number | null {
  const rates = checked.flatMap(({ passes }) => {
    const known = passes.filter((p) => p !== null);
    const k = known.length;
    const x = known.filter((p) => p).length;
    return k < 2 ? [] : [(2 * x * (k - x)) / (k * (k - 1))];
  });
  return rates.length === 0 ? null : rates.reduce((a, b) => a + b, 0) / rates.length;
}

/** Root of the pooled within-output variance. */
function pooledSd(checked: readonly CheckedOutput[]): number | null {
  let squares = 0;
  let freedom = 0;
  for (const { scores } of checked) {
    const known = scores.filter((s) => s !== null);
    if (known.length < 2) continue;
    const mean = known.reduce((a, b) => a + b, 0) / known.length;
    squares += known.reduce((sum, s) => sum + (s - mean) ** 2, 0);
    freedom += known.length - 1;
  }
  return freedom === 0 ? null : Math.sqrt(squares / freedom);
}
