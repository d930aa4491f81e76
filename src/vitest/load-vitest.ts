// Vitest, an optional package: loaded by this entry alone.

import { LastgoodError } from '../base/errors.ts';

/** Throws `VITEST_MISSING` where it is not installed. */
async function loadVitest(): Promise<typeof import('vitest')> {
  try {
    return await import('vitest');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new LastgoodError({
      code: 'VITEST_MISSING',
      message: 'lastgood/vitest needs the package vitest, which is not installed',
      hint: 'npm install --save-dev vitest@5',
      exitCode: 4,
      cause,
    });
  }
}

const loaded = await loadVitest();

/** The functions of the run that imports this entry. */
export const { afterAll, describe, expect, test } = loaded;
