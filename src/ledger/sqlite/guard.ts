// Decisions and approvals of the guard on SQLite.

import type { Database } from 'better-sqlite3';
import type {
  Approval,
  GuardDecision,
  GuardedAction,
  GuardFacts,
  GuardRuling,
  GuardStore,
} from '../../core/guard.ts';
import {
  type ApprovalRow,
  answeredAlready,
  approvalOf as approval,
  unknownApproval,
} from '../model/approval-row.ts';
import { withPatience } from './database-error.ts';
import { mustBeSameFile, type OpenLedgerFile } from './open.ts';

interface DecisionRow extends Omit<GuardDecision, 'succeeded'> {
  readonly succeeded: 0 | 1 | null;
}

const APPROVALS = `
  SELECT a.id, a.at, a.feature, a.environment, a.agent, a.action, a.key, a.impact, a.above, w.granted, w.by_whom AS "by", w.why,
         w.at AS answeredAt, u.decision AS used
  FROM approval a LEFT JOIN approval_answer w ON w.approval = a.id LEFT JOIN guard_used u ON u.approval = a.id`;

/** The log of the guard on an open ledger file. */
export class SqliteGuard implements GuardStore {
  readonly #file: OpenLedgerFile;

  constructor(file: OpenLedgerFile) {
    this.#file = file;
  }

  decide(
    action: GuardedAction,
    { now, newId }: { readonly now: number; readonly newId: string },
    rule: (facts: GuardFacts) => GuardRuling,
  ): Promise<GuardDecision> {
    return this.#write((db) => {
      const ruling = rule({
        now,
        taken: (most) => taken(db, action, most),
        approval: liveApproval(db, action, now),
        generation: db.prepare<[], number | null>('SELECT max(no) FROM shipping_change').pluck().get() ?? 0,
      });
      const { feature, environment, agent, action: kind, key, impact } = action;
      const shared = [feature, environment, agent, kind, key, impact];
      let approval = ruling.approval ?? null;
      if (ruling.ask !== undefined) {
        approval = newId;
        db.prepare(
          'INSERT INTO approval (id, at, feature, environment, agent, action, key, impact, above) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
        ).run(newId, now, ...shared, ruling.ask.above);
      }
      const no = addDecision(db, action, {
        at: now,
        outcome: ruling.outcome,
        reason: ruling.reason,
        approval,
      });
      if (ruling.outcome === 'allowed' && approval !== null)
        db.prepare('INSERT INTO guard_used (approval, decision) VALUES (?, ?)').run(approval, no);
      const { outcome, reason } = ruling;
      return { ...action, no, at: now, outcome, reason, approval, succeeded: null };
    });
  }

  addLate(
    actions: readonly (GuardedAction & { readonly at: number; readonly reason: string })[],
  ): Promise<void> {
    return this.#write((db) => {
      for (const { at, reason, ...action } of actions)
        addDecision(db, action, { at, outcome: 'unreachable', reason, approval: null });
    });
  }

  ended(decision: number, feature: string, succeeded: boolean, now: number): Promise<boolean> {
    return this.#write((db) => {
      const known = db
        .prepare<unknown[], number>(
          "SELECT count(*) FROM guard_decision WHERE no = ? AND feature = ? AND outcome = 'allowed'",
        )
        .pluck()
        .get(decision, feature);
      if (known !== 1) return false;
      db.prepare('INSERT OR IGNORE INTO guard_end (decision, succeeded, at) VALUES (?, ?, ?)').run(
        ...[decision, succeeded ? 1 : 0, now],
      );
      return true;
    });
  }

  answer(
    id: string,
    { granted, by, why, now }: { granted: boolean; by: string; why: string; now: number },
  ): Promise<Approval> {
    return this.#write((db) => {
      const there = approvalOf(db, id, now);
      if (there === null) throw unknownApproval(id);
      if (there.state !== 'pending') throw answeredAlready(there);
      db.prepare(
        'INSERT INTO approval_answer (approval, granted, by_whom, why, at) VALUES (?, ?, ?, ?, ?)',
      ).run(id, granted ? 1 : 0, by, why, now);
      return { ...there, state: granted ? 'granted' : 'denied', answer: { by, why, at: now } };
    });
  }

  approvals({ feature, now }: { feature?: string | undefined; now: number }): Promise<readonly Approval[]> {
    return this.#run((db) =>
      db
        .prepare<unknown[], ApprovalRow>(
          `${APPROVALS} WHERE a.feature = ? OR ? IS NULL ORDER BY a.at DESC, a.rowid DESC LIMIT 1000`,
        )
        .all(feature ?? null, feature ?? null)
        .map((row) => approval(row, now)),
    );
  }

  decisions({
    feature,
    most,
  }: {
    feature?: string | undefined;
    most: number;
  }): Promise<readonly GuardDecision[]> {
    return this.#run((db) =>
      db
        .prepare<unknown[], DecisionRow>(
          `SELECT d.no, d.at, d.feature, d.environment, d.agent, d.action, d.key, d.impact, d.outcome, d.reason, d.approval, e.succeeded
           FROM guard_decision d LEFT JOIN guard_end e ON e.decision = d.no
           WHERE d.feature = ? OR ? IS NULL ORDER BY d.no DESC LIMIT ?`,
        )
        .all(feature ?? null, feature ?? null, most)
        .map((row) => ({ ...row, succeeded: row.succeeded === null ? null : row.succeeded === 1 })),
    );
  }

  async close(): Promise<void> {
    if (this.#file.db.open) this.#file.db.close();
  }

  #write<T>(work: (db: Database) => T): Promise<T> {
    return this.#run((db) =>
      db
        .transaction(() => {
          mustBeSameFile(this.#file);
          return work(db);
        })
        .immediate(),
    );
  }

  #run<T>(work: (db: Database) => T): Promise<T> {
    return withPatience(this.#file.path, this.#file.patience, () => work(this.#file.db));
  }
}

