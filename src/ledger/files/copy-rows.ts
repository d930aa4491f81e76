// Copies what a ledger holds beside snapshots: production answers, the logs of shipping and of the guard, and access tokens.

import { createHash } from 'node:crypto';
import { LastgoodError } from '../../base/errors.ts';
import { canonicalJson, type JsonObject } from '../../base/json.ts';
import type { ShippingChange, ShippingStore } from '../../core/shipping.ts';
import {
  type CopiedTable,
  GUARD,
  keyOfRow,
  type LedgerRows,
  PRODUCTION,
  type ReadRows,
  type Row,
  rowText,
  TOKENS,
} from '../model/ledger-rows.ts';

export interface RowsReport {
  /** Rows that were written, by what they are; each table was verified as a whole. */
  readonly written: readonly { readonly what: string; readonly rows: number }[];
  /** What stays where it is. */
  readonly notCopied: readonly { readonly what: string; readonly rows: number }[];
}

export interface RowPlaces {
  readonly from: LedgerRows;
  readonly to: LedgerRows;
  readonly shippingFrom: ShippingStore;
  readonly shippingTo: ShippingStore;
}

const ROWS = 1000;

const observations = PRODUCTION.find(({ name }) => name === 'observation') as CopiedTable;
const decisions = GUARD.find(({ name }) => name === 'guard_decision') as CopiedTable;

/**
 * Refuses with `COPY_MERGES` a target that has answers, changes or decisions of its own, before anything is written: two logs cannot be made one,
 * and windows cannot be added up twice.
 */
export function mustBeCopyable({ from, to, shippingFrom, shippingTo }: RowPlaces): Promise<void> {
  return from.reading((source) =>
    to.reading(async (target) => {
      const [ours, theirs] = [await shippingFrom.changes(0), await shippingTo.changes(0)];
      if (theirs.some((change, i) => !sameChange(change, ours[i])))
        throw merges('changes of registry, flags, stops or rollouts');
      for await (const rows of pages(target, decisions))
        if ((await missing(source, decisions, rows)).length > 0) throw merges('decisions of the guard');
      await sameProduction(source, target);
    }),
  );
}

/** The target has no production answers, or those of an earlier copy. */
async function sameProduction(source: ReadRows, target: ReadRows): Promise<void> {
  let there = 0;
  for (const table of PRODUCTION) there += await target.count(table);
  if (there === 0) return;
  const [ours, theirs] = [await source.state(), await target.state()];
  if (!ours.salt.equals(theirs.salt)) throw merges('production answers');
  const [key, at] = ['key', 'at'].map((name) => Object.keys(observations.columns).indexOf(name)) as [
    number,
    number,
  ];
  for await (const rows of pages(target, observations)) {
    const found = await source.find(
      observations,
      rows.map((row) => keyOfRow(observations, row)),
    );
    const known = new Map(found.map((row) => [rowText(keyOfRow(observations, row)), row]));
    for (const row of rows) {
      const own = known.get(rowText(keyOfRow(observations, row)));
      // Those before its horizon were removed from the source.
      const gone = (row[at] as number) < ours.horizon;
      if (!gone && (own === undefined || rowText([own[key] ?? null]) !== rowText([row[key] ?? null])))
        throw merges('production answers');
    }
  }
}

function merges(what: string): LastgoodError {
  return new LastgoodError({
    code: 'COPY_MERGES',
    message: `The target has ${what} of its own, and two ledgers' cannot be made one; nothing was copied.`,
    hint: 'copy into a new ledger',
  });
}

/** Must follow `mustBeCopyable`. Throws `COPY_DIFFERS` where a table of the target is not what it was made from. */
export async function copyRows(
  places: RowPlaces,
  tell: (done: number, all: number, what: string) => void,
): Promise<RowsReport> {
  const { from, to } = places;
  const written: { what: string; rows: number }[] = [];
  const note = (what: string, rows: number): void => {
    if (rows > 0) written.push({ what, rows });
  };
  note('changes of shipping', await copyShipping(places));
  const notCopied = await from.reading(async (source) => {
    const all = PRODUCTION.length + GUARD.length + 1;
    let done = 0;
    const begin = (table: CopiedTable): void => tell(done++, all, table.what);
    // The answers of an earlier copy keep their salt, so that it is known as one when this copy is cut short.
    const state = await source.state();
    await to.writing(async (target) => {
      const there = await target.state();
      if (!there.salt.equals(state.salt)) await target.setState({ ...there, salt: state.salt });
    });
    await removeOthers(source, to);
    for (const table of PRODUCTION) {
      begin(table);
      note(table.what, await mirror(source, to, table));
    }
    await to.writing((target) => target.setState(state));
    for (const table of GUARD) {
      begin(table);
      note(table.what, await addMissing(source, to, table));
    }
    begin(TOKENS);
    note(TOKENS.what, await addMissing(source, to, TOKENS));
    return verified(source, to);
  });
  return { written, notCopied };
}

