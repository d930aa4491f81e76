// Opening a ledger file: is it ours, can it be used where it lies, and is its schema the one we know?

import { existsSync, statSync } from 'node:fs';
import { mkdir, readFile, realpath, statfs } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Database } from 'better-sqlite3';
import { LastgoodError } from '../../base/errors.ts';
import { isServerAddress } from '../model/address.ts';
import type { ProjectFolder } from '../model/project-folder.ts';
import { addonMissing, isAddonFailure, loadDriver, type SqliteDriver } from './addon.ts';
import { damagedLedger, type Patience, patience, withPatience } from './database-error.ts';
import { APPLICATION_ID, MIGRATIONS, SCHEMA_VERSION } from './migrations.ts';

export interface LedgerOptions {
  /** Nothing can be written; the file must exist. */
  readonly readonly?: boolean | undefined;
  /** Make the file and its folder when absent (default true). */
  readonly create?: boolean | undefined;
  /** How long to wait for other writers before giving up (default 10,000 ms). */
  readonly busyTimeoutMs?: number | undefined;
  /** Rows from which on a thread of its own writes them (default 400, from where it pays for its start); 0 = all, and opening waits for it. */
  readonly threadFromRows?: number | undefined;
  /** Places of files are kept from this folder; without it they are kept as they are given. */
  readonly project?: ProjectFolder | undefined;
}

export interface OpenLedgerFile {
  readonly db: Database;
  /** What opened it. */
  readonly driver: SqliteDriver;
  /** Absolute. */
  readonly path: string;
  readonly patience: Patience;
  /** Which file it was when it was opened, see `mustBeSameFile`. */
  readonly identity: string;
}

/** What tells a file from another at the same path; empty where there is none. */
function fileIdentity(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? '' : `${found.dev}:${found.ino}`;
}

/**
 * Nothing is written once the ledger was removed or another file was put in its place: it would go into a file that nobody finds any
 * more. Throws `LEDGER_REPLACED`.
 */
export function mustBeSameFile({ path, identity }: Pick<OpenLedgerFile, 'path' | 'identity'>): void {
  const now = fileIdentity(path);
  if (now === identity) return;
  throw new LastgoodError({
    code: 'LEDGER_REPLACED',
    message: `The ledger was ${now === '' ? 'removed' : 'replaced by another file'} while it was in use; nothing was written since, neither here nor there.`,
    hint: 'put the file back and resume the run; sync tools and cache steps must not touch a ledger while a run writes to it',
    where: { file: path },
    exitCode: 4,
  });
}

/** `statfs` magic numbers of file systems on which SQLite's locks or its shared memory do not work between machines. */
const NETWORK_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x6969, 'NFS'],
  [0xff534d42, 'CIFS'],
  [0xfe534d42, 'SMB2'],
  [0x517b, 'SMB'],
  [0x5346414f, 'AFS'],
  [0x564c, 'NCP'],
  [0x00c36400, 'Ceph'],
  [0x6b414653, 'AFS'],
  [0x0bd00bd0, 'Lustre'],
  [0x47504653, 'GPFS'],
  [0x19830326, 'BeeGFS'],
  [0x7461636f, 'OCFS2'],
  [0x01161970, 'GFS2'],
  [0x786f4256, 'VirtualBox shared folder'],
  [0xbacbacbc, 'VMware shared folder'],
]);

/** `statfs` says "FUSE" of all of these, and of local file systems as well. */
const FUSE = 0x65735546;
const NETWORK_FUSE =
  /^fuse\.(sshfs|s3fs|rclone|gcsfuse|goofys|mount-s3|blobfuse2?|glusterfs|ceph(fs|-fuse)?|vmhgfs-fuse)$/;

/** What a folder is mounted from where that is a network file system in user space, by the text of Linux's `/proc/self/mountinfo`; null for any other. */
export function networkMount(mountinfo: string, folder: string): string | null {
  let longest = '';
  let type: string | null = null;
  for (const line of mountinfo.split('\n')) {
    const [mount, source] = line.split(' - ');
    const point = mount
      ?.split(' ')[4]
      ?.replaceAll(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)));
    if (point === undefined || source === undefined || point.length < longest.length) continue;
    const under = point === '/' || folder === point || folder.startsWith(`${point}/`);
    if (!under) continue;
    longest = point;
    type = source.split(' ')[0] ?? null;
  }
  return type !== null && NETWORK_FUSE.test(type) ? type.slice('fuse.'.length) : null;
}

/** True for a Windows path to a share of another machine (`\\\\server\\share`); a drive letter that stands for one is not seen. */
export function isNetworkShare(path: string): boolean {
  return /^\\\\(?![?.]\\)[^\\]+\\|^\\\\\?\\UNC\\/i.test(path);
}

/** Name of the network file system with this `statfs` type; null for any other. */
export function networkFileSystem(statfsType: number): string | null {
  return NETWORK_FILE_SYSTEMS.get(statfsType >>> 0) ?? null;
}

