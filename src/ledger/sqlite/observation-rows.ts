// Rows of production answers: how they are written and read.

import type { Database, Statement } from 'better-sqlite3';
import type { Observation, ObservationFeature } from '../../core/observation.ts';
import { bit, keyOf, type MeasureColumns, NANO, pseudonym } from '../model/observation-row.ts';
import type { WindowPlace } from '../model/window-changes.ts';
import type { DimensionNames } from './dimension-names.ts';

/** A row as windows count it. */
export interface CountedRow extends WindowPlace, MeasureColumns {
  readonly no: number;
  readonly at: number;
  readonly served: number;
  /** Of its outcome. */
  readonly body: string | null;
}

/** A row with everything that was kept. */
export interface StoredRow extends CountedRow {
  readonly key: Buffer;
  readonly id: string;
  readonly model: number;
  readonly stop_reason: number;
  readonly action_mode: number;
  readonly tags: string | null;
  readonly output: string | null;
  readonly rest: string | null;
  readonly final_text: string | null;
}

/** A row with who it was given to. */
export interface MeasuredRow extends CountedRow {
  readonly key: Buffer;
  readonly user: Buffer | null;
  readonly session: Buffer | null;
}

type VectorRow = WindowPlace & { readonly at: number; readonly no: number; readonly vector: Buffer };

const COUNTED = `o.no, o.at, o.feature, o.release, o.variant, o.template, o.segment, o.served, o.failed, o.length, o.refusal,
  o.schema_valid, o.blocked, o.latency_ms, o.cost, o.input_tokens, o.output_tokens, o.tool_calls`;

export interface ObservationState {
  readonly foldedTo: number;
  readonly horizon: number;
  readonly salt: Buffer;
}

/** Their tables on one connection. Writing methods must be called inside a write transaction. */
export class ObservationRows {
  readonly #names: DimensionNames;
  readonly #state: Statement<[], ObservationState>;
  readonly #setFolded: Statement<[number]>;
  readonly #add: Statement;
  readonly #addText: Statement<[number, string | null, string]>;
  readonly #addVector: Statement<[number, number, number, Buffer]>;
  readonly #after: Statement<[number, number], CountedRow>;
  readonly #changed: Statement<[number], CountedRow & { before: string | null }>;
  readonly #settle: Statement<[number]>;
  readonly #page: Statement<number[], StoredRow>;
  readonly #measured: Statement<number[], MeasuredRow>;
  readonly #vectors: Statement<number[], VectorRow>;
  readonly #vectorCount: Statement<[number, number, number], number>;
  readonly #features: Statement<[], ObservationFeature>;
  #salt: Buffer | null = null;

