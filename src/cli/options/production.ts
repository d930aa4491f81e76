// What commands that read production share: opening the observations of the project's ledger with their windows up to date.

import type { ObservationStore } from '../../core/index.ts';
import type { Io } from '../terminal/io.ts';
import type { CommonOptions } from './session.ts';

/** The ledger of the options or the project. */
export async function ledgerOf(io: Io, options: CommonOptions): Promise<string> {
  const { ledgerPlace, readSettings } = await import('../../engine/workplace/settings-file.ts');
  return ledgerPlace(io, options.db, await readSettings(io.cwd));
}

/** Opens the store, counts what is not counted yet, and closes it whatever happens. */
export async function withProduction<T>(
  io: Io,
  options: CommonOptions,
  job: (store: ObservationStore) => Promise<T>,
): Promise<T> {
  const { foldAll, openProduction } = await import('../../jobs/observe/open-production.ts');
  const store = await openProduction(await ledgerOf(io, options), { create: false });
  try {
    await foldAll(store);
    return await job(store);
  } finally {
    await store.close();
  }
}
