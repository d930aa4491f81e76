// lastgood.yaml: a project's own defaults, so that nightly commands stay short.

import { access, readdir } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { ErrorCode } from '../../base/error-catalogue.ts';
import { didYouMean, LastgoodError, mustBeInside, trust } from '../../base/index.ts';
import { isServerAddress, shownPlace, withoutPassword } from '../../ledger/model/address.ts';
import type { RedactRule, StoreMode } from './privacy.ts';

/** Redaction modules stand relative to the settings file. */
function absoluteModules(rules: readonly RedactRule[], from: (path: string) => string): RedactRule[] {
  return rules.map((rule) => ('module' in rule ? { module: from(rule.module) } : rule));
}

export interface Settings {
  readonly redact?: readonly RedactRule[] | undefined;
  readonly store?: StoreMode | undefined;
  readonly db: string;
  readonly suite: string | undefined;
  readonly release: string | undefined;
  readonly concurrency: number | undefined;
  readonly prices: string | undefined;
  /** As `--webhook` takes it: an address, or `env:NAME`. */
  readonly webhook?: string | undefined;
}

/** The settings of the project in `cwd`; defaults when there is no file. Paths come back absolute. */
export async function readSettings(cwd: string): Promise<Settings> {
  const file = join(cwd, 'lastgood.yaml');
  const from = (path: string): string => resolve(dirname(file), path);
  if (!(await exists(file))) {
    return {
      db: from('snapshots/lastgood.db'),
      suite: undefined,
      release: undefined,
      concurrency: undefined,
      prices: undefined,
    };
  }
  const [{ readChecked }, { settingsSchema }] = await Promise.all([
    import('./checked-file.ts'),
    import('./settings-schema.ts'),
  ]);
  const s = await readChecked(file, settingsSchema, 'CONFIG');
  for (const rule of s.redact ?? [])
    if ('module' in rule) mustBeInside(from(rule.module), file, { file, key: 'redact' });
  // The ledger and the prices may lie anywhere, unless a stranger says where.
  if (s.db !== undefined) mustBePlain(s.db, file);
  if (trust().untrusted)
    for (const key of ['db', 'prices'] as const)
      if (s[key] !== undefined) mustBeInside(from(s[key]), file, { file, key });
  return {
    db: s.db !== undefined && isServerAddress(s.db) ? s.db : from(s.db ?? 'snapshots/lastgood.db'),
    suite: s.suite === undefined ? undefined : from(s.suite),
    release: s.release === undefined ? undefined : from(s.release),
    concurrency: s.concurrency,
    ...(s.redact === undefined ? {} : { redact: absoluteModules(s.redact, from) }),
    store: s.store,
    prices: s.prices === undefined ? undefined : from(s.prices),
    webhook: typeof s.notify?.webhook === 'object' ? `env:${s.notify.webhook.env}` : s.notify?.webhook,
  };
}

/** Which ledger a command works on: the option, else LASTGOOD_DB (not where it is empty), else that of the project. Absolute, or a server's address. */
export function ledgerPlace(
  { cwd, environment }: { cwd: string; environment: Readonly<Record<string, string | undefined>> },
  given: string | undefined,
  settings: { readonly db: string },
): string {
  const named = given ?? (environment['LASTGOOD_DB'] || undefined);
  if (named === undefined) return settings.db;
  return isServerAddress(named) ? named : resolve(cwd, named);
}

/**
 * The ledger as a schedule that is printed may say it: a file from the working folder, or the address of a server without its password,
 * which the schedule's own environment has (PGPASSWORD, ~/.pgpass).
 */
export function scheduledLedger(cwd: string, place: string): string {
  return isServerAddress(place) ? withoutPassword(place) : relative(cwd, place);
}

/** `--db` as it was typed, without a password. */
export function typedLedger(given: string | undefined): string | undefined {
  return given === undefined ? undefined : withoutPassword(given);
}

