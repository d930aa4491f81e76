// Outcomes of production answers: merged fact by fact, whichever comes first, the answer or what became of it.

import type { Database, Statement } from 'better-sqlite3';
import type { Outcome, WindowRules } from '../../core/observation.ts';
import { keyOf } from './observation-rows.ts';
import { bodyOf, bodyText, mergeBody, type OutcomeBody, parseBody } from './outcome-body.ts';

interface OutcomeRow {
  readonly at: number;
  readonly body: string;
  readonly final_text: string | null;
}

/** Their tables on one connection. Inside a write transaction. */
export class OutcomeRows {
  readonly #get: Statement<[Buffer], OutcomeRow>;
  readonly #put: Statement<[Buffer, number, string, string | null]>;
  readonly #answer: Statement<[Buffer], { no: number; output: string | null }>;
  readonly #note: Statement<[number, string | null]>;

  constructor(db: Database) {
    this.#get = db.prepare('SELECT at, body, final_text FROM outcome WHERE key = ?');
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
    const body = parseBody(old?.body ?? null);
    const known = body.get('final_text')?.[1] ?? Number.NEGATIVE_INFINITY;
    const newText = news.finalText !== null && news.at >= known && news.finalText !== old?.final_text;
    const finalText = newText ? news.finalText : (old?.final_text ?? null);
    const merged = mergeBody(body, bodyOf(news));
    let changed = merged === 'values' || newText;
    const answer = this.#answer.get(key);
    if (answer !== undefined && answer.output !== null && finalText !== null)
      changed = measured(body, answer.output, finalText, rules) || changed;
    if (!changed && merged === 'nothing') return false;
    if (changed && answer !== undefined && answer.no <= foldedTo)
      this.#note.run(answer.no, old?.body ?? null);
    this.#put.run(key, Math.max(old?.at ?? 0, news.at), bodyText(body), finalText);
    return changed;
  }

  /** Measures the edit of an answer whose final text came before it. */
  measure(id: string, output: string, rules: Pick<WindowRules, 'editShare'>): void {
    const key = keyOf(id);
    const old = this.#get.get(key);
    if (old === undefined || old.final_text === null) return;
    const body = parseBody(old.body);
    if (measured(body, output, old.final_text, rules))
      this.#put.run(key, old.at, bodyText(body), old.final_text);
  }
}

/** A share that was sent itself, and later than the text, stays. */
function measured(
  body: OutcomeBody,
  output: string,
  finalText: string,
  rules: Pick<WindowRules, 'editShare'>,
): boolean {
  const at = body.get('final_text')?.[1];
  const sent = body.get('edited')?.[1];
  if (at === undefined || (sent !== undefined && sent >= at)) return false;
  const share = rules.editShare(output, finalText);
  return share !== null && mergeBody(body, new Map([['edited', [share, at]]])) === 'values';
}
