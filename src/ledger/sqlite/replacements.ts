// A row in the place of another: an answer with the grades that came later, or a trial that a resumed run ran again. The calls that were
// made for the row before stay on the books of the one that takes its place.

import type { Database, Statement } from 'better-sqlite3';
import type { JsonObject } from '../../base/json.ts';
import type { GradedTrial } from '../../core/snapshot.ts';
import { type Attempt, hasLostCall, type Trial } from '../../core/trial.ts';
import { unpackAttempts } from '../model/attempts.ts';
import { trialStatus } from '../model/trial-outcomes.ts';
import type { ContentTables } from './content.ts';
import { RUN_AGAIN } from './run-again.ts';
import type { TrialTally } from './trials.ts';

/** What a row counted for in its snapshot while it was there. */
interface ReplacedTrial {
  readonly status: TrialTally['status'];
  readonly calls: number;
  readonly costUsd: number | null;
  readonly costUnknown: boolean;
  readonly judgeUsd: number | null;
}

/** The row as it is to be stored, and the one that made room for it. */
export interface Replacement {
  readonly row: GradedTrial;
  readonly was: ReplacedTrial;
}

interface DroppedRow {
  readonly outcome: number;
  readonly calls: number;
  readonly costUsd: number | null;
  readonly judgeUsd: number | null;
  readonly sent: number | null;
  readonly startedMs: number | null;
  readonly attempts: number | string;
}

const DROP = (which: string): string => `
  DELETE FROM trial WHERE snapshot = ? AND case_no = ? AND trial = ? AND ${which}
  RETURNING outcome, calls, cost_usd AS costUsd, judge_usd AS judgeUsd, sent, started_ms AS startedMs, attempts`;

/** Takes rows out for others. All of it inside a write transaction. */
export class Replacements {
  readonly #content: ContentTables;
  readonly #dropUngraded: Statement<[number, number, number], DroppedRow>;
  readonly #dropRunAgain: Statement<[number, number, number], DroppedRow>;

  constructor(db: Database, content: ContentTables) {
    this.#content = content;
    this.#dropUngraded = db.prepare(DROP('outcome = 1 AND ungraded IS NOT NULL'));
    this.#dropRunAgain = db.prepare(DROP(RUN_AGAIN));
  }

  /** Makes room for an answer with its grades; undefined where none stands there without them. */
  ofUngraded(snapshotNo: number, caseNo: number, row: GradedTrial): Replacement | undefined {
    const dropped = this.#dropUngraded.get(snapshotNo, caseNo, row.trial.trial);
    if (dropped === undefined) return undefined;
    // Who grades made no call of the subject, and may not know of those that an earlier run made.
    const { attempts: code } = dropped;
    const attempts = typeof code === 'string' ? (JSON.parse(code) as Attempt[]) : row.trial.attempts;
    return { row: { ...row, trial: { ...row.trial, attempts } }, was: replaced(dropped, attempts) };
  }

  /** Makes room for a trial that was run again; undefined where none stands there that is to be. */
  ofRunAgain(snapshotNo: number, caseNo: number, row: GradedTrial): Replacement | undefined {
    const dropped = this.#dropRunAgain.get(snapshotNo, caseNo, row.trial.trial);
    if (dropped === undefined) return undefined;
    const { startedMs, attempts: code, sent: sentId } = dropped;
    const before = unpackAttempts({ startedMs, code }, { latencyMs: null, requestId: null });
    const sent = row.trial.sent ?? (sentId === null ? null : (this.#content.document(sentId) as JsonObject));
    const attempts = [...before, ...row.trial.attempts];
    const trial = { ...row.trial, attempts, sent, ...withPaid(row.trial, dropped, before) };
    return { row: { ...row, trial }, was: replaced(dropped, before) };
  }
}

/** Steps of a conversation that were paid for before it was cut off are paid for still. */
function withPaid(
  trial: Trial,
  { costUsd }: DroppedRow,
  before: readonly Attempt[],
): { readonly costUsd?: number | null } {
  if (!before.some(({ outcome }) => outcome === 'answered')) return {};
  if (costUsd === null || trial.costUsd === null) return { costUsd: null };
  return { costUsd: costUsd + (trial.costUsd ?? 0) };
}

function replaced(row: DroppedRow, attempts: readonly Attempt[]): ReplacedTrial {
  const { outcome, calls, costUsd, judgeUsd } = row;
  const status = trialStatus(outcome);
  const answered = status === 'answered' || attempts.some(({ outcome: end }) => end === 'answered');
  const costUnknown = (answered && costUsd === null) || hasLostCall(attempts);
  return { status, calls, costUsd, costUnknown, judgeUsd };
}
