// What commands that read production share: opening the observations of the project's ledger with their windows up to date.

import { resolve } from 'node:path';
import type { ObservationStore } from '../../core/index.ts';
import type { Io } from '../terminal/io.ts';
import type { CommonOptions } from './session.ts';

/** The ledger of the options or the project. */
export async function ledgerOf(io: Io, options: CommonOptions): Promise<string> {
  if (options.db !== undefined) return resolve(io.cwd, options.db);
  const { readSettings } = await import('../../engine/workplace/settings-file.ts');
  return (await readSettings(io.cwd)).db;
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
