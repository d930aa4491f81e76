// Baselines that live in git: exported snapshots in a folder, found by suite and taken into the ledger that is at hand.

import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isJsonObject, type JsonObject, type JsonValue } from '../../core/index.ts';
import { importFiles } from '../ledger/exchange.ts';
import type { Workplace } from '../workplace.ts';

const SUFFIX = '.snapshot.jsonl';

/** What the first line of an exported snapshot says. */
export interface SnapshotFile {
  readonly path: string;
  readonly id: string;
  readonly suite: string;
  readonly startedAt: string;
  readonly fingerprint: string;
  readonly valid: boolean;
}

/** Most snapshots pooled with the baseline; the gain beyond is small and every one has to be read. */
export const MOST_POOLED = 14;

/** Usable snapshot files of a suite in a folder, newest first, valid before degraded. Damaged files are told of and passed over. */
export async function snapshotFiles(
  dir: string,
  suite: string,
  warn: (message: string) => void,
): Promise<SnapshotFile[]> {
  let names: string[];
  try {
    names = (await readdir(dir)).filter((n) => n.endsWith(SUFFIX)).sort();
  } catch {
    return [];
  }
  const found: SnapshotFile[] = [];
  for (const name of names) {
    const path = join(dir, name);
    const head = await headOf(path);
    if (head === null)
      warn(`${path} is no exported snapshot (its first line cannot be read); it is passed over`);
    else if (head.suite === suite && head.usable) found.push(head);
  }
  return found.sort(
    (a, b) =>
      Number(b.valid) - Number(a.valid) ||
      (a.startedAt === b.startedAt ? (a.id < b.id ? -1 : 1) : a.startedAt > b.startedAt ? -1 : 1),
  );
}

/** Takes the newest file and the older ones of its fingerprint into the ledger. */
export async function importBaseline(
  work: Workplace,
  files: readonly SnapshotFile[],
): Promise<{ readonly file: SnapshotFile; readonly pool: readonly string[] } | null> {
  const newest = files[0];
  if (newest === undefined) return null;
  const pool = files
    .slice(1)
    .filter((f) => f.valid && f.fingerprint === newest.fingerprint)
    .slice(0, MOST_POOLED);
  await importFiles(
    work,
    [newest, ...pool].map((f) => f.path),
    '/',
  );
  return { file: newest, pool: pool.map((f) => f.id) };
}

async function headOf(path: string): Promise<(SnapshotFile & { readonly usable: boolean }) | null> {
  const stream = createReadStream(path);
  try {
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }))
      return readHead(path, line);
    return null;
  } finally {
    stream.destroy();
  }
}

function readHead(path: string, line: string): (SnapshotFile & { readonly usable: boolean }) | null {
  let head: JsonValue;
  try {
    head = JSON.parse(line) as JsonValue;
  } catch {
    return null;
  }
  if (!isJsonObject(head) || head['kind'] !== 'snapshot') return null;
  const part = (key: string): JsonObject => {
    const value = (head as JsonObject)[key];
    return isJsonObject(value) ? value : {};
  };
  const { id, startedAt, purpose } = head;
  const suite = part('suite')['name'];
  const fingerprint = part('release')['fingerprint'];
  const { state, validity } = part('closing');
  if (
    typeof id !== 'string' ||
    typeof startedAt !== 'string' ||
    typeof suite !== 'string' ||
    typeof fingerprint !== 'string'
  )
    return null;
  return {
    path,
    id,
    suite,
    startedAt,
    fingerprint,
    valid: validity === 'valid',
    usable:
      (purpose === 'run' || purpose === 'verification') && state === 'finished' && validity !== 'invalid',
  };
}
