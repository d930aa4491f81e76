// Suites and releases as they were when a snapshot was made; what did not change since the last night is not stored again.

import type { Database, Statement } from 'better-sqlite3';
import type { ErrorWhere } from '../../base/errors.ts';
import type { JsonObject } from '../../base/json.ts';
import { canonicalJson, sha256Stream } from '../../base/json.ts';
import { CASE_PAGE, type CaseList, PagedCases } from '../../core/case-list.ts';
import type { PolicyFile } from '../../core/policy.ts';
import { forgottenLayers, type Release } from '../../core/release.ts';
import type { Case, Suite } from '../../core/suite.ts';
import { NO_GRADERS } from '../../core/suite-hash.ts';
import { wholeBody } from '../model/case-body.ts';
import type { CaseFacts } from '../model/exam-book.ts';
import { type Places, placedGraders, placedHeader, placedRelease } from '../model/portable-paths.ts';
import { SealHash } from '../model/seal-hash.ts';
import { wellFormed } from '../model/share-long-texts.ts';
import type { PackedCase } from './case-rows.ts';
import { type ContentTables, FIXED_PLAN, hashCell, hashText } from './content.ts';
import { Guess } from './find-or-add.ts';

interface CaseRow {
  readonly case_no: number;
  readonly case_id: string;
  readonly tags: number;
  readonly grp: number | null;
  readonly critical: number;
  readonly trials: number;
  readonly min_pass_rate: number | null;
  readonly content_hash: Buffer | string;
  readonly graders_hash: Buffer | string;
  readonly shape: string;
  readonly parts: string;
  readonly file: number | null;
  readonly line: number | null;
  readonly col: number | null;
  readonly place: string | null;
}

/** A row of facts as a plain array: of 100,000 cases, objects and bytes would take most of the time there is. */
type FactsRow = readonly [
  caseNo: number,
  id: string,
  tags: number,
  group: number | null,
  critical: number,
  trials: number,
  minPassRate: number | null,
  contentHash: string,
  gradersHash: string,
];

const hexOf = (column: string): string =>
  `CASE typeof(${column}) WHEN 'blob' THEN lower(hex(${column})) ELSE ${column} END`;

const FACTS = `c.case_no, v.case_id, v.tags, v.grp, v.critical, v.trials, v.min_pass_rate, v.content_hash, v.graders_hash`;

/** Cases stored per transaction: a large suite must not lock other writers out for seconds. */
export const CASES_PER_TRANSACTION = 500;

/** A stored suite of more cases than this is read page by page. */
const MOST_CASES_HELD = 10_000;

export class SuiteTables {
  readonly #content: ContentTables;
  readonly #places: Places;
  readonly #findVersion: Statement<[Buffer], number>;
  readonly #addVersion: Statement<unknown[], number>;
  readonly #newVersion = new Guess();
  readonly #findSuite: Statement<[Buffer], number>;
  readonly #addSuite: Statement<unknown[]>;
  readonly #addSuiteCase: Statement<unknown[]>;
  readonly #suite: Statement<[number], { header: number; cases: number }>;
  readonly #facts: Statement<[number], FactsRow>;
  readonly #cases: Statement<[number, number, number], CaseRow>;
  readonly #numbers: Statement<[number], [string, number]>;
  readonly #drafts: Statement<[number, string], number>;
  readonly #findRelease: Statement<[number], number>;
  readonly #addRelease: Statement<unknown[]>;
  readonly #release: Statement<[number], { document: number }>;

