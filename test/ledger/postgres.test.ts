// The PostgreSQL ledger keeps the contract of every snapshot store.

import { afterAll, beforeAll, describe } from 'vitest';
import { openServerLedger, openServerObservations } from '../../src/ledger/postgres/open-ledger.ts';
import { storeContract } from './contract.ts';
import { observationContract } from './observation-contract.ts';
import { RULES } from './observation-world.ts';
import { noPostgres, type PostgresServer, startPostgres } from './postgres-server.ts';

describe.skipIf(noPostgres !== null)('on PostgreSQL', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  storeContract('the PostgreSQL ledger', async () => {
    const address = server.fresh();
    const store = await openServerLedger(address);
    return { store, reopen: () => openServerLedger(address), dispose: () => store.close() };
  });

  observationContract('PostgreSQL', async () => {
    const address = server.fresh();
    const store = await openServerObservations(address, RULES);
    return {
      store,
      again: () => openServerObservations(address, RULES),
      [Symbol.asyncDispose]: () => store.close(),
    };
  });
});
