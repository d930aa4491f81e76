// Observations on SQLite: the contract, and what is SQLite's own: crashes, retention, forgetting.

import { join } from 'node:path';
import { openObservations } from '../../src/ledger/sqlite/open-observations.ts';
import { observationContract } from './observation-contract.ts';
import { RULES } from './observation-world.ts';
import { temporaryFolder } from './world.ts';

observationContract('SQLite', async () => {
  const folder = await temporaryFolder();
  const path = join(folder.path, 'lastgood.db');
  const store = await openObservations(path, RULES);
  return {
    store,
    again: () => openObservations(path, RULES),
    async [Symbol.asyncDispose]() {
      await store.close();
      await folder[Symbol.asyncDispose]();
    },
  };
});
