// Decisions and approvals of the guard on PostgreSQL.

import type {
  Approval,
  GuardDecision,
  GuardedAction,
  GuardFacts,
  GuardRuling,
  GuardStore,
} from '../../core/guard.ts';
import { type ApprovalRow, answeredAlready, approvalOf, unknownApproval } from '../model/approval-row.ts';
import type { Connection, Queries } from './connection.ts';
import { givenText, storedText, storedTextOrNull } from './stored-text.ts';

const APPROVALS = `
  SELECT a.id, a.at, a.feature, a.environment, a.agent, a.action, a.key, a.impact, a.above, w.granted, w.by_whom AS "by", w.why,
         w.at AS "answeredAt", u.decision AS used
  FROM lg.approval a LEFT JOIN lg.approval_answer w ON w.approval = a.id LEFT JOIN lg.guard_used u ON u.approval = a.id`;

export class PostgresGuard implements GuardStore {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  decide(
    action: GuardedAction,
    { now, newId }: { readonly now: number; readonly newId: string },
    rule: (facts: GuardFacts) => GuardRuling,
  ): Promise<GuardDecision> {
    return this.#write(async (queries) => {
      const ruling = await ruled(queries, action, now, rule);
      let approval = ruling.approval ?? null;
      if (ruling.ask !== undefined) {
        approval = newId;
        await queries.rows(
          `INSERT INTO lg.approval (id, at, feature, environment, agent, action, key, impact, above)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
          [newId, now, ...cells(action), ruling.ask.above],
        );
      }
      const { outcome, reason } = ruling;
      const no = await addDecision(queries, action, { at: now, outcome, reason, approval });
      if (outcome === 'allowed' && approval !== null)
        await queries.rows('INSERT INTO lg.guard_used (approval, decision) VALUES ($1, $2)', [approval, no]);
      return { ...action, no, at: now, outcome, reason, approval, succeeded: null };
    });
  }

  addLate(
    actions: readonly (GuardedAction & { readonly at: number; readonly reason: string })[],
  ): Promise<void> {
    return this.#write(async (queries) => {
      for (const { at, reason, ...action } of actions)
        await addDecision(queries, action, { at, outcome: 'unreachable', reason, approval: null });
    });
  }

  ended(decision: number, feature: string, succeeded: boolean, now: number): Promise<boolean> {
    return this.#write(async (queries) => {
      const known = await queries.rows(
        "SELECT 1 FROM lg.guard_decision WHERE no = $1 AND feature = $2 AND outcome = 'allowed'",
        [decision, storedText(feature)],
      );
      if (known.length !== 1) return false;
      await queries.rows(
        'INSERT INTO lg.guard_end (decision, succeeded, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
        [decision, succeeded, now],
      );
      return true;
    });
  }

  answer(
    id: string,
    { granted, by, why, now }: { granted: boolean; by: string; why: string; now: number },
  ): Promise<Approval> {
    return this.#write(async (queries) => {
      const [row] = await queries.rows<ApprovalRow>(`${APPROVALS} WHERE a.id = $1`, [storedText(id)]);
      if (row === undefined) throw unknownApproval(id);
      const there = approvalOf(givenApproval(row), now);
      if (there.state !== 'pending') throw answeredAlready(there);
      await queries.rows(
        'INSERT INTO lg.approval_answer (approval, granted, by_whom, why, at) VALUES ($1, $2, $3, $4, $5)',
        [storedText(id), granted, storedText(by), storedText(why), now],
      );
      return { ...there, state: granted ? 'granted' : 'denied', answer: { by, why, at: now } };
    });
  }

  async approvals({
    feature,
    now,
  }: {
    feature?: string | undefined;
    now: number;
  }): Promise<readonly Approval[]> {
    const rows = await this.#connection.single.rows<ApprovalRow>(
      `${APPROVALS} WHERE a.feature = $1 OR $1 IS NULL ORDER BY a.at DESC, a.no DESC LIMIT 1000`,
      [storedTextOrNull(feature)],
    );
    return rows.map((row) => approvalOf(givenApproval(row), now));
  }

  async decisions({
    feature,
    most,
  }: {
    feature?: string | undefined;
    most: number;
  }): Promise<readonly GuardDecision[]> {
    const rows = await this.#connection.single.rows<GuardDecision>(
      `SELECT d.no, d.at, d.feature, d.environment, d.agent, d.action, d.key, d.impact, d.outcome, d.reason, d.approval, e.succeeded
       FROM lg.guard_decision d LEFT JOIN lg.guard_end e ON e.decision = d.no
       WHERE d.feature = $1 OR $1 IS NULL ORDER BY d.no DESC LIMIT $2`,
      [storedTextOrNull(feature), most],
    );
    return rows.map((row) => ({ ...given(row), reason: givenText(row.reason) }));
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  /** One decision at a time over all servers. */
  #write<T>(work: (queries: Queries) => Promise<T>): Promise<T> {
    return this.#connection.locked('guard', work);
  }
}

/** What a rule has to ask of the log before it can rule. */
class AsksTaken extends Error {
  readonly most: number;

  constructor(most: number) {
    super('the log is read first');
    this.most = most;
  }
}

/** Rules ask for what was taken without waiting, so what they ask for is read when they first do, and they are asked again. */
async function ruled(
  queries: Queries,
  action: GuardedAction,
  now: number,
  rule: (facts: GuardFacts) => GuardRuling,
): Promise<GuardRuling> {
  const approval = await liveApproval(queries, action, now);
  const [newest] = await queries.rows<{ no: number }>(
    'SELECT coalesce(max(no), 0) AS no FROM lg.shipping_change',
  );
  const generation = newest?.no ?? 0;
  let read: { readonly most: number; readonly times: readonly number[] } = { most: 0, times: [] };
  for (;;) {
    const taken = (most: number): readonly number[] => {
      if (most > read.most) throw new AsksTaken(most);
      return read.times.slice(0, most);
    };
    try {
      return rule({ now, taken, approval, generation });
    } catch (error) {
      if (!(error instanceof AsksTaken)) throw error;
      read = { most: error.most, times: await takenTimes(queries, action, error.most) };
    }
  }
}

/** Newest first. */
async function takenTimes(
  queries: Queries,
  { feature, environment, action }: GuardedAction,
  most: number,
): Promise<number[]> {
  const rows = await queries.rows<{ at: number }>(
    `SELECT at FROM lg.guard_decision WHERE feature = $1 AND environment = $2 AND action = $3 AND outcome = 'allowed'
     ORDER BY at DESC LIMIT $4`,
    [...[feature, environment, action].map(storedText), most],
  );
  return rows.map(({ at }) => at);
}

/** Of the same action with the same key, and at least as much at stake. A used one does not count any more. */
async function liveApproval(
  queries: Queries,
  { feature, environment, action, key, impact }: GuardedAction,
  now: number,
): Promise<Approval | null> {
  const [row] = await queries.rows<ApprovalRow>(
    `${APPROVALS} WHERE a.feature = $1 AND a.environment = $2 AND a.action = $3 AND a.key = $4 ORDER BY a.at DESC, a.no DESC LIMIT 1`,
    [feature, environment, action, key].map(storedText),
  );
  if (row === undefined) return null;
  const found = approvalOf(givenApproval(row), now);
  const covers = impact === null ? found.impact === null : found.impact !== null && impact <= found.impact;
  return covers && found.state !== 'used' && found.state !== 'expired' ? found : null;
}

async function addDecision(
  queries: Queries,
  action: GuardedAction,
  { at, outcome, reason, approval }: Pick<GuardDecision, 'at' | 'outcome' | 'reason' | 'approval'>,
): Promise<number> {
  const [row] = await queries.rows<{ no: number }>(
    `INSERT INTO lg.guard_decision (at, feature, environment, agent, action, key, impact, outcome, reason, approval)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING no`,
    [at, ...cells(action), outcome, storedText(reason), approval],
  );
  return (row as { no: number }).no;
}

function cells({ feature, environment, agent, action, key, impact }: GuardedAction): unknown[] {
  return [
    storedText(feature),
    storedText(environment),
    storedTextOrNull(agent),
    storedText(action),
    storedText(key),
    impact,
  ];
}

/** A row with its texts as they were given. */
function given<T extends GuardedAction>(row: T): T {
  const { feature, environment, agent, action, key } = row;
  return {
    ...row,
    ...{ feature: givenText(feature), environment: givenText(environment), action: givenText(action) },
    ...{ agent: agent === null ? null : givenText(agent), key: givenText(key) },
  };
}

function givenApproval(row: ApprovalRow): ApprovalRow {
  const { by, why } = row;
  return {
    ...given(row),
    by: by === null ? null : givenText(by),
    why: why === null ? null : givenText(why),
  };
}
