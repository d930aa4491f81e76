// Suites and releases as they were when a snapshot was made; what did not change since the last night is not stored again.

import { hash } from 'node:crypto';
import type { ErrorWhere } from '../../base/errors.ts';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import { canonicalJson, sha256Stream } from '../../base/json.ts';
import { forgottenLayers, type Release } from '../../core/release.ts';
import type { Case, Suite } from '../../core/suite.ts';
import { packedBody, wholeBody } from '../model/case-body.ts';
import type { CaseFacts, ExaminedFacts } from '../model/exam-book.ts';
import { type ExamBook, examOf } from '../model/exam-book.ts';
import { type Places, placedGraders, placedHeader, placedRelease } from '../model/portable-paths.ts';
import { SealHash } from '../model/seal-hash.ts';
import type { Queries } from './connection.ts';
import type { ContentReader, ContentWriter } from './content.ts';
import { spooledCases } from './spooled-cases.ts';
import { givenText, storedJson, storedText, storedTextOrNull } from './stored-text.ts';

/** Cases looked up, and stored, per statement. */
export const CASES_PER_STATEMENT = 500;
const PLACES_PER_STATEMENT = 5000;

/** A stored suite of more cases than this is never in memory as a whole. */
const MOST_CASES_HELD = 10_000;

interface CaseRow {
  readonly case_no: number;
  readonly case_id: string;
  readonly tags: string;
  readonly grp: string | null;
  readonly critical: boolean;
  readonly trials: number;
  readonly min_pass_rate: number | null;
  readonly content_hash: string;
  readonly graders_hash: string;
  readonly place: string;
  readonly sha256: Buffer;
  readonly shape: string;
  readonly parts: Buffer;
}

type FactsRow = readonly [
  caseNo: number,
  id: string,
  tags: string,
  group: string | null,
  critical: boolean,
  trials: number,
  minPassRate: number | null,
  contentHash: string,
  gradersHash: string,
];

interface KeyedCase {
  readonly key: Buffer;
  readonly kept: Omit<Case, 'where'>;
}

export class SuiteTables {
  readonly #reader: ContentReader;
  readonly #places: Places;
  #numbers: { readonly suite: number; readonly byId: ReadonlyMap<string, number> } | null = null;
  #facts: { readonly suite: number; readonly facts: readonly CaseFacts[]; readonly digest: Buffer } | null =
    null;

  constructor(reader: ContentReader, places: Places) {
    this.#reader = reader;
    this.#places = places;
  }

  /** What was read before may have been taken out by now. */
  forget(): void {
    this.#numbers = null;
    this.#facts = null;
  }

