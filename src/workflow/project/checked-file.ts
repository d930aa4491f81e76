// Reads a small settings file and checks its shape; complaints point at the line.

import { readFile } from 'node:fs/promises';
import type { z } from 'zod';
import { readDocument } from '../../core/document.ts';
import { checkShape } from '../../core/document-check.ts';
import { LastgoodError, throwAll } from '../../core/index.ts';

/** The parsed and checked content; every problem in it is thrown at once. An empty file counts as `{}`. */
export async function readChecked<S extends z.ZodType>(
  file: string,
  schema: S,
  family: string,
): Promise<z.output<S>> {
  const document = readDocument(await readText(file), file, family);
  const checked = checkShape(schema, document.value ?? {}, { document, family });
  if (checked.ok) return checked.value;
  throwAll(checked.errors);
  throw new Error('a failed check must name what failed');
}

export async function readText(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new LastgoodError({
      code: 'FILE_UNREADABLE',
      message: `the file cannot be read: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`,
      where: { file },
      cause,
    });
  }
}
