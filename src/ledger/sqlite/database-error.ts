// What SQLite's error codes mean to the person at the terminal, and waiting for a database that others write to.

import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ErrorCode } from '../../base/error-catalogue.ts';
import { LastgoodError } from '../../base/errors.ts';

interface Meaning {
  readonly code: ErrorCode;
  readonly says: string;
  readonly hint: string;
}

const DAMAGED_HINT =
  '`lastgood db check` lists what is damaged; restore a backup, or import the exported *.snapshot.jsonl files into a new ledger; `sqlite3 FILE .recover` saves what is readable';

const DAMAGED: Meaning = { code: 'LEDGER_CORRUPT', says: 'The ledger file is damaged.', hint: DAMAGED_HINT };

const MEANINGS: readonly (readonly [prefix: string, meaning: Meaning])[] = [
  [
    'SQLITE_FULL',
    {
      code: 'LEDGER_DISK_FULL',
      says: 'The disk is full; what was stored before is intact, this write was not made.',
      hint: 'free some space and resume the run, or keep the ledger elsewhere with --db',
    },
  ],
  ['SQLITE_CORRUPT', DAMAGED],
  // Its statements are fixed, so one that does not fit the file means that the file's schema is not what it was.
  ['SQLITE_ERROR', DAMAGED],
  ['SQLITE_SCHEMA', DAMAGED],
  ['SQLITE_TOOBIG', DAMAGED],
  ['SQLITE_MISMATCH', DAMAGED],
  ['SQLITE_FORMAT', DAMAGED],
  [
    'SQLITE_NOTADB',
    {
      code: 'LEDGER_FOREIGN',
      says: 'The file is not an SQLite database, or its first page is damaged.',
      hint: 'check the path given with --db; restore a backup if this was a ledger',
    },
  ],
  [
    'SQLITE_READONLY',
    {
      code: 'LEDGER_READONLY',
      says: 'The ledger file or its folder cannot be written to.',
      hint: 'check the permissions of the file and of its folder, or keep the ledger elsewhere with --db',
    },
  ],
  [
    'SQLITE_CANTOPEN',
    {
      code: 'LEDGER_CANNOT_OPEN',
      says: 'The ledger file cannot be opened.',
      hint: 'check that the path is a file, and the permissions of the file and of its folder (SQLite also writes beside it)',
    },
  ],
  [
    'SQLITE_PERM',
    {
      code: 'LEDGER_CANNOT_OPEN',
      says: 'The ledger file may not be opened.',
      hint: 'check the permissions of the file and of its folder',
    },
  ],
  [
    'SQLITE_IOERR',
    {
      code: 'LEDGER_IO',
      says: 'Reading or writing the ledger file failed.',
      hint: 'check the disk and its free space, then run again',
    },
  ],
  [
    'SQLITE_BUSY',
    {
      code: 'LEDGER_BUSY',
      says: 'Other processes kept the ledger locked for too long.',
      hint: 'see what else writes to it, then run again; an interrupted run can be resumed',
    },
  ],
  [
    'SQLITE_LOCKED',
    {
      code: 'LEDGER_BUSY',
      says: 'The ledger is locked.',
      hint: 'see what else writes to it, then run again',
    },
  ],
];

/** SQLite only says that it cannot open the file; that nothing may be written beside it has another remedy. */
const FOLDER_READONLY: Meaning = {
  code: 'LEDGER_READONLY',
  says: 'The folder of the ledger cannot be written to; SQLite keeps its log beside the file even while it only reads.',
  hint: 'copy the file to a folder you can write to and name it with --db, or check the permissions of the folder',
};

function writable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT';
  }
}

/** An error of the database as a sentence with its file and a remedy; anything else comes back as it is. */
export function ledgerError(error: unknown, path: string): unknown {
  const code = sqliteCode(error);
  const meaning =
    code.startsWith('SQLITE_CANTOPEN') && !writable(dirname(path))
      ? FOLDER_READONLY
      : MEANINGS.find(([prefix]) => code.startsWith(prefix))?.[1];
  if (meaning === undefined) return error;
  return new LastgoodError({
    code: meaning.code,
    message: `${meaning.says} (${code}: ${(error as Error).message})`,
    hint: meaning.hint,
    where: { file: path },
    exitCode: 4,
    cause: error,
  });
}

/**
 * What went wrong while rows were read. Everything that is stored was written by this program and reads without an error, so any other
 * error than the database's own means that the file holds something else.
 */
export function unreadable(error: unknown, path: string): unknown {
  if (error instanceof LastgoodError || sqliteCode(error) !== '') return error;
  return damagedLedger(
    path,
    `what it holds cannot be read (${error instanceof Error ? error.message : String(error)})`,
    error,
  );
}

/** The ledger holds something else than what was written into it. */
export function damagedLedger(path: string, what: string, cause?: unknown): LastgoodError {
  return new LastgoodError({
    code: 'LEDGER_CORRUPT',
    message: `The ledger file is damaged: ${what}.`,
    hint: DAMAGED_HINT,
    where: { file: path },
    exitCode: 4,
    cause,
  });
}

/** SQLite's extended result code, e.g. `SQLITE_BUSY_SNAPSHOT`; empty when the error is not SQLite's. */
export function sqliteCode(error: unknown): string {
  const code = (error as { code?: unknown } | null)?.code;
  return error instanceof Error && typeof code === 'string' && code.startsWith('SQLITE_') ? code : '';
}

/** How long to wait for other writers: SQLite itself waits `sliceMs` and blocks this process meanwhile, so it is asked `tries` times instead of once. */
export interface Patience {
  readonly sliceMs: number;
  readonly tries: number;
}

export function patience(busyTimeoutMs: number): Patience {
  const sliceMs = Math.min(250, Math.max(0, Math.round(busyTimeoutMs)));
  return { sliceMs, tries: sliceMs === 0 ? 1 : Math.ceil(busyTimeoutMs / sliceMs) };
}

/** Runs a piece of database work, again while other processes hold the lock, and translates what goes wrong. */
export async function withPatience<T>(path: string, { tries }: Patience, work: () => T): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return work();
    } catch (error) {
      if (!sqliteCode(error).startsWith('SQLITE_BUSY') || attempt >= tries) throw ledgerError(error, path);
    }
    await sleep(Math.min(50, 5 * attempt));
  }
}
