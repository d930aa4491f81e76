// How trials come into a snapshot: an answer that an examiner is asked about is durable before it is judged, so that what was paid for
// never hangs on the judge.

import type { ProgressStep } from '../../base/index.ts';
import {
  type Case,
  type GradedTrial,
  needsEmbedder,
  needsJudge,
  type Trial,
  trialOutcome,
  type UngradedGrade,
} from '../../core/index.ts';
import { measureTrial } from '../../grade/measures.ts';
import type { TrialGrader } from '../../grade/trial-grader.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { type AnswerEmbedder, withCost } from './embed-outputs.ts';
import { type LedgerWriter, ledgerWriter } from './ledger-writer.ts';

/** What grading an answer needs: the grader, and the embedder of answers where the suite asks for the channel. */
export interface RecordExaminers {
  readonly grader: TrialGrader;
  readonly vectors: AnswerEmbedder | null;
  /** Answers that need a judge are only stored: their questions are gathered once all are in. */
  readonly judgeLater?: boolean | undefined;
}

export interface GradedSoFar {
  readonly graded: number;
  readonly passed: number;
  /** US dollars, as far as they are known. */
  readonly judgeUsd: number;
  readonly judgeUnpriced: boolean;
}

/** What went wrong most often, in the words that are kept; null where nothing did. */
export interface Losses {
  readonly failed: string | null;
  readonly ungraded: string | null;
}

/** Grades the trials of one snapshot and writes them. */
export class TrialRecord {
  readonly #work: Workplace;
  readonly #examiners: RecordExaminers;
  readonly #added: LedgerWriter;
  readonly #replaced: LedgerWriter;
  #graded: GradedSoFar = { graded: 0, passed: 0, judgeUsd: 0, judgeUnpriced: false };
  readonly #failed = new Reasons();
  readonly #ungraded = new Reasons();

  constructor(work: Workplace, snapshotId: string, examiners: RecordExaminers) {
    this.#work = work;
    this.#examiners = examiners;
    this.#added = ledgerWriter(work.store, snapshotId);
    this.#replaced = ledgerWriter(work.store, snapshotId, 'regrade');
  }

  /** For progress: what is graded so far. */
  get graded(): GradedSoFar {
    return this.#graded;
  }

  get losses(): Losses {
    return { failed: this.#failed.mostFrequent, ungraded: this.#ungraded.mostFrequent };
  }

  /** Takes in a trial that has just ended; resolves when it is durable with its grades. */
  async take(c: Case, trial: Trial, signal: AbortSignal): Promise<void> {
    // Graded as it is kept: a grade must come out again from what is stored.
    const clean = this.#work.mask.json((this.#work.privacy?.redact(trial) ?? trial) as never) as Trial;
    if (!this.#writtenFirst(c, clean)) return this.#grade(c, clean, 0, this.#added, signal);
    if (this.#examiners.judgeLater === true && c.graders.some(needsJudge)) {
      // No judge was called, so nothing was spent.
      await this.#added.write(this.#kept({ ...notJudgedYet(c, clean), judgeCostUsd: 0 }));
      return;
    }
    await this.#added.write(this.#kept(notJudgedYet(c, clean)));
    await this.#grade(c, clean, 0, this.#replaced, signal);
  }

  /** Grades an answer that is in the snapshot without its grades. */
  async finish(c: Case, { trial, judgeCostUsd }: GradedTrial, signal: AbortSignal): Promise<void> {
    await this.#grade(c, trial, judgeCostUsd, this.#replaced, signal);
  }

  async #grade(
    c: Case,
    trial: Trial,
    spentUsd: number | null,
    writer: LedgerWriter,
    signal: AbortSignal,
  ): Promise<void> {
    const { grader, vectors } = this.#examiners;
    const row = this.#kept(withCost(await grader.gradeTrial(c, trial, signal), spentUsd));
    this.#note(row);
    const vector = await vectors?.vectorFor(row.trial, signal);
    await writer.write(vector === undefined ? row : withCost(row, vector.costUsd));
    await vector?.keep();
  }

  /** Where no texts are kept, an answer cannot be judged later: there it is judged before it is written. */
  #writtenFirst(c: Case, trial: Trial): boolean {
    if (trial.status !== 'answered' || this.#work.privacy?.store === 'scores') return false;
    return this.#examiners.vectors !== null || c.graders.some((g) => needsJudge(g) || needsEmbedder(g));
  }

  #note({ trial, grades, judgeCostUsd }: GradedTrial): void {
    const outcome = trial.status === 'answered' ? trialOutcome(grades) : null;
    const { graded, passed, judgeUsd, judgeUnpriced } = this.#graded;
    this.#graded = {
      graded: graded + (outcome?.kind === 'graded' ? 1 : 0),
      passed: passed + (outcome?.kind === 'graded' && outcome.pass ? 1 : 0),
      judgeUsd: judgeUsd + (judgeCostUsd ?? 0),
      judgeUnpriced: judgeUnpriced || judgeCostUsd === null,
    };
    if (trial.status === 'failed' && trial.cause !== 'app_error') this.#failed.add(trial.code, trial.message);
    if (trial.status !== 'answered') return;
    const lost = grades.find((g) => g.status === 'ungraded' && g.required);
    if (lost !== undefined) this.#ungraded.add(lost.graderId, lost.reason);
  }

  #kept(row: GradedTrial): GradedTrial {
    const kept = this.#work.privacy?.kept(row) ?? row;
    return this.#work.mask.json(kept as never) as GradedTrial;
  }
}

/** The step with what is graded so far, and what judging has cost. */
export function withGrades(step: ProgressStep, records: ReadonlyMap<string, TrialRecord>): ProgressStep {
  let [passed, graded, costUsd] = [0, 0, step.costUsd ?? 0];
  let costPartial = step.costPartial ?? false;
  for (const { graded: arm } of records.values()) {
    passed += arm.passed;
    graded += arm.graded;
    costUsd += arm.judgeUsd;
    costPartial ||= arm.judgeUnpriced;
  }
  return { ...step, passed, graded, costUsd, costPartial };
}

/** No grader of it counts yet, so that the row is recognised as ungraded and replaced. Until then the cost of judging it is unknown. */
function notJudgedYet(c: Case, trial: Trial): GradedTrial {
  const grades = c.graders.map(
    ({ id, type, negate, required, weight }): UngradedGrade => ({
      graderId: id,
      graderType: negate ? `not-${type}` : type,
      required,
      weight,
      status: 'ungraded',
      cause: 'judge_error',
      reason: 'not judged yet: the run ended before its grading did; resuming it grades the answer',
    }),
  );
  return { trial, measures: measureTrial(trial), grades, judgeCostUsd: null };
}

/** Reasons counted by what they belong to, the first of each in full. */
class Reasons {
  readonly #counts = new Map<string, { n: number; readonly text: string }>();

  add(key: string, reason: string): void {
    const known = this.#counts.get(key);
    if (known !== undefined) known.n++;
    else if (this.#counts.size < 50) {
      const text = `${key}: ${reason}`.replaceAll(/\s+/g, ' ');
      this.#counts.set(key, { n: 1, text: text.length > 200 ? `${text.slice(0, 199)}…` : text });
    }
  }

  get mostFrequent(): string | null {
    let most: { readonly n: number; readonly text: string } | null = null;
    for (const count of this.#counts.values()) if (most === null || count.n > most.n) most = count;
    return most?.text ?? null;
  }
}