/** Writes what the target does not have as it is in the source. Rows that were written. */
async function mirror(source: ReadRows, to: LedgerRows, table: CopiedTable): Promise<number> {
  let written = 0;
  for await (const rows of pages(source, table)) {
    const fresh = await to.reading((target) => missing(target, table, rows));
    if (fresh.length > 0) await to.writing((target) => target.put(table, fresh, 'replace'));
    written += fresh.length;
  }
  return written;
}

/** Rows that the source does not have any more, of the last table first, because a row refers to one of an earlier table. */
async function removeOthers(source: ReadRows, to: LedgerRows): Promise<void> {
  for (const table of [...PRODUCTION].reverse()) {
    let after: Row | null = null;
    for (;;) {
      const from: Row | null = after;
      const rows: Row[] = await to.reading((target) => target.page(table, from, ROWS));
      const keys: Row[] = rows.map((row) => keyOfRow(table, row));
      const there = new Set((await source.find(table, keys)).map((row) => rowText(keyOfRow(table, row))));
      const gone = keys.filter((key) => !there.has(rowText(key)));
      if (gone.length > 0) await to.writing((target) => target.remove(table, gone));
      if (rows.length < ROWS) break;
      after = keys.at(-1) ?? null;
    }
  }
}

async function addMissing(source: ReadRows, to: LedgerRows, table: CopiedTable): Promise<number> {
  let written = 0;
  for await (const rows of pages(source, table))
    written += await to.writing(async (target) => {
      const before = await target.count(table);
      await target.put(table, rows, 'add');
      return (await target.count(table)) - before;
    });
  return written;
}

/** What the target still misses, by name. Throws `COPY_DIFFERS`. */
async function verified(source: ReadRows, to: LedgerRows): Promise<RowsReport['notCopied']> {
  return to.reading(async (target) => {
    for (const table of PRODUCTION)
      if ((await digest(source, table)) !== (await digest(target, table))) throw differs(table.what);
    const [ours, theirs] = [await source.state(), await target.state()];
    if (rowText(Object.values(ours)) !== rowText(Object.values(theirs))) throw differs('state of production');
    for (const table of GUARD)
      for await (const rows of pages(source, table))
        if ((await missing(target, table, rows)).length > 0) throw differs(table.what);
    const notCopied: { what: string; rows: number }[] = [];
    for await (const rows of pages(source, TOKENS))
      for (const [name] of await missing(target, TOKENS, rows))
        notCopied.push({
          what: `access token ${JSON.stringify(name)}: the target has another one of this name, or this one under another name`,
          rows: 1,
        });
    return notCopied;
  });
}

/** How many rows a table has, and SHA-256 of them in the order of their keys. */
async function digest(rows: ReadRows, table: CopiedTable): Promise<string> {
  const hash = createHash('sha256');
  let count = 0;
  for await (const page of pages(rows, table)) {
    for (const row of page) hash.update(`${rowText(row)}\n`);
    count += page.length;
  }
  return `${count} ${hash.digest('hex')}`;
}

function differs(what: string): LastgoodError {
  return new LastgoodError({
    code: 'COPY_DIFFERS',
    message: `The copied ${what} are not those of the source; nothing of the source was changed.`,
    hint: 'end what else writes to the target, check the source with `lastgood db check`, and copy into a new ledger',
    exitCode: 4,
  });
}

/** Rows that are not there, or not as they are here. */
async function missing(in_: ReadRows, table: CopiedTable, rows: readonly Row[]): Promise<Row[]> {
  const found = await in_.find(
    table,
    rows.map((row) => keyOfRow(table, row)),
  );
  const there = new Set(found.map(rowText));
  return rows.filter((row) => !there.has(rowText(row)));
}

async function* pages(rows: ReadRows, table: CopiedTable): AsyncGenerator<readonly Row[], void, undefined> {
  let after: Row | null = null;
  for (;;) {
    const page: Row[] = await rows.page(table, after, ROWS);
    if (page.length > 0) yield page;
    const last = page.at(-1);
    if (last === undefined || page.length < ROWS) return;
    after = keyOfRow(table, last);
  }
}

async function copyShipping({ shippingFrom, shippingTo }: RowPlaces): Promise<number> {
  const [ours, theirs] = [await shippingFrom.changes(0), await shippingTo.changes(0)];
  const fresh = ours.slice(theirs.length);
  for (const { no: _no, ...change } of fresh) await shippingTo.append(change);
  const copied = await shippingTo.changes(0);
  if (ours.some((change, i) => !sameChange(change, copied[i]))) throw differs('changes of shipping');
  return fresh.length;
}

function sameChange(a: ShippingChange, b: ShippingChange | undefined): boolean {
  return (
    b !== undefined && canonicalJson(a as unknown as JsonObject) === canonicalJson(b as unknown as JsonObject)
  );
}
