// Releases from texts in memory, so that a test can vary every byte.

import { dirname, isAbsolute, join } from 'node:path';
import { LastgoodError, LastgoodErrors } from '../../src/base/errors.ts';
import type { Release } from '../../src/core/release.ts';
import { parseRelease } from '../../src/release/index.ts';

export const FIXTURES = join(import.meta.dirname, '../fixtures/release-refund-bot');

/** A release whose named files are the given texts. */
export function releaseOf(
  text: string,
  files: Readonly<Record<string, string>> = {},
  file = '/shop/release.yaml',
): Promise<Release> {
  const dir = dirname(file);
  const read = async (path: string): Promise<string> => {
    for (const [name, content] of Object.entries(files)) {
      if ((isAbsolute(name) ? name : join(dir, name)) === path) return content;
    }
    throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
  };
  return parseRelease(text, file, read);
}

export async function fingerprintOf(
  text: string,
  files: Readonly<Record<string, string>> = {},
): Promise<string> {
  return (await releaseOf(text, files)).fingerprint;
}

export async function problemsOf(
  text: string,
  files: Readonly<Record<string, string>> = {},
): Promise<readonly LastgoodError[]> {
  try {
    await releaseOf(text, files);
  } catch (error) {
    if (error instanceof LastgoodErrors) return error.errors;
    if (error instanceof LastgoodError) return [error];
    throw error;
  }
  return [];
}
