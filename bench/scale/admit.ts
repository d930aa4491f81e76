// npm run bench:workers's little sister: node bench/scale/admit.ts
// What the parts of a distributed run cost one PostgreSQL server that no two workers can do at once: asking for calls, which waits for the lock
// of the run's budget, and committing, which waits for the disk. Best and median of short rounds: a busy machine only adds.

import { loadavg } from 'node:os';
import { Client } from 'pg';
import { openRunSharing } from '../../src/ledger/shared-runs/sharing.ts';
import { noPostgres, startPostgres } from '../../test/ledger/postgres-server.ts';

if (noPostgres !== null) process.exit(1);
const ROUNDS = 30;
const CALLS = 100;
const CLIENTS = 8;
const NONE = { maxCalls: null, maxCostUsd: null, callBoundUsd: null };

const server = await startPostgres({ settings: [] });
process.once('SIGINT', () => process.exit(130));
try {
  const place = server.fresh();
  const schema = `"${new URL(place).searchParams.get('schema')}_work"`;
  const sharing = await openRunSharing(place);
  await sharing.open({
    ...{ id: 'srun', settings: {}, callsPerSecond: null, callsAtOnce: null },
    ...{ subject: NONE, judge: NONE },
  });
  await sharing.start('srun');
  const clients = await Promise.all(Array.from({ length: CLIENTS }, connected));
  const [one] = clients as [Client];
  const admit = `SELECT * FROM ${schema}.admit('srun', $1, 'subject', 'bench', 8, 8, 0, 0, 0, 0, 0, 0, 0, 8, 0)`;
  await one.query('CREATE TABLE tiny (n int)');
  console.log('| | best ms | median ms | a second at best |\n|---|---|---|---|');
  print('asking for calls, one worker', await rounds(() => repeat(one, admit, ['w0'])), 1);
  print(
    `asking for calls, ${CLIENTS} workers at once`,
    await rounds(() => Promise.all(clients.map((client, n) => repeat(client, admit, [`w${n}`])))),
    CLIENTS,
  );
  print('a commit of one row', await rounds(() => repeat(one, 'INSERT INTO tiny VALUES (1)', [])), 1);
  print(
    `commits of one row, ${CLIENTS} at once`,
    await rounds(() => Promise.all(clients.map((c) => repeat(c, 'INSERT INTO tiny VALUES (1)', [])))),
    CLIENTS,
  );
  print('a round trip', await rounds(() => repeat(one, 'SELECT 1', [])), 1);
  console.log(`\nload ${loadavg()[0]?.toFixed(1)}`);
  for (const client of clients) await client.end();
  await sharing.close();
} finally {
  await server.stop();
}

async function connected(): Promise<Client> {
  const client = new Client(server.url);
  await client.connect();
  return client;
}

async function repeat(client: Client, text: string, values: readonly string[]): Promise<void> {
  for (let n = 0; n < CALLS; n++) await client.query({ name: text.slice(0, 40), text, values: [...values] });
}

/** Ms for each of the calls of a round. */
async function rounds(round: () => Promise<unknown>): Promise<number[]> {
  const took: number[] = [];
  for (let n = 0; n < ROUNDS; n++) {
    const start = performance.now();
    await round();
    took.push((performance.now() - start) / CALLS);
  }
  return took.sort((a, b) => a - b);
}

function print(name: string, ms: readonly number[], atOnce: number): void {
  const [best = 0, median = 0] = [ms[0], ms[Math.floor(ms.length / 2)]];
  console.log(
    `| ${name} | ${best.toFixed(2)} | ${median.toFixed(2)} | ${((atOnce * 1000) / best).toFixed(0)} |`,
  );
}
