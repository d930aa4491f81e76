// The books of a disturbed run: what the ledger held when each process ended, held against every answer that was billed.

import Database from 'better-sqlite3';
import { promptOf } from '../kit/bench-suite.ts';
import { type Ask, answerTo, type Billed } from '../kit/mock-server.ts';
import type { Blow, World } from './chaos-world.ts';

/** One process: when it ended, how, and what the ledger held then. */
export interface Life {
  readonly end: Blow | 'itself';
  readonly endMs: number;
  /** When it was struck; when it ended, where it was not. */
  readonly struckMs: number;
  /** Request ids of the answers in it. */
  readonly requestIds: ReadonlySet<string>;
  /** Answered trials by case (`case 12`). */
  readonly answered: ReadonlyMap<string, number>;
  /** Calls on the books by case, of all its trials. */
  readonly calls: ReadonlyMap<string, number>;
  /** Of those, calls that ended at their time limit. */
  readonly late: ReadonlyMap<string, number>;
  /** Cases whose verdict is remembered. */
  readonly verdicts: ReadonlySet<string>;
}

/** Answers that were billed and are not in the ledger. */
export interface Audit {
  /** On their way or waiting for the writer when their process was ended from outside. */
  readonly lost: number;
  /** Come after the client's time limit, and asked for once more. */
  readonly givenUp: number;
  /** Any other: must be none. */
  readonly notAllowed: readonly string[];
  /** Of the lost subject answers: how long before the blow the oldest had gone out. */
  readonly oldestMs: number;
}

/** Trials with their calls, and how many of these ended at the time limit by the log of attempts. */
const LATE_CALLS = `SELECT v.case_id, v.status, v.request_id, v.calls,
  (length(t.attempts) - length(replace(t.attempts, '"attempt_timeout"', ''))) / length('"attempt_timeout"') AS late
FROM v_trials v JOIN snapshot s ON s.id = v.snapshot
JOIN suite_case c ON c.suite = s.suite JOIN case_version k ON k.id = c.case_version AND k.case_id = v.case_id
JOIN trial t ON t.snapshot = s.no AND t.case_no = c.case_no AND t.trial = v.trial`;

/** Null when there is no ledger yet, or none that can be opened. */
export function openBooks(db: string): InstanceType<typeof Database> | null {
  try {
    return new Database(db, { readonly: true, fileMustExist: true });
  } catch {
    return null;
  }
}

/** The snapshot that is not finished; null when there is none (yet). */
export function unfinished(db: string): string | null {
  const file = openBooks(db);
  try {
    const id = file?.prepare("SELECT id FROM snapshot WHERE state <> 'finished'").pluck().get();
    return typeof id === 'string' ? id : null;
  } catch {
    // Killed before the schema was there.
    return null;
  } finally {
    file?.close();
  }
}

/** Reads the ledger as a process left it. */
export function closeLife(db: string, end: Life['end'], endMs: number, struckMs: number): Life {
  const requestIds = new Set<string>();
  const answered = new Map<string, number>();
  const calls = new Map<string, number>();
  const late = new Map<string, number>();
  const verdicts = new Set<string>();
  const file = openBooks(db);
  try {
    const rows = (file?.prepare(LATE_CALLS).all() ?? []) as {
      case_id: string;
      status: string;
      request_id: string | null;
      calls: number;
      late: number;
    }[];
    for (const row of rows) {
      const about = row.case_id.replace('-', ' ');
      calls.set(about, (calls.get(about) ?? 0) + row.calls);
      late.set(about, (late.get(about) ?? 0) + row.late);
      if (row.status !== 'answered' || row.request_id === null) continue;
      requestIds.add(row.request_id);
      answered.set(about, (answered.get(about) ?? 0) + 1);
    }
    for (const body of (file?.prepare('SELECT body FROM verdict').pluck().all() ?? []) as string[])
      verdicts.add(/case \d+/.exec(body)?.[0] ?? '?');
  } catch {
    // Killed before the schema was there: nothing is in it.
  } finally {
    file?.close();
  }
  return { end, endMs, struckMs, requestIds, answered, calls, late, verdicts };
}

/**
 * The rule, call by call. A billed answer is in the ledger, or the process that asked for it was ended from outside before its
 * trial was written, or the process had given it up after its time limit and wrote that attempt down. An answer that a judge is
 * asked about is in the ledger by then, however its process ends. A process never asks for more
 * answers about a case than its trials lacked when it started, what is written stays as it is, a verdict that is remembered is never
 * asked for again, and a process that ends by itself has every call of its trials on its books.
 */
