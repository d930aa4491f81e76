// What is no error in a release but hardly meant: a prompt that is the name of a file.

import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { quote } from '../base/document.ts';
import { isJsonObject, type JsonValue } from '../base/json.ts';
import type { Warning } from '../base/ports.ts';
import type { Release } from '../core/release.ts';

/** A path with a suffix, as nobody would write a prompt: one word with a dot in it. */
const LIKE_A_FILE = /^[^\s{}<>|*?"]{1,300}\.[A-Za-z][A-Za-z0-9]{0,9}$/;

/** Texts of the prompt that name an existing file: its name would be sent instead of what it holds. */
export function releaseWarnings(release: Pick<Release, 'file' | 'layers'>): Warning[] {
  const { file } = release;
  if (file === null) return [];
  const named = textsIn(release.layers.prompt, 'prompt').filter(
    ({ text }) => LIKE_A_FILE.test(text.trim()) && isFile(resolve(dirname(file), text.trim())),
  );
  return named.map(({ key, text }) => ({
    code: 'PROMPT_NAMES_FILE',
    message: `${file}: \`${key}\` is the text ${quote(text.trim())}, which is the name of a file; the name is sent, not the file's content`,
    hint: `did you mean { file: ${text.trim()} }?`,
  }));
}

function textsIn(
  value: JsonValue | undefined,
  key: string,
): { readonly key: string; readonly text: string }[] {
  if (typeof value === 'string') return [{ key, text: value }];
  if (Array.isArray(value)) return value.flatMap((v: JsonValue, i) => textsIn(v, `${key}[${i}]`));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([name, v]) => textsIn(v, `${key}.${name}`));
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
