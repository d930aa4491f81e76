// Loading better-sqlite3: only when a ledger is opened, and only on a Node that its addon runs on.

import type Database from 'better-sqlite3';
import { LastgoodError } from '../../base/errors.ts';

export type SqliteDriver = typeof Database;

/** The oldest Node that is supported; far older ones do not fail but segfault when the addon is loaded. */
const OLDEST_NODE: readonly [number, number] = [22, 18];

/** Throws `NODE_TOO_OLD` unless this Node version can load the addon. */
export function checkNode(version: string): void {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])) return;
  throw new LastgoodError({
    code: 'NODE_TOO_OLD',
    message: `lastgood needs Node ${OLDEST_NODE.join('.')} or newer, this is Node ${version}.`,
    hint: 'install a current Node (nodejs.org, nvm, fnm, mise) and run it again',
  });
}

/** The database driver, imported on first use. Throws `NODE_TOO_OLD` or `ADDON_MISSING`. */
export async function loadDriver(): Promise<SqliteDriver> {
  checkNode(process.versions.node);
  try {
    const { default: driver } = await import('better-sqlite3');
    return driver;
  } catch (error) {
    throw addonMissing(error);
  }
}

const LOAD_FAILURES = new Set(['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND', 'ERR_DLOPEN_FAILED']);

/** True when the error says that the addon's binary file could not be loaded; that happens when the first database is opened. */
export function isAddonFailure(error: unknown): boolean {
  return LOAD_FAILURES.has((error as { code?: string } | null)?.code ?? '');
}

export function addonMissing(cause: unknown): LastgoodError {
  const detail = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
  return new LastgoodError({
    code: 'ADDON_MISSING',
    message: `The database addon of better-sqlite3 could not be loaded: ${detail}`,
    hint: '`npm rebuild better-sqlite3`, or delete node_modules and install again on this machine',
    exitCode: 4,
    cause,
  });
}
