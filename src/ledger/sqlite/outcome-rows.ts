// Outcomes of production answers: merged fact by fact, whichever comes first, the answer or what became of it.

import type { Database, Statement } from 'better-sqlite3';
import type { Outcome, WindowRules } from '../../core/observation.ts';
import { keyOf } from '../model/observation-row.ts';
import {
  type KnownAnswer,
  type KnownOutcome,
  measuredOutcome,
  mergedOutcome,
} from '../model/outcome-body.ts';

/** Their tables on one connection. Inside a write transaction. */
export class OutcomeRows {
  readonly #get: Statement<[Buffer], KnownOutcome>;
  readonly #put: Statement<[Buffer, number, string, string | null]>;
  readonly #answer: Statement<[Buffer], KnownAnswer>;
  readonly #note: Statement<[number, string | null]>;

  constructor(db: Database) {
    this.#get = db.prepare('SELECT at, body, final_text AS finalText FROM outcome WHERE key = ?');
    this.#put = db.prepare(
      `INSERT INTO outcome (key, at, body, final_text) VALUES (?, ?, ?, ?)
       ON CONFLICT (key) DO UPDATE SET at = excluded.at, body = excluded.body, final_text = excluded.final_text`,
    );
    this.#answer = db.prepare(
      'SELECT o.no, t.output FROM observation o LEFT JOIN observation_text t ON t.no = o.no WHERE o.key = ?',
    );
    this.#note = db.prepare('INSERT OR IGNORE INTO outcome_change (no, before) VALUES (?, ?)');
  }

  /** Merges news into what is known; false where nothing changed. `foldedTo`: rows up to it are counted already. */
  merge(news: Outcome, foldedTo: number, rules: Pick<WindowRules, 'editShare'>): boolean {
    const key = keyOf(news.id);
    const old = this.#get.get(key);
    const answer = this.#answer.get(key);
    const merged = mergedOutcome(old, news, answer, rules);
    if (merged === null) return false;
    if (merged.changed && answer !== undefined && answer.no <= foldedTo)
      this.#note.run(answer.no, old?.body ?? null);
    this.#write(key, merged.next);
    return merged.changed;
  }

  /** Measures the edit of an answer whose final text came before it. */
  measure(id: string, output: string, rules: Pick<WindowRules, 'editShare'>): void {
    const key = keyOf(id);
    const next = measuredOutcome(this.#get.get(key), output, rules);
    if (next !== null) this.#write(key, next);
  }

  #write(key: Buffer, { at, body, finalText }: KnownOutcome): void {
    this.#put.run(key, at, body, finalText);
  }
}
