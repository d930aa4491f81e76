// Imports one parity configuration with the real command line and runs it: pass or fail of every test.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { stringify } from 'yaml';
import { canonicalJson, type JsonValue } from '../../../src/base/json.ts';
import { lastgoodHere } from '../../cli/lastgood.ts';
import type { ParityConfig } from './configs.ts';

/** `RELEASE {"var":"value"}` to pass or fail; null = not graded. */
export type Verdicts = Record<string, boolean | null>;

/** What may be called with a key that no service checks. */
export const KEYS = { OPENAI_API_KEY: 'test-key-of-no-service' };

/** Writes the configuration and its files; returns its path. */
export async function writeConfig(
  { config, files = {} }: ParityConfig,
  url: string,
  dir: string,
): Promise<string> {
  await mkdir(dir, { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), text);
  }
  const file = join(dir, 'promptfooconfig.yaml');
  await writeFile(file, stringify(config(url), { aliasDuplicateObjects: false }));
  return file;
}

export function verdictKey(release: string, vars: unknown): string {
  return `${release} ${canonicalJson(vars as JsonValue)}`;
}

export async function runOurs(parity: ParityConfig, url: string, dir: string): Promise<Verdicts> {
  const config = await writeConfig(parity, url, dir);
  const code = parity.allowCode === true ? ['--allow-code'] : [];
  const imported = await lastgoodHere(['import', config, '--to', 'suite', ...code], { cwd: dir });
  if (imported.code !== 0)
    throw new Error(
      `${parity.name}: import ended with ${imported.code}: ${imported.stdout}${imported.stderr}`,
    );
  const releases = (await readdir(join(dir, 'suite/releases'))).filter(
    (f) => !/^(judge|embedder)\.yaml$/.test(f),
  );
  const lines = (await readFile(join(dir, 'suite/cases.jsonl'), 'utf8')).trim().split('\n');
  const cases = new Map(
    lines.map((line) => JSON.parse(line)).map((c: { id: string; vars?: object }) => [c.id, c.vars ?? {}]),
  );
  const verdicts: Verdicts = {};
  for (const release of releases.sort()) {
    const ran = await lastgoodHere(
      ['run', 'suite', '--release', `suite/releases/${release}`, '--db', 'ledger.db', '--json', '--quiet'],
      {
        cwd: dir,
        env: KEYS,
      },
    );
    const { id } = (JSON.parse(ran.stdout) as { snapshot: { id: string } }).snapshot;
    const db = new Database(join(dir, 'ledger.db'), { readonly: true });
    try {
      const rows = db.prepare('SELECT case_id, pass FROM v_trials WHERE snapshot = ?').all(id) as {
        case_id: string;
        pass: number | null;
      }[];
      for (const { case_id, pass } of rows)
        verdicts[verdictKey(release.replace('.yaml', ''), cases.get(case_id))] =
          pass === null ? null : pass === 1;
    } finally {
      db.close();
    }
  }
  return verdicts;
}
