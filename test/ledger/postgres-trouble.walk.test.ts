// Trouble with real servers: certificates, no connections left, another process that updates the tables.

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LastgoodError } from '../../src/base/errors.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { Connection } from '../../src/ledger/postgres/connection.ts';
import { prepareSchema } from '../../src/ledger/postgres/migrate.ts';
import { MIGRATIONS } from '../../src/ledger/postgres/migrations.ts';
import { readServerAddress } from '../../src/ledger/postgres/server-address.ts';
import { suite } from './contract-setup.ts';
import { noPostgres, type PostgresServer, startPostgres } from './postgres-server.ts';
import { answered, graded, newSnapshot, VALID } from './world.ts';

const openssl = spawnSync('openssl', ['version']).status === 0;
const why = noPostgres ?? (openssl ? null : 'openssl is not installed');
const given = process.env['LASTGOOD_TEST_PG_URL'] !== undefined;
if (why !== null) process.stderr.write(`skipped: trouble with PostgreSQL servers: ${why}\n`);

/** Connections of the server. */
const MOST = 8;

/** An authority of our own, and a certificate of it for 127.0.0.1 alone. */
function certificates(folder: string): void {
  const run = (...args: string[]): void => {
    const { status, stderr } = spawnSync('openssl', args, { cwd: folder, encoding: 'utf8' });
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  };
  for (const ca of ['ca', 'other'])
    run(
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-days',
      '2',
      '-subj',
      `/CN=${ca} of a test`,
      '-keyout',
      `${ca}.key`,
      '-out',
      `${ca}.crt`,
    );
  run(
    'req',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-subj',
    '/CN=127.0.0.1',
    '-keyout',
    'server.key',
    '-out',
    'server.csr',
  );
  writeFileSync(join(folder, 'san'), 'subjectAltName=IP:127.0.0.1');
  run(
    'x509',
    '-req',
    '-in',
    'server.csr',
    '-CA',
    'ca.crt',
    '-CAkey',
    'ca.key',
    '-CAcreateserial',
    '-days',
    '2',
    '-extfile',
    'san',
    '-out',
    'server.crt',
  );
  spawnSync('chmod', ['600', 'server.key'], { cwd: folder });
}

describe.skipIf(why !== null || given)('a PostgreSQL server that makes trouble', () => {
  let server: PostgresServer;
  let folder = '';
  beforeAll(async () => {
    server = await startPostgres({
      settings: [
        ...['fsync=off', 'ssl=on', 'ssl_cert_file=../server.crt', 'ssl_key_file=../server.key'],
        ...[`max_connections=${MOST}`, 'superuser_reserved_connections=0', 'max_wal_senders=0'],
      ],
      prepare: certificates,
    });
    folder = server.folder ?? '';
  });
  afterAll(() => server?.stop());

  async function outcome(address: string): Promise<unknown> {
    const store = await openLedger(address).catch((error: LastgoodError) => error);
    if (store instanceof Error) return { code: store.code, exitCode: store.exitCode };
    await store.list();
    await store.close();
    return 'works';
  }

  it('is verified as sslmode says', async () => {
    const address = server.fresh();
    const ca = (name: string): string => `sslrootcert=${encodeURIComponent(join(folder, `${name}.crt`))}`;
    const refused = { code: 'LEDGER_TLS', exitCode: 4 };
    const named = address.replace('127.0.0.1', 'localhost');
    for (const [place, parameters, expected] of [
      [address, '', 'works'],
      [address, 'sslmode=disable', 'works'],
      [address, 'sslmode=require', 'works'],
      [address, `sslmode=require&${ca('ca')}`, 'works'],
      [address, `sslmode=verify-ca&${ca('ca')}`, 'works'],
      [address, `sslmode=verify-full&${ca('ca')}`, 'works'],
      // Nobody knows the authority, or it is another one.
      [address, 'sslmode=verify-full', refused],
      [address, `sslmode=require&${ca('other')}`, refused],
      [address, `sslmode=verify-ca&${ca('other')}`, refused],
      // The certificate is not for this name.
      [named, `sslmode=verify-ca&${ca('ca')}`, 'works'],
      [named, `sslmode=verify-full&${ca('ca')}`, refused],
    ] as const)
      expect(await outcome(`${place}&${parameters}`), parameters).toEqual(expected);
    const connection = await Connection.open(readServerAddress(`${address}&sslmode=require`));
    const encrypted = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()';
    expect(await connection.single.rows(encrypted)).toEqual([{ ssl: true }]);
    await connection.close();
  });

  it('that has no connection left is refused with a code, and many calls share one connection', async () => {
    const address = server.fresh();
    const store = await openLedger(`${address}&pool=1`);
    await store.begin(newSnapshot('sbusy001', suite));
    await store.append('sbusy001', [graded(answered('kettle-01', 0))]);
    await store.finish('sbusy001', VALID);
    const all = await Promise.all(Array.from({ length: 40 }, () => store.results('sbusy001')));
    expect(new Set(all.map(({ summary }) => summary.trials))).toEqual(new Set([1]));
    await store.close();
    const others: Client[] = [];
    try {
      for (let n = 0; n < MOST; n++) {
        const client = new Client({ connectionString: server.url });
        client.on('error', () => {});
        // One of before may not be gone yet.
        await expect
          .poll(
            () =>
              client.connect().then(
                () => true,
                () => false,
              ),
            { timeout: 60_000 },
          )
          .toBe(true)
          .catch(() => {});
        others.push(client);
      }
      expect(await outcome(address)).toEqual({ code: 'LEDGER_BUSY', exitCode: 4 });
    } finally {
      for (const client of others) await client.end().catch(() => {});
    }
    await expect.poll(() => outcome(address), { timeout: 60_000 }).toBe('works');
  });

  it('whose tables another process updates is waited for, and not for ever', async () => {
    const address = server.fresh();
    const [own, other] = [
      await Connection.open(readServerAddress(address)),
      await Connection.open(readServerAddress(address)),
    ];
    const client = await other.apart();
    await client.query(`SELECT pg_advisory_lock(${other.lockKey('migrate')})`);
    await expect(prepareSchema(own, true, MIGRATIONS, 300)).rejects.toMatchObject({
      code: 'LEDGER_BUSY',
      exitCode: 4,
      message: expect.stringContaining('Another process'),
    });
    const waiting = prepareSchema(own, true);
    await client.end();
    await waiting;
    await Promise.all([own.close(), other.close()]);
    expect(await outcome(address)).toBe('works');
  });
});
