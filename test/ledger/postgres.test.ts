// The PostgreSQL ledger keeps the contract of every snapshot store.

import { afterAll, beforeAll, describe } from 'vitest';
import { openServerLedger } from '../../src/ledger/postgres/open-ledger.ts';
import { storeContract } from './contract.ts';
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
});