  /** A case under the hash of all it says, wherever it stands. */
  keyed({ where: _where, ...given }: Case): KeyedCase {
    const kept = { ...given, graders: placedGraders(given.graders, this.#places.kept) };
    return { key: hash('sha256', JSON.stringify(kept), 'buffer'), kept };
  }

  /** Ids of case versions by their keys; null where there is none. */
  async findVersions(queries: Queries, cases: readonly KeyedCase[]): Promise<(number | null)[]> {
    const rows = await queries.rows<{ key: Buffer; id: number }>(
      'SELECT key, id FROM lg.case_version WHERE key = ANY($1)',
      [cases.map(({ key }) => key)],
    );
    const ids = new Map(rows.map(({ key, id }) => [key.toString('latin1'), id]));
    return cases.map(({ key }) => ids.get(key.toString('latin1')) ?? null);
  }

  /** Ids of these cases' versions, in order; those not yet known are added. Inside a write transaction. */
  async versionIds(
    queries: Queries,
    writer: ContentWriter,
    cases: readonly KeyedCase[],
  ): Promise<readonly number[]> {
    const known = await this.findVersions(queries, cases);
    const fresh = [
      ...new Map(cases.filter((_, i) => known[i] === null).map((c) => [c.key.toString('hex'), c] as const)),
    ].sort(([a], [b]) => (a < b ? -1 : 1));
    if (fresh.length > 0) {
      const rows = fresh.map(([, { key, kept }]) => versionRow(key, kept, writer));
      await writer.flush(queries);
      await queries.rows(
        `INSERT INTO lg.case_version (key, case_id, tags, grp, critical, trials, min_pass_rate, content_hash, graders_hash, body)
         SELECT * FROM unnest($1::bytea[], $2::text[], $3::text[], $4::text[], $5::boolean[], $6::int[], $7::float8[], $8::text[], $9::text[],
                              $10::bytea[])
         ON CONFLICT DO NOTHING`,
        columns(rows),
      );
    }
    const ids = fresh.length === 0 ? known : await this.findVersions(queries, cases);
    return ids as number[];
  }

  /** Id of the suite made of these case versions. Inside a write transaction. */
  async suiteId(
    queries: Queries,
    writer: ContentWriter,
    suite: Suite,
    versions: readonly number[],
  ): Promise<number> {
    const { cases, ...header } = suite;
    const headerKey = writer.document(placedHeader(header, this.#places.kept) as unknown as JsonObject);
    const places: string[] = [];
    for (const { where } of cases)
      places.push(
        storedJson(
          (where.file === undefined
            ? where
            : { ...where, file: this.#places.kept(where.file) }) as JsonObject,
        ),
      );
    const stream = sha256Stream();
    stream.add(`${headerKey.toString('hex')}\n`);
    for (const [i, place] of places.entries()) stream.add(`${versions[i]} ${place}\n`);
    const key = Buffer.from(stream.hex(), 'hex');
    const find = async (): Promise<number | undefined> =>
      (await queries.rows<{ id: number }>('SELECT id FROM lg.suite WHERE key = $1', [key]))[0]?.id;
    const known = await find();
    if (known !== undefined) return known;
    await writer.flush(queries);
    const [added] = await queries.rows<{ id: number }>(
      `INSERT INTO lg.suite (key, name, hash, header, cases) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING RETURNING id`,
      [key, storedText(suite.name), storedText(suite.hash), headerKey, cases.length],
    );
    // Another run of the same suite was quicker.
    if (added === undefined) return (await find()) as number;
    for (let from = 0; from < places.length; from += PLACES_PER_STATEMENT)
      await queries.rows(
        `INSERT INTO lg.suite_case (suite, case_no, case_version, place)
         SELECT $1, $2::int + n - 1, version, place
         FROM unnest($3::bigint[], $4::text[]) WITH ORDINALITY AS c (version, place, n)`,
        [
          added.id,
          from,
          versions.slice(from, from + PLACES_PER_STATEMENT),
          places.slice(from, from + PLACES_PER_STATEMENT),
        ],
      );
    return added.id;
  }

  /** Id of a release. Inside a write transaction. */
  async releaseId(
    queries: Queries,
    writer: ContentWriter,
    { forgotten: _forgotten, ...release }: Release,
  ): Promise<number> {
    const document = writer.document(placedRelease(release, this.#places.kept) as unknown as JsonObject);
    await writer.flush(queries);
    await queries.rows(
      `INSERT INTO lg.release (document, name, fingerprint, layer_hashes, pinned) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
      [
        document,
        storedText(release.name),
        storedText(release.fingerprint),
        canonicalJson(release.layerHashes as JsonObject),
        release.pin.state === 'pinned',
      ],
    );
    const [row] = await queries.rows<{ id: number }>('SELECT id FROM lg.release WHERE document = $1', [
      document,
    ]);
    return (row as { id: number }).id;
  }

  async release(queries: Queries, id: number): Promise<Release> {
    const [row] = await queries.rows<{ document: Buffer }>('SELECT document FROM lg.release WHERE id = $1', [
      id,
    ]);
    if (row === undefined) throw new Error(`the ledger refers to release ${id}, which is not there`);
    const stored = (await this.#reader.document(queries, row.document)) as unknown as Release;
    const release = placedRelease(stored, this.#places.found);
    const forgotten = forgottenLayers(release);
    return forgotten.length === 0 ? release : { ...release, forgotten };
  }

  /** The suite without its cases, and their number. */
  async header(queries: Queries, id: number): Promise<Omit<Suite, 'cases'> & { readonly count: number }> {
    const [row] = await queries.rows<{ header: Buffer; cases: number }>(
      'SELECT header, cases FROM lg.suite WHERE id = $1',
      [id],
    );
    if (row === undefined) throw new Error(`the ledger refers to suite ${id}, which is not there`);
    const header = (await this.#reader.document(queries, row.header)) as unknown as Omit<Suite, 'cases'>;
    return { ...placedHeader(header, this.#places.found), count: row.cases };
  }

  /** The cases of a large suite are set aside on this machine, and read from there. */
  async suite(queries: Queries, id: number): Promise<Suite> {
    const { count, ...header } = await this.header(queries, id);
    const read = (from: number, some: number): Promise<Case[]> => this.cases(queries, id, from, some);
    if (count > MOST_CASES_HELD) return { ...header, cases: await spooledCases(count, read) };
    const cases: Case[] = [];
    for (let from = 0; from < count; from += CASES_PER_STATEMENT)
      cases.push(...(await read(from, CASES_PER_STATEMENT)));
    return { ...header, cases };
  }

  /** Cases of a stored suite, `count` from a place on. */
  async cases(queries: Queries, suite: number, from: number, count: number): Promise<Case[]> {
    const rows = await queries.rows<CaseRow>(
      `${CASES} WHERE c.suite = $1 AND c.case_no >= $2 AND c.case_no < $3 ORDER BY c.case_no`,
      [suite, from, from + count],
    );
    return this.#whole(queries, rows);
  }

  /** The cases with these numbers, in the order of the numbers given. */
  async casesAt(queries: Queries, suite: number, numbers: readonly number[]): Promise<Case[]> {
    const rows = await queries.rows<CaseRow>(`${CASES} WHERE c.suite = $1 AND c.case_no = ANY($2::int[])`, [
      suite,
      numbers,
    ]);
    const byNo = new Map(rows.map((row) => [row.case_no, row]));
    return this.#whole(
      queries,
      numbers.map((no) => {
        const row = byNo.get(no);
        if (row === undefined) throw new Error(`the ledger has no case ${no} of suite ${suite}`);
        return row;
      }),
    );
  }

  /** Case numbers by case id; asked for with every batch of trials that is appended. */
  async numbers(queries: Queries, suite: number): Promise<ReadonlyMap<string, number>> {
    if (this.#numbers?.suite === suite) return this.#numbers.byId;
    const rows = await queries.arrays<[string, number]>(
      `SELECT v.case_id, c.case_no FROM lg.suite_case c JOIN lg.case_version v ON v.id = c.case_version
       WHERE c.suite = $1 ORDER BY c.case_no`,
      [suite],
    );
    const byId = new Map(rows.map(([id, no]) => [givenText(id), no]));
    this.#numbers = { suite, byId };
    return byId;
  }

  /** What comparisons need of the cases, in the order of the suite, with their digest. A stored suite never changes. */
  async facts(
    queries: Queries,
    suite: number,
  ): Promise<{ readonly facts: readonly CaseFacts[]; readonly digest: Buffer }> {
    if (this.#facts?.suite === suite) return this.#facts;
    const rows = await queries.arrays<FactsRow>(
      `SELECT c.case_no, v.case_id, v.tags, v.grp, v.critical, v.trials, v.min_pass_rate, v.content_hash, v.graders_hash
       FROM lg.suite_case c JOIN lg.case_version v ON v.id = c.case_version WHERE c.suite = $1 ORDER BY c.case_no`,
      [suite],
    );
    const seal = new SealHash();
    const tagLists = new Map<string, readonly string[]>();
    const facts = rows.map((row): CaseFacts => {
      const [caseNo, id, tags, group, critical, trials, minPassRate, contentHash, gradersHash] = row;
      seal.row([caseNo, id, tags, group, Number(critical), trials, minPassRate, contentHash, gradersHash]);
      let list = tagLists.get(tags);
      if (list === undefined) {
        list = JSON.parse(tags) as string[];
        tagLists.set(tags, list);
      }
      return {
        ...{ caseNo, id: givenText(id), tags: list, group: group === null ? null : givenText(group) },
        ...{ critical, trials, minPassRate },
        ...{ contentHash: givenText(contentHash), gradersHash: givenText(gradersHash) },
      };
    });
    this.#facts = { suite, facts, digest: seal.digest() };
    return this.#facts;
  }

  /** The same with what each is graded with. */
  async examined(
    queries: Queries,
    suite: number,
    examBook: Buffer,
  ): Promise<{ readonly cases: readonly ExaminedFacts[]; readonly digest: Buffer }> {
    const book = (await this.#reader.json(queries, examBook)) as unknown as ExamBook;
    const { facts, digest } = await this.facts(queries, suite);
    return { cases: facts.map((f) => ({ facts: f, exam: examOf(book, f) })), digest };
  }

  /** Where a case stands, and what it is made of: what comparisons do not read. Feeds a digest. */
  async seal(queries: Queries, suite: number, into: SealHash): Promise<void> {
    const rows = await queries.arrays<[number, string, Buffer]>(
      `SELECT c.case_no, c.place, v.body FROM lg.suite_case c JOIN lg.case_version v ON v.id = c.case_version
       WHERE c.suite = $1 ORDER BY c.case_no`,
      [suite],
    );
    for (const row of rows) into.row(row);
  }

  async #whole(queries: Queries, rows: readonly CaseRow[]): Promise<Case[]> {
    const bodies = await this.#reader.documents(queries, rows);
    return rows.map((row, i) => {
      const body = wholeBody(bodies[i] as JsonObject);
      const where = JSON.parse(row.place) as ErrorWhere;
      return {
        id: givenText(row.case_id),
        tags: JSON.parse(row.tags) as string[],
        group: row.grp === null ? null : givenText(row.grp),
        critical: row.critical,
        trials: row.trials,
        minPassRate: row.min_pass_rate,
        contentHash: givenText(row.content_hash),
        gradersHash: givenText(row.graders_hash),
        ...body,
        graders: placedGraders(body.graders, this.#places.found),
        expected: body.expected,
        where: where.file === undefined ? where : { ...where, file: this.#places.found(where.file) },
      };
    });
  }
}

const CASES = `SELECT c.case_no, v.case_id, v.tags, v.grp, v.critical, v.trials, v.min_pass_rate, v.content_hash, v.graders_hash, c.place,
       d.sha256, d.shape, d.parts
  FROM lg.suite_case c JOIN lg.case_version v ON v.id = c.case_version JOIN lg.document d ON d.sha256 = v.body`;

function versionRow(key: Buffer, kept: KeyedCase['kept'], writer: ContentWriter): unknown[] {
  const { id, tags, group, critical, trials, minPassRate, contentHash, gradersHash, ...body } = kept;
  return [
    key,
    storedText(id),
    storedJson(tags as unknown as JsonValue),
    storedTextOrNull(group),
    critical,
    trials,
    minPassRate,
    storedText(contentHash),
    storedText(gradersHash),
    writer.document(packedBody(body)),
  ];
}

/** Rows as one array a column, as `unnest` takes them. */
export function columns(rows: readonly (readonly unknown[])[]): unknown[][] {
  return (rows[0] ?? []).map((_, i) => rows.map((row) => row[i]));
}
