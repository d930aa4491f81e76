// Suites on disk for one test: the shipped fixture, or files written into a folder of their own.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { LastgoodError, LastgoodErrors } from '../../src/base/errors.ts';
import type { Case, Suite } from '../../src/core/suite.ts';
import { loadSuite } from '../../src/suite/index.ts';

export const REFUND_BOT = resolve(import.meta.dirname, '../fixtures/suite-refund-bot');

/** Writes the files into a new folder that goes away with the test. */
export async function folder(files: Readonly<Record<string, string>>): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'lastgood-suite-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, name)), { recursive: true });
    await writeFile(join(dir, name), text);
  }
  return dir;
}

/** Loads `suite.yaml` of such a folder. */
export async function suiteOf(files: Readonly<Record<string, string>>): Promise<Suite> {
  return loadSuite(join(await folder(files), 'suite.yaml'));
}

/** The errors that loading `suite.yaml` of such a folder gives; paths without the folder. */
export async function problemsOf(files: Readonly<Record<string, string>>): Promise<LastgoodError[]> {
  const dir = await folder(files);
  try {
    await loadSuite(join(dir, 'suite.yaml'));
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    const all = error instanceof LastgoodErrors ? error.errors : [error];
    const short = (text: string): string => text.replaceAll(`${dir}/`, '');
    return all.map(
      (e) =>
        new LastgoodError({
          code: e.code,
          message: short(e.message),
          hint: e.hint === undefined ? undefined : short(e.hint),
          where: { ...e.where, file: e.where.file === undefined ? undefined : short(e.where.file) },
        }),
    );
  }
  return [];
}

/** A suite of one inline case with these graders, written as YAML flow. */
export function oneCase(grade: string, rest = ''): Record<string, string> {
  return { 'suite.yaml': `name: refund-bot\n${rest}cases:\n  - id: angry\n    grade: ${grade}\n` };
}

export function caseOf(suite: Suite, id: string): Case {
  const found = suite.cases.find((c) => c.id === id);
  if (found === undefined) throw new Error(`no case ${id} in ${suite.cases.map((c) => c.id).join(', ')}`);
  return found;
}
