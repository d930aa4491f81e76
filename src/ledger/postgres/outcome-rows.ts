// Outcomes of production answers: a batch is read, merged here fact by fact, and written in one statement.

import type { Observation, Outcome, WindowRules } from '../../core/observation.ts';
import { keyOf } from '../model/observation-row.ts';
import {
  type KnownAnswer,
  type KnownOutcome,
  measuredOutcome,
  mergedOutcome,
} from '../model/outcome-body.ts';
import type { Queries } from './connection.ts';
import { givenText, storedTextOrNull } from './stored-text.ts';
import { columns } from './suites.ts';

type EditShare = Pick<WindowRules, 'editShare'>;

/** The outcomes of one batch, read before and written after it. Holding the lock `observe`. */
export class OutcomeBatch {
  readonly #known = new Map<string, KnownOutcome>();
  readonly #answers = new Map<string, KnownAnswer>();
  readonly #changed = new Set<string>();
  /** What was counted of an answer before its outcome changed. */
  readonly #before = new Map<number, string | null>();

  /** Everything that is known of these ids. */
  static async read(queries: Queries, ids: readonly string[]): Promise<OutcomeBatch> {
    const batch = new OutcomeBatch();
    if (ids.length === 0) return batch;
    const keys = [...new Map(ids.map((id) => [hexOf(id), keyOf(id)])).values()];
    const known = await queries.rows<KnownOutcome & { readonly key: Buffer }>(
      'SELECT key, at, body, final_text AS "finalText" FROM lg.outcome WHERE key = ANY($1)',
      [keys],
    );
    for (const { key, at, body, finalText } of known)
      batch.#known.set(key.toString('hex'), {
        ...{ at, body },
        finalText: finalText === null ? null : givenText(finalText),
      });
    const answers = await queries.rows<KnownAnswer & { readonly key: Buffer }>(
      `SELECT o.key, o.no, t.output FROM lg.observation o LEFT JOIN lg.observation_text t ON t.no = o.no WHERE o.key = ANY($1)`,
      [keys],
    );
    for (const { key, no, output } of answers)
      batch.#answers.set(key.toString('hex'), {
        no,
        output: output === null ? null : givenText(output),
      });
    return batch;
  }

  /** Measures the edit of an answer whose final text came before it. */
  measure({ id, texts }: Observation, rules: EditShare): void {
    const output = texts?.output;
    if (typeof output !== 'string') return;
    const next = measuredOutcome(this.#known.get(hexOf(id)), output, rules);
    if (next !== null) this.#set(hexOf(id), next);
  }

  /** Merges news into what is known; false where nothing changed. `foldedTo`: rows up to it are counted already. */
  merge(news: Outcome, foldedTo: number, rules: EditShare): boolean {
    const key = hexOf(news.id);
    const old = this.#known.get(key);
    const answer = this.#answers.get(key);
    const merged = mergedOutcome(old, news, answer, rules);
    if (merged === null) return false;
    if (merged.changed && answer !== undefined && answer.no <= foldedTo && !this.#before.has(answer.no))
      this.#before.set(answer.no, old?.body ?? null);
    this.#set(key, merged.next);
    return merged.changed;
  }

  async write(queries: Queries): Promise<void> {
    if (this.#before.size > 0)
      await queries.rows(
        `INSERT INTO lg.outcome_change (no, before) SELECT * FROM unnest($1::bigint[], $2::text[]) ON CONFLICT DO NOTHING`,
        columns([...this.#before]),
      );
    if (this.#changed.size === 0) return;
    const rows = [...this.#changed].map((key) => {
      const { at, body, finalText } = this.#known.get(key) as KnownOutcome;
      return [Buffer.from(key, 'hex'), at, body, storedTextOrNull(finalText)];
    });
    await queries.rows(
      `INSERT INTO lg.outcome (key, at, body, final_text)
       SELECT * FROM unnest($1::bytea[], $2::bigint[], $3::text[], $4::text[])
       ON CONFLICT (key) DO UPDATE SET at = excluded.at, body = excluded.body, final_text = excluded.final_text`,
      columns(rows),
    );
  }

  #set(key: string, next: KnownOutcome): void {
    this.#known.set(key, next);
    this.#changed.add(key);
  }
}

function hexOf(id: string): string {
  return keyOf(id).toString('hex');
}