function addDecision(
  db: Database,
  { feature, environment, agent, action, key, impact }: GuardedAction,
  { at, outcome, reason, approval: id }: Pick<GuardDecision, 'at' | 'outcome' | 'reason' | 'approval'>,
): number {
  const { lastInsertRowid } = db
    .prepare(
      `INSERT INTO guard_decision (at, feature, environment, agent, action, key, impact, outcome, reason, approval)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(at, feature, environment, agent, action, key, impact, outcome, reason, id);
  return Number(lastInsertRowid);
}

/** Newest first. */
function taken(
  db: Database,
  { feature, environment, action }: GuardedAction,
  most: number,
): readonly number[] {
  return db
    .prepare<unknown[], number>(
      `SELECT at FROM guard_decision WHERE feature = ? AND environment = ? AND action = ? AND outcome = 'allowed'
       ORDER BY at DESC LIMIT ?`,
    )
    .pluck()
    .all(feature, environment, action, most);
}

/** Of the same action with the same key, and at least as much at stake. A used one does not count any more. */
function liveApproval(
  db: Database,
  { feature, environment, action, key, impact }: GuardedAction,
  now: number,
): Approval | null {
  const row = db
    .prepare<unknown[], ApprovalRow>(
      `${APPROVALS} WHERE a.feature = ? AND a.environment = ? AND a.action = ? AND a.key = ? ORDER BY a.at DESC, a.rowid DESC LIMIT 1`,
    )
    .get(feature, environment, action, key);
  if (row === undefined) return null;
  const found = approval(row, now);
  const covers = impact === null ? found.impact === null : found.impact !== null && impact <= found.impact;
  return covers && found.state !== 'used' && found.state !== 'expired' ? found : null;
}

function approvalOf(db: Database, id: string, now: number): Approval | null {
  const row = db.prepare<[string], ApprovalRow>(`${APPROVALS} WHERE a.id = ?`).get(id);
  return row === undefined ? null : approval(row, now);
}
