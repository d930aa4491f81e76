// The working directory's `.env`: keys only, for it comes with whatever was checked out.

import { readFileSync, statSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { LastgoodError } from '../../base/errors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Names of keys, tokens, passwords and webhook addresses, with one word behind them at most (`OPENAI_API_KEY_EU`). */
const KEY =
  /(^|_)(API_?KEY|KEYS?|TOKEN|SECRET|PASSWORD|PASSWD|PASS|PASSPHRASE|PAT|JWT|AUTH|AUTHORIZATION|CREDENTIALS?|WEBHOOK(_URL)?)(_[A-Z0-9]+)?$/i;
/** Where calls go, and what they carry beside the key. */
const REDIRECTS =
  /(_URL|_URI|_HOST|_PROXY|_HEADERS|_ENDPOINT|_ORG_ID|_PROJECT_ID)$|^NODE_|^SSL_|^LASTGOOD_DB$|^no_proxy$/i;
const WEBHOOK = /(^|_)WEBHOOK(_URL)?$/i;

export interface EnvFile {
  readonly environment: Environment;
  /** Settings of the file that would send calls elsewhere, and are not taken. */
  readonly ignored: readonly string[];
}

/**
 * The environment with the keys of `.env` that it does not have; a file that is not there sets nothing. Throws `ENV_FILE_UNREADABLE`.
 */
export function withEnvFile(environment: Environment, file = '.env'): EnvFile {
  const text = textOf(file);
  if (text === null) return { environment, ignored: [] };
  const keys: Record<string, string> = {};
  const ignored: string[] = [];
  for (const [name, value] of Object.entries(parseEnv(text))) {
    if (environment[name] !== undefined || value === undefined) continue;
    if (isKey(name)) keys[name] = value;
    else if (REDIRECTS.test(name)) ignored.push(name);
  }
  return { environment: { ...keys, ...environment }, ignored };
}

function textOf(file: string): string | null {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat === undefined) return null;
    if (stat.isDirectory()) throw new Error('it is a directory');
    if (stat.isCharacterDevice() || stat.isBlockDevice()) throw new Error('it is a device');
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    throw new LastgoodError({
      code: 'ENV_FILE_UNREADABLE',
      message: `the file with environment variables cannot be read: ${code ?? message}; expected a text file of NAME=value lines`,
      where: { file },
      hint: 'correct the file or rename it',
      exitCode: 4,
      cause,
    });
  }
}

function isKey(name: string): boolean {
  return KEY.test(name) && (WEBHOOK.test(name) || !REDIRECTS.test(name));
}
