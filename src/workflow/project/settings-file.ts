// lastgood.yaml: a project's own defaults, so that nightly commands stay short.

import { access } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { LastgoodError } from '../../core/index.ts';
import type { RedactRule, StoreMode } from '../run/privacy.ts';

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
  return {
    db: from(s.db ?? 'snapshots/lastgood.db'),
    suite: s.suite === undefined ? undefined : from(s.suite),
    release: s.release === undefined ? undefined : from(s.release),
    concurrency: s.concurrency,
    ...(s.redact === undefined ? {} : { redact: absoluteModules(s.redact, from) }),
    store: s.store,
    prices: s.prices === undefined ? undefined : from(s.prices),
    webhook: typeof s.notify?.webhook === 'object' ? `env:${s.notify.webhook.env}` : s.notify?.webhook,
  };
}

/** A suite's file from what a person typed: a file, a folder with a suite file, or a name under `suites/`. */
export async function findSuiteFile(asked: string, cwd: string): Promise<string> {
  const names = ['suite.yaml', 'suite.yml', 'suite.json'];
  const tries = [
    ...(/\.(ya?ml|json)$/.test(asked) ? [asked] : names.map((n) => join(asked, n))),
    ...names.map((n) => join('suites', asked, n)),
    join('suites', `${asked}.yaml`),
  ].map((path) => resolve(cwd, path));
  return first(tries, 'SUITE_NOT_FOUND', `there is no suite "${asked}"`);
}

/** A release's file from what a person typed: a file, or a name under `releases/`. */
export async function findReleaseFile(asked: string, cwd: string): Promise<string> {
  const tries = [asked, join('releases', `${asked}.yaml`)].map((path) => resolve(cwd, path));
  return first(tries, 'RELEASE_NOT_FOUND', `there is no release "${asked}"`);
}

async function first(tries: readonly string[], code: string, message: string): Promise<string> {
  for (const path of tries) if (await exists(path)) return path;
  throw new LastgoodError({ code, message, hint: `looked for ${tries.join(', ')}` });
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
