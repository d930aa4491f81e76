// The books of a disturbed run: what the ledger held when each process ended, held against every answer that was billed.

import Database from 'better-sqlite3';
import { promptOf } from '../kit/bench-suite.ts';
import { answerTo, type Billed } from '../kit/mock-server.ts';
import type { Blow, World } from './chaos-world.ts';

/** One process: when it ended, how, and what the ledger held then. */
export interface Life {
  readonly end: Blow | 'itself';
  readonly endMs: number;
  /** Request ids of the answers in it. */
  readonly requestIds: ReadonlySet<string>;
  /** Answered trials by case (`case 12`). */
  readonly answered: ReadonlyMap<string, number>;
  /** Cases whose verdict is remembered. */
  readonly verdicts: ReadonlySet<string>;
}

/** Answers that were billed and are not in the ledger. */
export interface Audit {
  /** On their way, being judged or waiting for the writer when their process was ended from outside. */
  readonly lost: number;
  /** Any other: must be none. */
  readonly notAllowed: readonly string[];
  /** Of the lost subject answers that no judge was still looking at: how long before the end the oldest had gone out. */
  readonly oldestMs: number;
}

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
export function closeLife(db: string, end: Life['end'], endMs: number): Life {
  const requestIds = new Set<string>();
  const answered = new Map<string, number>();
  const verdicts = new Set<string>();
  const file = openBooks(db);
  try {
    const rows = file?.prepare("SELECT case_id, request_id FROM v_trials WHERE status = 'answered'").all() as
      | { case_id: string; request_id: string }[]
      | undefined;
    for (const { case_id, request_id } of rows ?? []) {
      const about = case_id.replace('-', ' ');
      requestIds.add(request_id);
      answered.set(about, (answered.get(about) ?? 0) + 1);
    }
    for (const body of (file?.prepare('SELECT body FROM verdict').pluck().all() ?? []) as string[])
      verdicts.add(/case \d+/.exec(body)?.[0] ?? '?');
  } catch {
    // Killed before the schema was there: nothing is in it.
  } finally {
    file?.close();
  }
  return { end, endMs, requestIds, answered, verdicts };
}

/**
 * The rule, call by call. A billed answer is in the ledger, or the process that asked for it was ended from outside before its
 * trial was written. A process never asks for more answers about a case than its trials lacked when it started, what is written
 * stays as it is, and a verdict that is remembered is never asked for again.
 */
export function audit(world: World, billed: readonly Billed[], lives: readonly Life[]): Audit {
  const notAllowed: string[] = [];
  const last = lives.at(-1);
  let lost = 0;
  let oldestMs = 0;
  for (const [n, life] of lives.entries()) {
    const before = lives[n - 1];
    const sinceMs = before?.endMs ?? Number.NEGATIVE_INFINITY;
    const own = billed.filter((b) => b.sentMs > sinceMs && b.sentMs <= life.endMs);
    const cut = life.end !== 'itself';
    for (const id of life.requestIds)
      if (last?.requestIds.has(id) !== true) notAllowed.push(`${id} was in the ledger and is not any more`);
    const verdictSent = new Map(own.filter((b) => b.verdict).map((b) => [b.about, b.sentMs]));

    for (const about of new Set(own.map((b) => b.about))) {
      const answers = own.filter((b) => b.about === about && !b.judge);
      const lacked = world.trials - (before?.answered.get(about) ?? 0);
      if (answers.length > lacked)
        notAllowed.push(`life ${n + 1}: ${answers.length} answers to ${about}, of which ${lacked} lacked`);
      for (const { requestId, sentMs } of answers) {
        if (life.requestIds.has(requestId)) continue;
        if (!cut) notAllowed.push(`life ${n + 1}: the answer ${requestId} to ${about} was paid and not kept`);
        lost++;
        const judgedMs = world.judge === null ? sentMs : verdictSent.get(about);
        if (judgedMs !== undefined) oldestMs = Math.max(oldestMs, life.endMs - Math.max(judgedMs, sentMs));
      }
      const rulings = own.filter((b) => b.about === about && b.verdict);
      if (rulings.length > (before?.verdicts.has(about) === true ? 0 : 1))
        notAllowed.push(`life ${n + 1}: ${rulings.length} verdicts on ${about}, which were remembered`);
      if (rulings.length > 0 && !life.verdicts.has(about)) {
        if (!cut) notAllowed.push(`life ${n + 1}: a verdict on ${about} was paid and not kept`);
        lost++;
      }
    }
  }
  return { lost, notAllowed, oldestMs };
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
    const rows = file.prepare('SELECT case_id, trial, status, output, pass, code, ungraded, calls FROM v_trials').all() as {
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
