// Baselines that live in git: exported snapshots in a folder, found by suite and taken into the ledger that is at hand.

import { createReadStream } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { isJsonObject, type JsonObject, type JsonValue, LastgoodError } from '../../base/index.ts';
import type { Workplace } from '../workplace/workplace.ts';
import { importFiles } from './exchange.ts';
import { refuseDevice } from './snapshot-file.ts';

const SUFFIX = '.snapshot.jsonl';

/** What the first line of an exported snapshot says. */
export interface SnapshotFile {
  readonly path: string;
  readonly id: string;
  readonly suite: string;
  readonly startedAt: string;
  readonly fingerprint: string;
  readonly valid: boolean;
  /** The last blessing that travels with it; null = none does. */
  readonly blessed: FileBlessing | null;
}

/** What an exported snapshot says of who made it a baseline. */
interface FileBlessing {
  /** ISO time. */
  readonly at: string;
  readonly by: string;
}

/** Most snapshots pooled with the baseline; the gain beyond is small and every one has to be read. */
const MOST_POOLED = 14;

/** Usable snapshot files of a suite in a folder: the one blessed last, then newest first, valid before degraded. Damaged files are skipped with a warning. Throws for a device. */
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
      warn(`${path} is not an exported snapshot (its first line cannot be read); it is skipped`);
    else if (head.suite === suite && head.usable) found.push(head);
  }
  return found.sort(
    (a, b) =>
      byBlessing(a, b) ||
      Number(b.valid) - Number(a.valid) ||
      (a.startedAt === b.startedAt ? (a.id < b.id ? -1 : 1) : a.startedAt > b.startedAt ? -1 : 1),
  );
}

function byBlessing(a: SnapshotFile, b: SnapshotFile): number {
  const at = (f: SnapshotFile): number => (f.blessed === null ? 0 : Date.parse(f.blessed.at));
  return at(b) - at(a);
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

type Head = SnapshotFile & { readonly usable: boolean };

/** The first line, and the blessings that stand right after it. */
async function headOf(path: string): Promise<Head | null> {
  try {
    if (!(await stat(path)).isFile()) {
      refuseDevice(path);
      return null;
    }
  } catch (error) {
    if (error instanceof LastgoodError) throw error;
    return null;
  }
  const stream = createReadStream(path);
  try {
    let head: Head | null = null;
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
      if (head === null) {
        head = readHead(path, line);
        if (head === null) return null;
        continue;
      }
      const blessed = readBlessing(line, head);
      if (blessed === 'other') break;
      if (blessed !== null && (head.blessed === null || blessed.at > head.blessed.at))
        head = { ...head, blessed };
    }
    return head;
  } catch {
    // A folder of this name, or a file that may not be read.
    return null;
  } finally {
    stream.destroy();
  }
}

/** `other` = a line that is no blessing; null = a blessing of something else than this snapshot, which counts for nothing. */
function readBlessing(line: string, head: Head): FileBlessing | null | 'other' {
  if (!line.includes('"blessing"')) return 'other';
  let said: JsonValue;
  try {
    said = JSON.parse(line) as JsonValue;
  } catch {
    return 'other';
  }
  if (!isJsonObject(said) || (said['kind'] !== 'blessing' && said['type'] !== 'blessing')) return 'other';
  const { at, by, fingerprint, suite } = said;
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at)) || fingerprint !== head.fingerprint) return null;
  if (suite !== undefined && suite !== head.suite) return null;
  return { at: new Date(at).toISOString(), by: typeof by === 'string' ? by : 'unknown' };
}

function readHead(path: string, line: string): Head | null {
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
    blessed: null,
    usable:
      (purpose === 'run' || purpose === 'verification') && state === 'finished' && validity !== 'invalid',
  };
}