  constructor(db: Database, names: DimensionNames) {
    this.#names = names;
    this.#state = db.prepare('SELECT folded_to AS foldedTo, horizon, salt FROM observation_state');
    this.#setFolded = db.prepare('UPDATE observation_state SET folded_to = ?');
    this.#add = db.prepare(
      `INSERT OR IGNORE INTO observation (key, id, at, feature, release, variant, template, segment, region, model, served, system,
         stop_reason, action_mode, session, user, tags, failed, length, refusal, schema_valid, blocked, latency_ms, cost,
         input_tokens, output_tokens, tool_calls)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
    this.#addText = db.prepare('INSERT INTO observation_text (no, output, rest) VALUES (?, ?, ?)');
    this.#addVector = db.prepare(
      'INSERT INTO observation_vector (no, feature, at, vector) VALUES (?, ?, ?, ?)',
    );
    this.#after = db.prepare(
      `SELECT ${COUNTED}, c.body FROM observation o LEFT JOIN outcome c ON c.key = o.key WHERE o.no > ? ORDER BY o.no LIMIT ?`,
    );
    this.#changed = db.prepare(
      `SELECT ${COUNTED}, c.body, h.before FROM outcome_change h JOIN observation o ON o.no = h.no
       LEFT JOIN outcome c ON c.key = o.key ORDER BY h.no LIMIT ?`,
    );
    this.#settle = db.prepare('DELETE FROM outcome_change WHERE no = ?');
    this.#page = db.prepare(
      `SELECT ${COUNTED}, c.body, o.key, o.id, o.model, o.stop_reason, o.action_mode, o.tags, t.output, t.rest, c.final_text
       FROM observation o LEFT JOIN outcome c ON c.key = o.key LEFT JOIN observation_text t ON t.no = o.no
       WHERE o.feature = ? AND (o.at, o.no) > (?, ?) AND o.at < ? ORDER BY o.at, o.no LIMIT ?`,
    );
    this.#measured = db.prepare(
      `SELECT ${COUNTED}, c.body, o.key, o.user, o.session FROM observation o LEFT JOIN outcome c ON c.key = o.key
       WHERE o.feature = ? AND (o.at, o.no) > (?, ?) AND o.at < ? ORDER BY o.at, o.no LIMIT ?`,
    );
    this.#vectors = db.prepare(
      `SELECT v.at, v.no, v.vector, o.feature, o.release, o.variant, o.template, o.segment
       FROM observation_vector v JOIN observation o ON o.no = v.no
       WHERE v.feature = ? AND (v.at, v.no) > (?, ?) AND v.at < ? AND (v.no * 2654435761 >> 8) % ? = 0 ORDER BY v.at, v.no LIMIT ?`,
    );
    this.#vectorCount = db
      .prepare<[number, number, number], number>(
        'SELECT count(*) FROM observation_vector WHERE feature = ? AND at >= ? AND at < ?',
      )
      .pluck();
    this.#features = db.prepare(
      `SELECT d.value AS feature, (SELECT count(*) FROM observation WHERE feature = d.id) AS observations,
              (SELECT min(at) FROM observation WHERE feature = d.id) AS first,
              (SELECT max(at) FROM observation WHERE feature = d.id) AS last
       FROM dimension d WHERE d.feature = 0 AND d.kind = 'feature' AND EXISTS (SELECT 1 FROM observation WHERE feature = d.id)
       ORDER BY d.value`,
    );
  }

  state(): ObservationState {
    const state = this.#state.get() as ObservationState;
    this.#salt = state.salt;
    return state;
  }

  /** Its number; null where the id is known. */
  add(o: Observation): number | null {
    const salt = (this.#salt ?? this.state().salt) as Buffer;
    const names = this.#names;
    const feature = names.featureOf(o.feature);
    const { dimensions: d, measures: m, texts } = o;
    const { changes, lastInsertRowid } = this.#add.run(
      keyOf(o.id),
      o.shownId,
      o.at,
      feature,
      names.idOf(feature, 'release', d.release),
      names.idOf(feature, 'variant', d.variant),
      names.idOf(feature, 'template', d.template),
      names.idOf(feature, 'segment', d.segment),
      names.idOf(feature, 'region', o.region),
      names.idOf(feature, 'model', o.model),
      names.idOf(feature, 'served', o.servedModel),
      names.idOf(feature, 'system', o.systemFingerprint),
      names.idOf(feature, 'stop', o.stopReason),
      names.idOf(feature, 'action', o.actionMode),
      o.session === null ? null : pseudonym(salt, o.session),
      o.user === null ? null : pseudonym(salt, o.user),
      o.tags.length === 0 ? null : JSON.stringify(o.tags),
      Number(m.failed),
      m.length,
      bit(m.refusal),
      bit(m.schemaValid),
      bit(m.blocked),
      m.latencyMs,
      m.costUsd === null ? null : Math.round(m.costUsd * NANO),
      m.inputTokens,
      m.outputTokens,
      m.toolCalls,
    );
    if (changes === 0) return null;
    const no = Number(lastInsertRowid);
    if (texts !== null) this.#addText.run(no, texts.output, JSON.stringify(texts.rest));
    if (o.vector !== null) this.#addVector.run(no, feature, o.at, Buffer.from(o.vector));
    return no;
  }

  setFoldedTo(no: number): void {
    this.#setFolded.run(no);
  }

  countedAfter(no: number, most: number): readonly CountedRow[] {
    return this.#after.all(no, most);
  }

  /** Rows whose outcome changed after they were counted, with the outcome that was counted. */
  changed(most: number): readonly (CountedRow & { readonly before: string | null })[] {
    return most <= 0 ? [] : this.#changed.all(most);
  }

  settle(no: number): void {
    this.#settle.run(no);
  }

  page(feature: number, at: number, no: number, to: number, rows: number): readonly StoredRow[] {
    return this.#page.all(feature, at, no, to, rows);
  }

  measured(feature: number, at: number, no: number, to: number, rows: number): readonly MeasuredRow[] {
    return this.#measured.all(feature, at, no, to, rows);
  }

  vectorCount(feature: number, from: number, to: number): number {
    return this.#vectorCount.get(feature, from, to) ?? 0;
  }

  /** One of `every` vectors, by a hash of its number. */
  vectors(
    feature: number,
    at: number,
    no: number,
    to: number,
    every: number,
    rows: number,
  ): readonly VectorRow[] {
    return this.#vectors.all(feature, at, no, to, Math.max(1, every), rows);
  }

  features(): readonly ObservationFeature[] {
    return this.#features.all();
  }
}