/** Opens and checks the file and brings its schema up to date. `fileSystemType` tells the `statfs` type of a folder. */
export async function openLedgerFile(
  file: string,
  options: LedgerOptions = {},
  fileSystemType: (folder: string) => Promise<number> = async (folder) => (await statfs(folder)).type,
): Promise<OpenLedgerFile> {
  // Who is given a place asks first which kind it is; a folder `postgres:` would be made.
  if (isServerAddress(file)) throw new TypeError('the address of a server was opened as a file');
  const Driver = await loadDriver();
  const path = resolve(file);
  const readonly = options.readonly ?? false;
  const wait = patience(options.busyTimeoutMs ?? 10_000);
  const create = !readonly && (options.create ?? true);
  await prepareFolder(path, create, fileSystemType);
  const db = await withPatience(path, wait, () => {
    try {
      return new Driver(path, { readonly, fileMustExist: !create, timeout: wait.sliceMs });
    } catch (error) {
      throw isAddonFailure(error) ? addonMissing(error) : error;
    }
  });
  const identity = fileIdentity(path);
  try {
    await withPatience(path, wait, () => checkIdentity(db, path));
    if (!readonly) await withPatience(path, wait, () => prepareForWriting(db));
    await withPatience(path, wait, () => migrate(db, path, readonly));
    db.pragma('foreign_keys = ON');
    db.pragma('trusted_schema = OFF');
  } catch (error) {
    db.close();
    throw error;
  }
  return { db, driver: Driver, path, patience: wait, identity };
}

async function prepareFolder(
  path: string,
  create: boolean,
  fileSystemType: (folder: string) => Promise<number>,
): Promise<void> {
  const folder = dirname(path);
  if (!create && !existsSync(path)) {
    throw new LastgoodError({
      code: 'LEDGER_MISSING',
      message: 'There is no ledger at this path.',
      hint: 'check the path given with --db, or make a first snapshot with `lastgood run`',
      where: { file: path },
    });
  }
  let network: string | null;
  try {
    if (create) await mkdir(folder, { recursive: true });
    const type = await fileSystemType(folder);
    network = isNetworkShare(path) ? 'a Windows share' : networkFileSystem(type);
    if (type >>> 0 === FUSE) network ??= networkMount(await mounts(), await realpath(folder));
  } catch (error) {
    throw new LastgoodError({
      code: 'LEDGER_CANNOT_OPEN',
      message: `The folder of the ledger cannot be ${create ? 'made or ' : ''}read (${(error as Error).message}).`,
      hint: 'check the permissions, or keep the ledger elsewhere with --db',
      where: { file: path },
      exitCode: 4,
      cause: error,
    });
  }
  if (network !== null) {
    throw new LastgoodError({
      code: 'LEDGER_NETWORK_FS',
      message: `The ledger lies on a network file system (${network}), where SQLite's locks and its shared memory are not reliable: two runs could damage it.`,
      hint: 'keep the ledger on a local disk (--db) and share snapshots as files with `lastgood export` and `lastgood import`',
      where: { file: path },
      exitCode: 4,
    });
  }
}

/** Empty where the system has no such list. */
async function mounts(): Promise<string> {
  return readFile('/proc/self/mountinfo', 'utf8').catch(() => '');
}

/** Refuses other programs' databases before anything is changed in them. */
function checkIdentity(db: Database, path: string): void {
  const objects = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number;
  const applicationId = db.pragma('application_id', { simple: true }) as number;
  if (objects === 0 && applicationId === 0) return;
  if (applicationId !== APPLICATION_ID) {
    throw new LastgoodError({
      code: 'LEDGER_FOREIGN',
      message: 'The file is an SQLite database, but not a lastgood ledger.',
      hint: 'check the path given with --db',
      where: { file: path },
      exitCode: 4,
    });
  }
  const version = schemaVersion(db);
  const recorded = migrationsIn(db);
  if (version <= SCHEMA_VERSION && version !== recorded)
    throw damagedLedger(
      path,
      `it says that its schema is version ${version}, but it was brought to version ${recorded}`,
    );
  if (version > SCHEMA_VERSION) {
    throw new LastgoodError({
      code: 'LEDGER_NEWER',
      message: `The ledger was written by a newer lastgood: its schema is version ${version}, this one knows versions up to ${SCHEMA_VERSION}.`,
      hint: 'update lastgood, or use another ledger with --db',
      where: { file: path },
      exitCode: 4,
    });
  }
}

function schemaVersion(db: Database): number {
  return db.pragma('user_version', { simple: true }) as number;
}

/** The newest migration the ledger lists. */
function migrationsIn(db: Database): number {
  return (db.prepare('SELECT max(version) FROM migration').pluck().get() as number | null) ?? 0;
}

/**
 * WAL: one writer and any number of readers at once. With synchronous = NORMAL a commit survives a crash of the process at
 * any moment; a power cut may take the last commits back, never half of one.
 */
function prepareForWriting(db: Database): void {
  // Takes effect only while the file is empty; lets later pruning give disk space back.
  db.pragma('auto_vacuum = INCREMENTAL');
  db.pragma('journal_mode = WAL');
  db.pragma('synchronous = NORMAL');
}

/** Each migration is recorded and run in one transaction: a crash leaves the old schema or the new one. */
function migrate(db: Database, path: string, readonly: boolean): void {
  if (schemaVersion(db) === SCHEMA_VERSION) return;
  if (readonly) {
    throw new LastgoodError({
      code: 'LEDGER_OLDER',
      message: `The ledger's schema is version ${schemaVersion(db)} and would have to be brought to ${SCHEMA_VERSION} first, but it was opened read-only.`,
      hint: 'open it once with write access, e.g. `lastgood list`',
      where: { file: path },
      exitCode: 4,
    });
  }
  const bringUpToDate = db.transaction(() => {
    // Read again under the write lock: another process may have been here first.
    checkIdentity(db, path);
    for (const { version, name, sql } of MIGRATIONS.slice(schemaVersion(db))) {
      db.exec(
        'CREATE TABLE IF NOT EXISTS migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL) STRICT',
      );
      db.prepare('INSERT INTO migration (version, name) VALUES (?, ?)').run(version, name);
      db.exec(sql);
      db.pragma(`user_version = ${version}`);
    }
    db.pragma(`application_id = ${APPLICATION_ID}`);
  });
  bringUpToDate.immediate();
}