  constructor(db: Database, content: ContentTables, places: Places) {
    this.#content = content;
    this.#places = places;
    this.#findVersion = db.prepare<[Buffer], number>('SELECT id FROM case_version WHERE key = ?').pluck();
    this.#addVersion = db
      .prepare<unknown[], number>(
        `INSERT INTO case_version (key, case_id, tags, grp, critical, trials, min_pass_rate, content_hash, graders_hash, shape, parts)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id`,
      )
      .pluck();
    this.#findSuite = db.prepare<[Buffer], number>('SELECT id FROM suite WHERE key = ?').pluck();
    this.#addSuite = db.prepare('INSERT INTO suite (key, name, hash, header, cases) VALUES (?, ?, ?, ?, ?)');
    this.#addSuiteCase = db.prepare(
      'INSERT INTO suite_case (suite, case_no, case_version, file, line, col, place) VALUES (?, ?, ?, ?, ?, ?, ?)',
    );
    this.#suite = db.prepare('SELECT header, cases FROM suite WHERE id = ?');
    this.#facts = db
      .prepare<[number], FactsRow>(
        `SELECT c.case_no, v.case_id, v.tags, v.grp, v.critical, v.trials, v.min_pass_rate, ${hexOf('v.content_hash')}, ${hexOf('v.graders_hash')}
         FROM suite_case c JOIN case_version v ON v.id = c.case_version WHERE c.suite = ? ORDER BY c.case_no`,
      )
      .raw();
    this.#cases = db.prepare(
      `SELECT ${FACTS}, v.shape, v.parts, c.file, c.line, c.col, c.place
       FROM suite_case c JOIN case_version v ON v.id = c.case_version
       WHERE c.suite = ${FIXED_PLAN} AND c.case_no >= ${FIXED_PLAN} AND c.case_no < ${FIXED_PLAN} ORDER BY c.case_no`,
    );
    this.#drafts = db
      .prepare<[number, string], number>(
        `SELECT c.case_no FROM suite_case c JOIN case_version v ON v.id = c.case_version
         WHERE c.suite = ? AND ${hexOf('v.graders_hash')} = ?`,
      )
      .pluck();
    this.#numbers = db
      .prepare<[number], [string, number]>(
        `SELECT v.case_id, c.case_no FROM suite_case c JOIN case_version v ON v.id = c.case_version
         WHERE c.suite = ? ORDER BY c.case_no`,
      )
      .raw();
    this.#findRelease = db.prepare<[number], number>('SELECT id FROM release WHERE document = ?').pluck();
    this.#addRelease = db.prepare(
      'INSERT INTO release (document, name, fingerprint, layer_hashes, pinned) VALUES (?, ?, ?, ?, ?)',
    );
    this.#release = db.prepare('SELECT document FROM release WHERE id = ?');
  }

  /** Ids of case versions by their keys; null where there is none. */
  findVersions(keys: readonly string[]): (number | null)[] {
    return keys.map((key) => this.#findVersion.get(Buffer.from(key, 'latin1')) ?? null);
  }

  /** Ids of these cases' versions, in order; those not yet known are added. Inside a write transaction. */
  versionIds(rows: readonly PackedCase[]): number[] {
    return rows.map((row) => {
      const key = Buffer.from(row.key, 'latin1');
      return this.#newVersion.idOf(
        () => this.#findVersion.get(key),
        () => this.#addedVersion(key, row),
      );
    });
  }

  /** Undefined where the key is there already. */
  #addedVersion(key: Buffer, row: PackedCase): number | undefined {
    return this.#addVersion.get(
      key,
      row.id,
      this.#content.wordId(row.tags),
      this.#content.wordIdOrNull(row.group),
      row.critical ? 1 : 0,
      row.trials,
      row.minPassRate,
      hashCell(row.contentHash),
      hashCell(row.gradersHash),
      row.shape,
      this.#content.partsOf(row.texts),
    );
  }

  /** Id of the suite made of these case versions. Inside a write transaction. */
  suiteId(suite: Suite, versions: readonly number[]): number {
    const { cases, ...header } = suite;
    const headerId = this.#content.documentId(
      placedHeader(header, this.#places.kept) as unknown as JsonObject,
    );
    const key = suiteKey(headerId, versions, keptPlaces(cases, this.#places));
    const known = this.#findSuite.get(key);
    if (known !== undefined) return known;
    const id = Number(
      this.#addSuite.run(key, suite.name, suite.hash, headerId, cases.length).lastInsertRowid,
    );
    let caseNo = 0;
    for (const { file, line, column, ...rest } of keptPlaces(cases, this.#places)) {
      const place = canonicalJson(wellFormed(rest as JsonObject));
      this.#addSuiteCase.run(
        id,
        caseNo,
        versions[caseNo],
        this.#content.wordIdOrNull(file),
        line ?? null,
        column ?? null,
        place === '{}' ? null : place,
      );
      caseNo++;
    }
    return id;
  }

  /** The cases of a large suite are read when they are asked for, as long as the ledger is open. */
  suite(id: number): Suite {
    const { cases, ...header } = this.#header(id);
    const page = (no: number): Case[] => this.#casesFrom(id, no * CASE_PAGE, CASE_PAGE);
    return {
      ...placedHeader(header, this.#places.found),
      cases: cases <= MOST_CASES_HELD ? this.#casesFrom(id, 0, cases) : new PagedCases(cases, page),
    };
  }

  /** The suite without its cases, and their number. */
  #header(id: number): Omit<Suite, 'cases'> & { readonly cases: number } {
    const row = this.#suite.get(id);
    if (row === undefined) throw new Error(`the ledger refers to suite ${id}, which is not there`);
    return { ...(this.#content.document(row.header) as unknown as Omit<Suite, 'cases'>), cases: row.cases };
  }

  /** One case of a stored suite. */
  caseAt(suite: number, caseNo: number): Case {
    const [found] = this.#casesFrom(suite, caseNo, 1);
    if (found === undefined) throw new Error(`the ledger has no case ${caseNo} of suite ${suite}`);
    return found;
  }

  #casesFrom(suite: number, from: number, count: number): Case[] {
    return this.#cases.all(suite, from, from + count).map((c) => this.#case(c));
  }

  /** Case numbers by case id. */
  numbers(suiteId: number): Map<string, number> {
    const numbers = new Map<string, number>();
    for (const [id, caseNo] of this.#numbers.iterate(suiteId)) numbers.set(id, caseNo);
    return numbers;
  }

  /** Numbers of the cases that nothing grades yet. */
  drafts(suiteId: number): Set<number> {
    return new Set(this.#drafts.all(suiteId, NO_GRADERS));
  }

  /** In the order of the suite, with their digest. What many cases have in common (tags, graders) is one value. */
  facts(suiteId: number): { readonly facts: CaseFacts[]; readonly digest: Buffer } {
    const facts: CaseFacts[] = [];
    const seal = new SealHash();
    const words = new Set<number>();
    const tagLists = new Map<number, readonly string[]>();
    let graders = '';
    for (const row of this.#facts.iterate(suiteId)) {
      const [caseNo, id, tagsId, group, critical, trials, minPassRate, contentHash, gradersHash] = row;
      seal.row(row);
      words.add(tagsId);
      if (group !== null) words.add(group);
      let tags = tagLists.get(tagsId);
      if (tags === undefined) {
        tags = JSON.parse(this.#content.word(tagsId)) as string[];
        tagLists.set(tagsId, tags);
      }
      if (gradersHash !== graders) graders = gradersHash;
      facts.push({
        caseNo,
        id,
        tags,
        group: this.#content.wordOrNull(group),
        critical: critical === 1,
        trials,
        minPassRate,
        contentHash,
        gradersHash: graders,
      });
    }
    for (const id of [...words].sort((a, b) => a - b)) seal.row([id, this.#content.word(id)]);
    return { facts, digest: seal.digest() };
  }

  /** What the suite says of gating; its cases are not read. */
  policy(id: number): PolicyFile {
    return this.#header(id).policy;
  }

  /** Id of a release. Inside a write transaction. */
  releaseId({ forgotten: _forgotten, ...release }: Release): number {
    const document = this.#content.documentId(
      placedRelease(release, this.#places.kept) as unknown as JsonObject,
    );
    return (
      this.#findRelease.get(document) ??
      Number(
        this.#addRelease.run(
          document,
          release.name,
          release.fingerprint,
          canonicalJson(release.layerHashes as JsonObject),
          release.pin.state === 'pinned' ? 1 : 0,
        ).lastInsertRowid,
      )
    );
  }

  release(id: number): Release {
    const row = this.#release.get(id);
    if (row === undefined) throw new Error(`the ledger refers to release ${id}, which is not there`);
    const release = placedRelease(
      this.#content.document(row.document) as unknown as Release,
      this.#places.found,
    );
    const forgotten = forgottenLayers(release);
    return forgotten.length === 0 ? release : { ...release, forgotten };
  }

  #case(row: CaseRow): Case {
    const { caseNo: _caseNo, ...facts } = this.#factsOf(row);
    const body = wholeBody(this.#content.join(row.shape, row.parts) as JsonObject);
    const where: ErrorWhere = {
      ...(row.file === null ? {} : { file: this.#places.found(this.#content.word(row.file)) }),
      ...(row.line === null ? {} : { line: row.line }),
      ...(row.col === null ? {} : { column: row.col }),
      ...(row.place === null ? {} : (JSON.parse(row.place) as ErrorWhere)),
    };
    const graders = placedGraders(body.graders, this.#places.found);
    return { ...facts, ...body, graders, expected: body.expected, where };
  }

  #factsOf(row: CaseRow): CaseFacts {
    return {
      caseNo: row.case_no,
      id: row.case_id,
      tags: JSON.parse(this.#content.word(row.tags)) as string[],
      group: this.#content.wordOrNull(row.grp),
      critical: row.critical === 1,
      trials: row.trials,
      minPassRate: row.min_pass_rate,
      contentHash: hashText(row.content_hash),
      gradersHash: hashText(row.graders_hash),
    };
  }
}

/** Where each case stands, as it is kept. */
function* keptPlaces(cases: CaseList, places: Places): Generator<ErrorWhere, void, undefined> {
  for (const { where } of cases)
    yield where.file === undefined ? where : { ...where, file: places.kept(where.file) };
}

/** SHA-256 of the JSON of `[header, versions, places]`, which is as long as the suite and never made as a whole. */
function suiteKey(headerId: number, versions: readonly number[], wheres: Iterable<ErrorWhere>): Buffer {
  const hash = sha256Stream();
  hash.add(`[${headerId},${JSON.stringify(versions)},[`);
  let comma = '';
  for (const where of wheres) {
    hash.add(`${comma}${JSON.stringify(where)}`);
    comma = ',';
  }
  hash.add(']]');
  return Buffer.from(hash.hex(), 'hex');
}
