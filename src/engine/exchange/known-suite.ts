// A suite by what a person typed, for commands that only read the ledger.

import { didYouMean, LastgoodError } from '../../base/index.ts';
import type { SnapshotStore } from '../../core/index.ts';
import { loadSuite } from '../../suite/index.ts';
import { findSuiteFile } from '../workplace/settings-file.ts';

/** A suite is named as in the ledger, or as for `run`: by its file or folder. An unknown one is an error that names those there are. */
export async function knownSuite(asked: string, known: readonly string[], cwd: string): Promise<string> {
  if (known.includes(asked)) return asked;
  try {
    return (await loadSuite(await findSuiteFile(asked, cwd))).name;
  } catch (error) {
    if (!(error instanceof LastgoodError) || error.code !== 'SUITE_NOT_FOUND') throw error;
    const near = didYouMean(asked, known);
    throw new LastgoodError({
      code: 'SUITE_NOT_FOUND',
      message: `the ledger has no run of a suite "${asked}", and there is no such suite file`,
      hint:
        known.length === 0
          ? 'the ledger is empty: lastgood run SUITE --release FILE'
          : `it has ${known.slice(0, 20).join(', ')}${known.length > 20 ? `, and ${known.length - 20} more` : ''}${near === undefined ? '' : `; did you mean "${near}"?`}`,
    });
  }
}

/** The names of all suites that the ledger has a snapshot of. */
export async function suitesOf(store: Pick<SnapshotStore, 'list'>): Promise<string[]> {
  return [...new Set((await store.list()).map((s) => s.suite))].sort();
}
