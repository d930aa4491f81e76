// Check files as a run would, without a call.

import { glob, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  isJsonObject,
  LARGEST_DOCUMENT,
  LastgoodError,
  LastgoodErrors,
  mustBeReadable,
  type Warning,
} from '../../base/index.ts';
import type { Release } from '../../core/index.ts';
import { loadExaminers } from '../../engine/examiners/load-examiners.ts';
import { findReleaseFile } from '../../engine/workplace/settings-file.ts';
import { loadRelease, releaseWarnings } from '../../release/index.ts';
import { checkRequests } from '../../run/index.ts';
import { loadSuite } from '../../suite/index.ts';

export interface Validated {
  readonly file: string;
  readonly kind: 'suite' | 'release';
  /** One line of what it holds; empty when it could not be read. */
  readonly about: string;
  readonly errors: readonly LastgoodError[];
  readonly warnings: readonly string[];
}

/** Everything named, or everything found. Each file is checked apart from the others. */
export async function validateFiles(
  paths: readonly string[],
  cwd: string,
  releaseName?: string,
): Promise<Validated[]> {
  const files = paths.length === 0 ? await discover(cwd, ['suites', 'releases']) : await named(paths, cwd);
  if (files.length === 0) {
    throw new LastgoodError({
      code: 'NOTHING_TO_VALIDATE',
      message: 'no suite or release was found',
      hint: 'name files or folders, or make a first suite with: lastgood init',
    });
  }
  const release =
    releaseName === undefined ? null : await loadRelease(await findReleaseFile(releaseName, cwd));
  const found: Validated[] = [];
  for (const file of files) found.push(await validateFile(file, release));
  return found;
}

async function validateFile(file: string, release: Release | null): Promise<Validated> {
  const kind = await kindOf(file);
  try {
    if (kind === 'suite') {
      const warnings: string[] = release === null ? [] : warningsOf(release);
      const suite = await loadSuite(file, {
        onWarning: (warning) => warnings.push(warningText(warning)),
      });
      await loadExaminers(suite);
      const errors = release === null ? [] : checkRequests(suite.cases, release);
      const trials = suite.cases.reduce((n, c) => n + c.trials, 0);
      return {
        file,
        kind,
        about: `suite ${suite.name}: ${suite.cases.length} cases, ${trials} trials`,
        errors,
        warnings,
      };
    }
    const loaded = await loadRelease(file);
    return {
      file,
      kind,
      about: `release ${loaded.name}: ${loaded.fingerprint.slice(0, 12)}, model ${loaded.pin.state}`,
      // Its templates are filled with the cases of a suite where one is checked against it; here they must be readable.
      errors: checkRequests([], loaded),
      warnings: warningsOf(loaded),
    };
  } catch (error) {
    if (error instanceof LastgoodErrors) return { file, kind, about: '', errors: error.errors, warnings: [] };
    if (error instanceof LastgoodError) return { file, kind, about: '', errors: [error], warnings: [] };
    throw error;
  }
}

function warningsOf(release: Release): string[] {
  return [
    ...(release.pin.state === 'floating' ? [`${release.pin.reason}; pin a fixed model id`] : []),
    ...releaseWarnings(release).map(warningText),
  ];
}

function warningText({ message, hint }: Warning): string {
  return hint === undefined ? message : `${message}; ${hint}`;
}

async function named(paths: readonly string[], cwd: string): Promise<string[]> {
  const files: string[] = [];
  for (const path of paths.map((p) => resolve(cwd, p))) {
    const info = await stat(path).catch(() => null);
    if (info === null)
      throw new LastgoodError({
        code: 'FILE_UNREADABLE',
        message: 'there is no such file or folder',
        where: { file: path },
      });
    if (info.isDirectory()) files.push(...(await discover(path, ['.'])));
    else files.push(path);
  }
  return files;
}

/** Suite files are called so; a release is any YAML or JSON file with a `route`. */
async function discover(root: string, folders: readonly string[]): Promise<string[]> {
  const files: string[] = [];
  for (const folder of folders) {
    for await (const path of glob('**/*.{yaml,yml,json}', { cwd: resolve(root, folder) })) {
      const file = resolve(root, folder, path);
      if (file.includes('node_modules')) continue;
      if ((await kindOf(file, true)) !== null) files.push(file);
    }
  }
  return files.sort();
}

async function kindOf(file: string): Promise<'suite' | 'release'>;
async function kindOf(file: string, discovering: true): Promise<'suite' | 'release' | null>;
async function kindOf(file: string, discovering = false): Promise<'suite' | 'release' | null> {
  const { readFile } = await import('node:fs/promises');
  const { parse } = await import('yaml');
  let value: unknown;
  try {
    mustBeReadable(file, LARGEST_DOCUMENT);
    // Only to tell what it is: looking for keys that stand twice takes the square of their number.
    value = parse(await readFile(file, 'utf8'), { uniqueKeys: false });
  } catch {
    // What cannot be parsed is reported by the loader, with its line.
    return /(^|[\\/])suite\.(ya?ml|json)$/.test(file) || !discovering
      ? /release/.test(file)
        ? 'release'
        : 'suite'
      : null;
  }
  if (isJsonObject(value) && 'route' in value) return 'release';
  if (isJsonObject(value) && 'cases' in value) return 'suite';
  return discovering ? null : 'suite';
}