export function audit(
  mock: { readonly billed: readonly Billed[]; readonly asks: readonly Ask[] },
  lives: readonly Life[],
  world: { readonly trials: number; readonly timeoutMs: number },
): Audit {
  const notAllowed: string[] = [];
  const last = lives.at(-1);
  let lost = 0;
  let givenUp = 0;
  let oldestMs = 0;
  for (const [n, life] of lives.entries()) {
    const before = lives[n - 1];
    const wrong = (what: string): void => void notAllowed.push(`life ${n + 1} (${life.end}): ${what}`);
    const within = (ms: number): boolean => ms > (before?.endMs ?? -1) && ms <= life.endMs;
    const own = mock.billed.filter((b) => within(b.sentMs));
    const [judged, asks] = [true, false].map((judge) =>
      mock.asks.filter((a) => within(a.atMs) && a.judge === judge),
    ) as [Ask[], Ask[]];
    const cut = life.end !== 'itself';
    for (const id of life.requestIds)
      if (last?.requestIds.has(id) !== true) wrong(`${id} was in the ledger and is not any more`);
    for (const [about, calls] of life.calls)
      if ((last?.calls.get(about) ?? 0) < calls)
        wrong(`of ${calls} calls about ${about} some are not on the books any more`);

    for (const about of new Set(judged.map((a) => a.about)))
      if ((life.answered.get(about) ?? 0) === 0)
        wrong(`the judge was asked about ${about} before its answer was in the ledger`);
    for (const about of new Set(asks.map((a) => a.about))) {
      const asked = asks.filter((a) => a.about === about).length;
      const written = (life.calls.get(about) ?? 0) - (before?.calls.get(about) ?? 0);
      if (!cut && asked !== written) wrong(`${asked} calls about ${about}, ${written} of them on the books`);
    }
    for (const about of new Set(own.map((b) => b.about))) {
      const answers = own.filter((b) => b.about === about && !b.judge);
      const lacked = world.trials - (before?.answered.get(about) ?? 0);
      const rulings = own.filter((b) => b.about === about && b.verdict);
      const unkept = answers.filter((a) => !life.requestIds.has(a.requestId));
      const late = Math.max(
        repeatsAfter(answers, world.timeoutMs),
        (life.late.get(about) ?? 0) - (before?.late.get(about) ?? 0),
      );
      if (answers.length - late > lacked)
        wrong(`${answers.length} answers to ${about}, of which ${lacked} lacked`);
      if (!cut && unkept.length > late) wrong(`${unkept.length} answers to ${about} were paid and not kept`);
      const lateRulings = repeatsAfter(rulings, world.timeoutMs);
      const ruled = before?.verdicts.has(about) === true ? 0 : 1;
      if (rulings.length - lateRulings > ruled)
        wrong(`${rulings.length} verdicts on ${about}, of which ${ruled} lacked`);
      if (!cut && rulings.length > 0 && !life.verdicts.has(about))
        wrong(`a verdict on ${about} was paid and not kept`);
      givenUp += (cut ? 0 : Math.min(late, unkept.length)) + lateRulings;
      if (!cut) continue;
      lost += unkept.length + (rulings.length > 0 && !life.verdicts.has(about) ? 1 : 0);
      for (const { sentMs } of unkept) oldestMs = Math.max(oldestMs, life.struckMs - sentMs);
    }
  }
  return { lost, givenUp, notAllowed, oldestMs };
}

/** Answers that were asked for again a time limit after they had been asked for: whoever asked had given them up. */
function repeatsAfter(answers: readonly Billed[], timeoutMs: number): number {
  const inOrder = answers.map((a) => a.askedMs).sort((a, b) => a - b);
  const first = inOrder[0] ?? 0;
  return inOrder.filter((ms) => ms - first >= 0.9 * timeoutMs).length;
}

/** `ok`, or what SQLite finds wrong. */
export function integrity(db: string): string {
  const file = openBooks(db);
  try {
    return file === null ? 'ok' : String(file.pragma('integrity_check', { simple: true }));
  } finally {
    file?.close();
  }
}

/** What is other than after an undisturbed run, in which every case is answered as its prompt has it and every grader passes. */
export function differences(db: string, world: World): string[] {
  const file = openBooks(db);
  if (file === null) return ['there is no ledger'];
  const problems: string[] = [];
  try {
    if (integrity(db) !== 'ok') problems.push('the ledger is damaged');
    if ((file.pragma('foreign_key_check') as unknown[]).length > 0) problems.push('references into nothing');
    const snapshots = file
      .prepare('SELECT state, validity, trials, answered, failed, skipped, ungraded, calls FROM v_snapshots')
      .all() as Record<string, unknown>[];
    const planned = world.cases * world.trials;
    const [snapshot] = snapshots;
    const wanted = {
      state: 'finished',
      validity: 'valid',
      trials: planned,
      answered: planned,
      failed: 0,
      skipped: 0,
      ungraded: 0,
    };
    if (snapshots.length !== 1 || Object.entries(wanted).some(([key, value]) => snapshot?.[key] !== value))
      problems.push(`snapshots: ${JSON.stringify(snapshots)}`);
    const rows = file
      .prepare('SELECT case_id, trial, status, output, pass, code, ungraded, calls FROM v_trials')
      .all() as {
      case_id: string;
      trial: number;
      status: string;
      output: string | null;
      pass: number | null;
      code: string | null;
      ungraded: string | null;
      calls: number;
    }[];
    if (rows.length !== planned) problems.push(`${rows.length} trials instead of ${planned}`);
    if (rows.reduce((n, row) => n + row.calls, 0) !== snapshot?.['calls'])
      problems.push("the snapshot's calls are not the sum of its trials'");
    for (const row of rows) {
      const text = answerTo(promptOf(Number(row.case_id.slice('case-'.length))));
      if (row.status !== 'answered' || row.output !== text || row.pass !== 1)
        problems.push(
          `${row.case_id}#${row.trial}: ${row.status} ${row.code ?? ''} pass ${row.pass} ${row.ungraded ?? ''}`,
        );
    }
  } finally {
    file.close();
  }
  return problems;
}
