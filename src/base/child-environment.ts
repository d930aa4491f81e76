// What a child process or a thread with foreign code gets of the environment: enough to run, and no key.

import type { Env } from './ports.ts';
import { isSecretVariable } from './secrets.ts';

/** What any program needs to run at all. */
const BASIC_VARIABLES = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'SHELL',
  'LANG',
  'LANGUAGE',
  'TZ',
  'TMPDIR',
  'TEMP',
  'TMP',
  'SystemRoot',
  'ComSpec',
  'PATHEXT',
  'USERPROFILE',
  'APPDATA',
  'LOCALAPPDATA',
];

const LOCALE = ['LC_ALL', 'LC_CTYPE', 'LC_COLLATE', 'LC_MESSAGES', 'LC_MONETARY', 'LC_NUMERIC', 'LC_TIME'];

/** Path, home, locale and temporary folder. Whatever else a program needs is named where the program is. */
export function childEnvironment(env: (name: string) => string | undefined): Record<string, string> {
  const given: Record<string, string> = {};
  for (const name of [...BASIC_VARIABLES, ...LOCALE]) {
    const value = env(name);
    if (value !== undefined) given[name] = value;
  }
  return given;
}

/** The `LASTGOOD_` variables that are set, without those that are secret. */
export function ownVariables(env: Env): Record<string, string> {
  const given: Record<string, string> = {};
  for (const name of env.names ?? []) {
    const value = env(name);
    if (!name.startsWith('LASTGOOD_') || value === undefined || isSecretVariable(name, value)) continue;
    given[name] = value;
  }
  return given;
}
