// Reads the files that a release names, and gathers what is wrong with them.

import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { type DocumentPath, quote, readDocument, type TextDocument, whereIn } from '../base/document.ts';
import type { ErrorCode } from '../base/error-catalogue.ts';
import { LastgoodError, LastgoodErrors } from '../base/errors.ts';
import { normalizeNewlines } from '../base/json.ts';
import { mustBeInside, UnfitFile } from '../base/trust.ts';
import type { HashText } from './hash-of-file.ts';

/** Gives a file's text; throws what `fs` throws when it cannot. */
export type ReadText = (path: string) => Promise<string>;

/** Reads the files a release names and gathers what is wrong with them. */
export interface Inliner {
  text(value: string | { file: string }, at: DocumentPath): Promise<string>;
  /** A JSON or YAML file. */
  data(file: string, at: DocumentPath): Promise<TextDocument | undefined>;
  raw(file: string, at: DocumentPath): Promise<string | undefined>;
  /** A file that need not be there; one outside the working tree is noted. */
  present(file: string, at: DocumentPath): Promise<string | undefined>;
  /** Of a file that is not part of the release itself. */
  hash(file: string, at: DocumentPath): Promise<string | undefined>;
  resolve(file: string): string;
  /** Notes a path that leads out of the working tree; false = it does. */
  mustBeInside(path: string, at: DocumentPath): boolean;
  readonly document: TextDocument;
  fail(code: ErrorCode, message: string, at: DocumentPath, hint?: string): void;
  add(errors: readonly LastgoodError[]): void;
}

export function inlineFiles(
  document: TextDocument,
  { readText, hashText }: { readonly readText: ReadText; readonly hashText: HashText },
  errors: LastgoodError[],
): Inliner {
  const dir = dirname(document.file);
  const shown = (file: string): string => (isAbsolute(file) ? file : join(dir, file));
  const fail: Inliner['fail'] = (code, message, at, hint) => {
    errors.push(new LastgoodError({ code, message, where: whereIn(document, at), hint }));
  };
  const reading = async (
    file: string,
    at: DocumentPath,
    read: (path: string) => Promise<string>,
  ): Promise<string | undefined> => {
    try {
      mustBeInside(shown(file), document.file, whereIn(document, at));
      return await read(shown(file));
    } catch (cause) {
      if (cause instanceof LastgoodError) {
        errors.push(cause);
        return undefined;
      }
      fail(
        'RELEASE_UNREADABLE',
        `the file ${quote(file)} ${problemOf(cause)}`,
        at,
        'paths are relative to the file they stand in',
      );
      return undefined;
    }
  };
  const isInside = (path: string, at: DocumentPath, noted = errors): boolean => {
    try {
      mustBeInside(path, document.file, whereIn(document, at));
      return true;
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      noted.push(error);
      return false;
    }
  };
  const raw: Inliner['raw'] = (file, at) =>
    reading(file, at, async (path) => normalizeNewlines(await readText(path)));
  return {
    document,
    fail,
    raw,
    async present(file, at) {
      // What is not there cannot lead out, and is no reason to refuse the release.
      if (!isInside(shown(file), at, existsSync(shown(file)) ? errors : [])) return undefined;
      return readText(shown(file)).catch(() => undefined);
    },
    hash: (file, at) => reading(file, at, hashText),
    resolve: (file) => resolve(dir, file),
    mustBeInside: isInside,
    add: (more) => void errors.push(...more.flatMap((e) => (e instanceof LastgoodErrors ? e.errors : [e]))),
    async text(value, at) {
      return typeof value === 'string' ? value : ((await raw(value.file, [...at, 'file'])) ?? '');
    },
    async data(file, at) {
      const text = await raw(file, at);
      if (text === undefined) return undefined;
      try {
        return readDocument(text, shown(file), 'RELEASE');
      } catch (error) {
        if (!(error instanceof LastgoodError)) throw error;
        errors.push(...(error instanceof LastgoodErrors ? error.errors : [error]));
        return undefined;
      }
    },
  };
}

export function problemOf(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EISDIR') return 'is a directory, expected a file';
  if (code === 'EACCES') return 'may not be read';
  if (cause instanceof UnfitFile) return cause.message;
  return `could not be read (${code ?? (cause as Error).message})`;
}
