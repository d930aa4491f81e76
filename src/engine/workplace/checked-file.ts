// Reads a small settings file and checks its shape; complaints point at the line.

import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { type ErrorFamily, readDocument } from '../../base/document.ts';
import { checkShape } from '../../base/document-check.ts';
import { LARGEST_DOCUMENT, LastgoodError, mustBeReadable, throwAll, UnfitFile } from '../../base/index.ts';

/** The parsed and checked content; every problem in it is thrown at once. An empty file counts as `{}`. */
export async function readChecked<S extends z.ZodType>(
  file: string,
  schema: S,
  family: ErrorFamily,
): Promise<z.output<S>> {
  const document = readDocument(await readText(file), file, family);
  const checked = checkShape(schema, document.value ?? {}, { document, family });
  if (checked.ok) return checked.value;
  throwAll(checked.errors);
  throw new Error('a failed check must name what failed');
}

export async function readText(file: string): Promise<string> {
  try {
    mustBeReadable(file, LARGEST_DOCUMENT);
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new LastgoodError({
      code: 'FILE_UNREADABLE',
      message:
        cause instanceof UnfitFile
          ? `the file ${cause.message}`
          : `the file cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`,
      where: { file },
      cause,
    });
  }
}