/** A settings file lies in git: it holds no password, and a stranger's names no server that everything would be sent to. */
function mustBePlain(db: string, file: string): void {
  if (!isServerAddress(db)) return;
  const refuse = (message: string, hint: string): never => {
    throw new LastgoodError({ code: 'LEDGER_ADDRESS', message, hint, where: { file, key: 'db' } });
  };
  if (/^[^/?#]*:\/\/[^/?#]*:[^/?#]*@/.test(db))
    refuse(
      `the address ${shownPlace(db)} holds a password, and this file lies in git`,
      'put the address into the variable LASTGOOD_DB, or the password into PGPASSWORD or ~/.pgpass',
    );
  if (trust().untrusted)
    refuse(
      `the ledger is on a server (${shownPlace(db)}), expected a file inside the repository (--untrusted)`,
      'pass --db',
    );
}

/** A suite's file from what a person typed: a file, a folder with a suite file, or a name under `suites/`. */
export async function findSuiteFile(asked: string, cwd: string): Promise<string> {
  const names = ['suite.yaml', 'suite.yml', 'suite.json'];
  const tries = [
    ...(/\.(ya?ml|json)$/.test(asked) ? [asked] : names.map((n) => join(asked, n))),
    ...names.map((n) => join('suites', asked, n)),
    join('suites', `${asked}.yaml`),
  ].map((path) => resolve(cwd, path));
  return first(tries, { code: 'SUITE_NOT_FOUND', what: 'suite', asked, cwd }, () => suitesIn(cwd, names));
}

/** A release's file from what a person typed: a file, or a name under `releases/`. */
export async function findReleaseFile(asked: string, cwd: string): Promise<string> {
  const tries = [asked, join('releases', `${asked}.yaml`)].map((path) => resolve(cwd, path));
  return first(tries, { code: 'RELEASE_NOT_FOUND', what: 'release', asked, cwd }, () =>
    yamlNamesIn(join(cwd, 'releases')),
  );
}

/** A release ticket's file from what a person typed: a file, or a name under `features/`. */
export async function findTicketFile(asked: string, cwd: string): Promise<string> {
  const tries = [asked, join('features', `${asked}.yaml`)].map((path) => resolve(cwd, path));
  return first(tries, { code: 'TICKET_NOT_FOUND', what: 'feature', asked, cwd }, () =>
    yamlNamesIn(join(cwd, 'features')),
  );
}

interface Asked {
  readonly code: ErrorCode;
  readonly what: 'suite' | 'release' | 'feature';
  readonly asked: string;
  readonly cwd: string;
}

async function first(
  tries: readonly string[],
  { code, what, asked, cwd }: Asked,
  present: () => Promise<readonly string[]>,
): Promise<string> {
  for (const path of tries) if (await exists(path)) return path;
  const names = await present();
  const near = didYouMean(asked, names);
  const shown = names.slice(0, MOST_LISTED).join(', ');
  const rest = names.length > MOST_LISTED ? ` and ${names.length - MOST_LISTED} more` : '';
  throw new LastgoodError({
    code,
    message: `there is no ${what} "${asked}"`,
    hint:
      names.length === 0
        ? `there are none in ${join(cwd, `${what}s`)}; name a file, or start with \`lastgood init\``
        : `${near === undefined ? '' : `did you mean "${near}"? `}${what}s here: ${shown}${rest}; or name a file`,
  });
}

/** More names than this only hide the one that was meant. */
const MOST_LISTED = 20;

/** What `suites/` has, by the names that commands take. */
async function suitesIn(cwd: string, files: readonly string[]): Promise<string[]> {
  const names: string[] = [];
  for (const entry of await entriesOf(join(cwd, 'suites'))) {
    if (entry.endsWith('.yaml')) names.push(entry.slice(0, -'.yaml'.length));
    for (const file of files)
      if (await exists(join(cwd, 'suites', entry, file))) {
        names.push(entry);
        break;
      }
  }
  return names;
}

async function yamlNamesIn(folder: string): Promise<string[]> {
  const entries = await entriesOf(folder);
  return entries.filter((entry) => entry.endsWith('.yaml')).map((entry) => entry.slice(0, -'.yaml'.length));
}

/** In order; none where there is no such folder. */
async function entriesOf(folder: string): Promise<string[]> {
  return (await readdir(folder).catch(() => [])).sort();
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
