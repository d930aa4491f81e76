// What only a ledger on a server promises: errors with a code, one schema for many processes, damage noticed, a server that dies.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LastgoodError } from '../../src/base/errors.ts';
import type { GraderSpec } from '../../src/core/grader-spec.ts';
import type { SnapshotStore } from '../../src/core/snapshot.ts';
import { copyLedger } from '../../src/ledger/files/copy-ledger.ts';
import { exportSnapshot, openLedger } from '../../src/ledger/index.ts';
import type { LedgerExtras } from '../../src/ledger/model/ledger-extras.ts';
import { Connection } from '../../src/ledger/postgres/connection.ts';
import { serverExtras } from '../../src/ledger/postgres/extras.ts';
import { prepareSchema } from '../../src/ledger/postgres/migrate.ts';
import { MIGRATIONS } from '../../src/ledger/postgres/migrations.ts';
import { readServerAddress } from '../../src/ledger/postgres/server-address.ts';
import { checkServer, pruneServer, serverStats } from '../../src/ledger/postgres/upkeep.ts';
import { fileExtras } from '../../src/ledger/sqlite/extras.ts';
import { anyEndedTrial, anyMessages, anyObject, anyText } from './any-trial.ts';
import { suite } from './contract-setup.ts';
import { noPostgres, PG_PASSWORD, type PostgresServer, startPostgres } from './postgres-server.ts';
import {
  answered,
  closing,
  collect,
  graded,
  newSnapshot,
  refundCase,
  refundRelease,
  refundSuite,
  scored,
  temporaryFolder,
  VALID,
} from './world.ts';

const CHILD = fileURLToPath(new URL('./ledger.child.ts', import.meta.url));

describe.skipIf(noPostgres !== null)('a ledger on a PostgreSQL server', () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());

  /** What opening, and then listing, was refused with. */
  async function refusal(address: string, create = true): Promise<Pick<LastgoodError, 'code' | 'exitCode'>> {
    const error = await openLedger(address, { create }).then(
      () => null,
      (e: unknown) => e as LastgoodError,
    );
    if (error === null) throw new Error('it was not refused');
    const whole = JSON.stringify([error.message, error.hint, error.where, String(error.stack)]);
    expect(whole).not.toContain(PG_PASSWORD);
    expect(whole).not.toContain(encodeURIComponent(PG_PASSWORD));
    return { code: error.code, exitCode: error.exitCode };
  }

  async function sql(address: string, text: string): Promise<unknown[]> {
    const client = new Client({ connectionString: server.url });
    await client.connect();
    try {
      const schema = new URL(address).searchParams.get('schema');
      const result = await client.query(text.replaceAll('lg.', `${schema}.`));
      return result.rows;
    } finally {
      await client.end();
    }
  }

  async function night(store: SnapshotStore, id: string, text = 'A refund is on its way.'): Promise<void> {
    await store.begin(newSnapshot(id, suite));
    await store.append(id, [graded(answered('kettle-01', 0, { output: { text, toolCalls: [] } }))]);
    await store.finish(id, VALID);
  }

  describe('is refused with a code', () => {
    it('where the address, the login, the database or the ledger is wrong', async () => {
      const { url, port } = server;
      const at = (part: string): string => `postgres://lastgood:${part}`;
      const secret = encodeURIComponent(PG_PASSWORD);
      expect(await refusal(at(`wrong@127.0.0.1:${port}/postgres`))).toEqual({
        code: 'LEDGER_LOGIN',
        exitCode: 4,
      });
      expect(await refusal(`postgres://lastgood@127.0.0.1:${port}/postgres`)).toMatchObject({
        code: 'LEDGER_LOGIN',
      });
      expect(await refusal(at(`${secret}@127.0.0.1:${port}/nowhere`))).toEqual({
        ...{ code: 'LEDGER_NO_DATABASE', exitCode: 4 },
      });
      expect(await refusal(at(`${secret}@127.0.0.1:1/postgres`))).toEqual({
        ...{ code: 'LEDGER_SERVER_GONE', exitCode: 4 },
      });
      // Not encoded: its characters cut the address.
      expect((await refusal(at(`${PG_PASSWORD}@127.0.0.1:${port}/postgres`))).code).toBe('LEDGER_ADDRESS');
      for (const parameter of [
        'sslmode=on',
        'schema=Bad%20One',
        'pool=0',
        'passwd=x',
        'sslmode=require&sslrootcert=/no',
      ])
        expect(await refusal(`${url}?${parameter}`)).toEqual({ code: 'LEDGER_ADDRESS', exitCode: 2 });
      expect(await refusal(`${url}?sslmode=require`)).toEqual({ code: 'LEDGER_TLS', exitCode: 4 });
      expect(await refusal(server.fresh(), false)).toEqual({ code: 'LEDGER_MISSING', exitCode: 2 });
    });

    it('where the schema is newer, is not a ledger, or may only be read', async () => {
      const newer = server.fresh();
      await (await openLedger(newer)).close();
      await sql(newer, "INSERT INTO lg.migration (version, name) VALUES (999, 'later')");
      expect(await refusal(newer)).toEqual({ code: 'LEDGER_NEWER', exitCode: 4 });
      const foreign = server.fresh();
      await sql(foreign, `CREATE SCHEMA ${new URL(foreign).searchParams.get('schema')}`);
      await sql(foreign, 'CREATE TABLE lg.theirs (x int)');
      expect(await refusal(foreign)).toEqual({ code: 'LEDGER_FOREIGN', exitCode: 4 });

      const shown = server.fresh();
      const store = await openLedger(shown);
      await night(store, 'snight01');
      await store.close();
      const reader = shown.replace(/\/\/lastgood:[^@]*/, '//reader:only4reading');
      const schema = new URL(shown).searchParams.get('schema');
      await sql(
        shown,
        `CREATE ROLE reader LOGIN PASSWORD 'only4reading'; GRANT USAGE ON SCHEMA ${schema} TO reader;
         GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO reader`,
      );
      const reading = await openLedger(reader, { create: false });
      expect(await reading.list()).toHaveLength(1);
      const write = reading.keepVerdict('k', 1, '2026-03-15');
      await expect(write).rejects.toMatchObject({ code: 'LEDGER_RIGHTS' });
      await reading.close();
      // As a replica would say it.
      await sql(shown, 'ALTER ROLE reader SET default_transaction_read_only = on');
      expect(await refusal(reader)).toEqual({ code: 'LEDGER_READONLY', exitCode: 4 });
      const replica = await openLedger(reader, { create: false });
      expect(await replica.list()).toHaveLength(1);
      await expect(replica.keepVerdict('k', 1, '2026-03-15')).rejects.toMatchObject({
        code: 'LEDGER_READONLY',
      });
      await replica.close();
    });
  });

  it('is brought up to date from an older schema, and not where it may only be read', async () => {
    const address = server.fresh();
    const connection = await Connection.open(readServerAddress(address));
    await prepareSchema(connection, true, MIGRATIONS.slice(0, 1));
    await connection.close();
    const schema = new URL(address).searchParams.get('schema');
    await sql(
      address,
      `CREATE ROLE late LOGIN PASSWORD 'only4reading'; ALTER ROLE late SET default_transaction_read_only = on;
       GRANT USAGE ON SCHEMA ${schema} TO late; GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO late`,
    );
    const reader = address.replace(/\/\/lastgood:[^@]*/, '//late:only4reading');
    expect(await refusal(reader, false)).toEqual({ code: 'LEDGER_OLDER', exitCode: 4 });
    const store = await openLedger(address);
    expect(await store.list()).toEqual([]);
    expect((await serverStats(address)).schema).toBe(MIGRATIONS.length);
    await store.close();
  });

  it('is made once by many that open it, and filled by several at a time', async () => {
    const address = server.fresh();
    const stores = await Promise.all(Array.from({ length: 8 }, () => openLedger(`${address}&pool=2`)));
    expect(await sql(address, 'SELECT count(*)::int AS n FROM lg.migration')).toEqual([
      { n: MIGRATIONS.length },
    ]);
    const [first] = stores as [SnapshotStore];
    const wide = refundSuite(Array.from({ length: 40 }, (_, i) => refundCase(`case-${i}`, { trials: 8 })));
    await first.begin(newSnapshot('sshared0', wide));
    // The same contents from all sides, each store with its own trials of one snapshot.
    await Promise.all(
      stores.flatMap((store, trial) =>
        wide.cases.map((c) =>
          store.append('sshared0', [
            graded(answered(c.id, trial, { output: { text: `says ${c.id}`, toolCalls: [] } }), [
              scored(`grader-${trial % 3}`, true),
            ]),
          ]),
        ),
      ),
    );
    expect(await first.finish('sshared0', VALID)).toMatchObject({ trials: 320, answered: 320, passRate: 1 });
    await first.verify('sshared0');
    // A suite that nobody has stored yet, from all sides at once.
    const fresh = refundSuite(Array.from({ length: 1200 }, (_, i) => refundCase(`fresh-${i}`)));
    await Promise.all(stores.map((store, n) => store.begin(newSnapshot(`sfresh0${n}`, fresh))));
    expect(await sql(address, 'SELECT count(*)::int AS n FROM lg.suite')).toEqual([{ n: 2 }]);
    expect(await first.suiteOf('sfresh07')).toEqual(fresh);
    await Promise.all(stores.map((store) => store.close()));
  });

  it('lets one process run a snapshot, until that is gone', async () => {
    const address = server.fresh();
    const [one, other] = [await openLedger(address), await openLedger(address)];
    await one.begin(newSnapshot('slocked0', suite));
    await one.append('slocked0', [graded(answered('kettle-01', 0))]);
    await expect(other.reopen('slocked0')).rejects.toMatchObject({ code: 'SNAPSHOT_RUNNING', exitCode: 2 });
    await one.close();
    await other.reopen('slocked0');
    expect(await other.doneTrials('slocked0')).toEqual(new Map([['kettle-01', new Set([0])]]));
    await other.close();
  });

  it('holds its snapshot through a broken connection, and ends where another process took it', async () => {
    const address = server.fresh();
    const [one, other] = [await openLedger(address), await openLedger(address)];
    const wide = refundSuite([refundCase('kettle-01', { trials: 3 })]);
    await one.begin(newSnapshot('sbroken0', wide));
    const cut = async (): Promise<void> => {
      const locks = `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`;
      await expect.poll(async () => (await sql(address, locks)).length, { timeout: 60_000 }).toBe(0);
    };
    await cut();
    await one.append('sbroken0', [graded(answered('kettle-01', 0))]);
    await expect(other.reopen('sbroken0')).rejects.toMatchObject({ code: 'SNAPSHOT_RUNNING' });
    await cut();
    await other.reopen('sbroken0');
    await expect(one.append('sbroken0', [graded(answered('kettle-01', 1))])).rejects.toMatchObject({
      code: 'SNAPSHOT_RUNNING',
      message: expect.stringContaining('since the connection'),
    });
    await other.append('sbroken0', [graded(answered('kettle-01', 1))]);
    await Promise.all([one.close(), other.close()]);
  });

  it('has all that a process was told is stored when that is killed, and lets go of its snapshot', async () => {
    const address = server.fresh();
    const child = spawn(process.execPath, [CHILD, 'write-until-killed', address, '1']);
    let said = '';
    for await (const chunk of child.stdout) {
      said += chunk;
      if (said.split('\n').length > 20) break;
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    const told = said.split('\n').slice(0, -1);
    const store = await openLedger(address);
    // The server notices a dead connection in its own time.
    for (;;) {
      const held = await store.reopen('swriter1').catch((error: LastgoodError) => error);
      if (held === undefined) break;
      expect(held.code).toBe('SNAPSHOT_RUNNING');
    }
    const done = await store.doneTrials('swriter1');
    for (const line of told) {
      const [caseId = '', ...trials] = line.split(' ');
      for (const trial of trials) expect(done.get(caseId)?.has(Number(trial)), line).toBe(true);
    }
    await store.finish('swriter1', VALID);
    expect(await checkServer(address)).toMatchObject({ ok: true, verified: 1 });
    await store.close();
  });

  it('notices what was changed by other means, and refuses to change what ended', async () => {
    const address = server.fresh();
    const store = await openLedger(address);
    await night(store, 'ssealed0');
    await night(store, 'sother00', 'Another answer.');
    await store.keepRecord({ kind: 'comparison', suite: 'refund-bot', at: '2026-03-16', body: { n: 1 } });
    expect(await checkServer(address)).toMatchObject({ ok: true, verified: 2, problems: [] });
    for (const change of [
      'UPDATE lg.trial SET pass = false',
      'DELETE FROM lg.trial',
      "UPDATE lg.snapshot SET validity = 'invalid'",
      'DELETE FROM lg.record',
      'UPDATE lg.suite_case SET case_no = 9',
    ])
      await expect(sql(address, change)).rejects.toThrow(/never change/);
    // Whoever owns the tables can do it all the same.
    const forced = (change: string): Promise<unknown> =>
      sql(address, `BEGIN; SET LOCAL session_replication_role = replica; ${change}; COMMIT`);
    await forced(
      "UPDATE lg.trial SET score = 0.25 WHERE snapshot = (SELECT no FROM lg.snapshot WHERE id = 'ssealed0')",
    );
    await expect(store.results('ssealed0')).rejects.toMatchObject({ code: 'LEDGER_CORRUPT', exitCode: 4 });
    await forced(
      "UPDATE lg.trial SET message = 'x' WHERE snapshot = (SELECT no FROM lg.snapshot WHERE id = 'sother00')",
    );
    await store.results('sother00');
    await expect(store.verify('sother00')).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
    await forced("UPDATE lg.record SET body = '{}'");
    await expect(store.records('comparison')).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
    await forced(
      `UPDATE lg.content SET body = '{"text":"forged","toolCalls":[]}' WHERE body = convert_to('{"text":"Another answer.","toolCalls":[]}', 'UTF8')`,
    );
    await expect(collect(store.trials('sother00'))).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
    await forced("UPDATE lg.case_version SET tags = 'no JSON' WHERE case_id = 'kettle-01'");
    const late = await openLedger(address);
    await expect(late.results('sother00')).rejects.toMatchObject({ code: 'LEDGER_CORRUPT' });
    await late.close();
    await forced("UPDATE lg.case_version SET tags = '[\"refund\"]' WHERE case_id = 'kettle-01'");
    const check = await checkServer(address);
    expect(check).toMatchObject({ ok: false, verified: 0 });
    expect(check.problems).toHaveLength(4);
    await store.close();
  });

  it('takes answers out of old snapshots, keeps what was blessed, and takes an answer that is said again', async () => {
    const address = server.fresh();
    const store = await openLedger(address);
    await night(store, 'sblessed', 'kept');
    await night(store, 'sold0001', 'only the old one says this');
    await store.bless({
      ...{ snapshot: 'sblessed', suite: 'refund-bot', by: 'ann' },
      why: 'x',
      at: '2026-03-16',
      overrode: [],
    });
    const rules = { keepLast: 0, now: new Date(), dryRun: true };
    const plan = await pruneServer(address, rules);
    expect(plan).toMatchObject({ pruned: ['sold0001'], texts: 1, bytesAfter: null });
    const report = await pruneServer(address, { ...rules, dryRun: false });
    expect(report).toMatchObject({ pruned: ['sold0001'], texts: 1 });
    expect(await store.removedOutputs('sold0001')).toEqual(new Map([['kettle-01', new Set([0])]]));
    expect(await store.removedOutputs('sblessed')).toEqual(new Map());
    expect(await checkServer(address)).toMatchObject({ ok: true, removed: 1, verified: 2 });
    // The store remembers having written it.
    await night(store, 'snew0001', 'only the old one says this');
    expect(await store.removedOutputs('sold0001')).toEqual(new Map());
    expect((await serverStats(address)).suites).toMatchObject([
      { suite: 'refund-bot', snapshots: 3, trials: 3 },
    ]);
    await store.close();
  });

  it('copies any snapshot from a file and back, and exports the same bytes from each', async () => {
    await using folder = await temporaryFolder();
    const [homePath, backPath, address] = [`${folder.path}/a.db`, `${folder.path}/b.db`, server.fresh()];
    const [home, away, back] = [
      await openLedger(homePath),
      await openLedger(address),
      await openLedger(backPath),
    ];
    const [homeExtras, awayExtras] = [await fileExtras(homePath), await serverExtras(address)];
    const copy = (from: SnapshotStore, extras: LedgerExtras, to: SnapshotStore) =>
      copyLedger(from, extras, to, () => {});
    const snapshot = fc.record({
      rows: fc.tuple(
        ...[0, 1].map((n) => anyEndedTrial('b', n)),
        ...[0, 1, 2].map((n) => anyEndedTrial('a\u0000', n)),
      ),
      messages: fc.option(anyMessages, { nil: null }),
      ...{ vars: anyObject, meta: anyObject, options: anyObject },
      ...{ tags: fc.array(anyText, { maxLength: 2 }), group: anyText },
      labels: fc.dictionary(anyText, anyText, { maxKeys: 2 }),
      reasons: fc.array(anyText, { maxLength: 2 }),
      state: fc.constantFrom('finished' as const, 'interrupted' as const),
      imported: fc.boolean(),
    });
    let n = 0;
    type Drawn = typeof snapshot extends fc.Arbitrary<infer T> ? T : never;
    const make = async (s: Drawn): Promise<void> => {
      const id = `sany${String(n++).padStart(5, '0')}`;
      const grader = { type: 'javascript' as const, negate: false, weight: 1, required: true };
      const cases = [
        refundCase('b', { vars: s.vars, messages: s.messages, tags: s.tags, group: s.group }),
        refundCase('a\u0000', {
          ...{ trials: 2, meta: s.meta },
          graders: [{ id: 'own', ...grader, options: s.options } as unknown as GraderSpec],
        }),
      ];
      await home.begin(
        newSnapshot(id, refundSuite(cases), {
          ...{ labels: s.labels, imported: s.imported },
          judge: refundRelease('gpt-4o-mini', { notes: s.tags.join() }),
        }),
      );
      await home.append(id, s.rows);
      await home.finish(id, closing({ validityReasons: s.reasons, state: s.state }));
    };
    await fc.assert(fc.asyncProperty(snapshot, make), { numRuns: 25 });
    await home.keepVerdict('judge\u0000', { yes: '\u0000' }, '2026-03-15');
    await home.keepRecord({
      kind: 'alert',
      suite: 'refund\u0001bot',
      at: '2026-03-15',
      body: { '\u0000': '\u0001' },
    });
    const report = await copy(home, homeExtras, away);
    expect(report).toMatchObject({
      copied: n,
      there: 0,
      records: 1,
      verdicts: 1,
      running: [],
    });
    expect(await copy(home, homeExtras, away)).toMatchObject({ copied: 0, there: n, records: 0 });
    expect(await copy(away, awayExtras, back)).toMatchObject({ copied: n, records: 1, verdicts: 1 });
    expect(await away.records('alert')).toEqual(await home.records('alert'));
    expect(await back.cachedVerdict('judge\u0000')).toEqual({ yes: '\u0000' });
    for (const { id } of await home.list()) {
      const lines = await collect(exportSnapshot(home, id));
      expect(await collect(exportSnapshot(away, id))).toEqual(lines);
      expect(await collect(exportSnapshot(back, id))).toEqual(lines);
      const [own, copied] = [await home.results(id), await away.results(id)];
      expect(copied.cases).toStrictEqual(own.cases);
      // Sums of floats may differ in their last digit between databases.
      for (const [key, value] of Object.entries(own.summary))
        if (typeof value === 'number') expect(copied.summary[key as 'trials']).toBeCloseTo(value, 9);
        else expect(copied.summary[key as 'labels']).toStrictEqual(value);
      expect(await collect(away.trials(id))).toEqual(await collect(home.trials(id)));
      expect(await away.suiteOf(id)).toStrictEqual(await home.suiteOf(id));
    }
    await Promise.all([homeExtras.close(), awayExtras.close(), home.close(), away.close(), back.close()]);
  });

  it('goes on with a copy that was cut short, and refuses another snapshot under the same id', async () => {
    await using folder = await temporaryFolder();
    const [path, address] = [`${folder.path}/a.db`, server.fresh()];
    const [home, away, extras] = [await openLedger(path), await openLedger(address), await fileExtras(path)];
    await home.begin(newSnapshot('scutshrt', suite));
    await home.append('scutshrt', [graded(answered('kettle-01', 0)), graded(answered('kettle-01', 1))]);
    await home.finish('scutshrt', VALID);
    await home.begin(newSnapshot('srunning', suite));
    await away.begin(newSnapshot('scutshrt', suite));
    await away.append('scutshrt', [graded(answered('kettle-01', 0))]);
    const report = await copyLedger(home, extras, away, () => {});
    expect(report).toMatchObject({ copied: 1, trials: 1, running: ['srunning'] });
    await night(home, 'sdiffers', 'here');
    await night(away, 'sdiffers', 'there');
    await expect(copyLedger(home, extras, away, () => {})).rejects.toMatchObject({
      code: 'SNAPSHOT_DIFFERS',
    });
    await Promise.all([home.close(), away.close(), extras.close()]);
  });

  it('says so when the server dies under a run, and goes on with what was stored', async () => {
    const address = server.fresh();
    const store = await openLedger(address);
    await store.begin(newSnapshot('sdied000', suite));
    await store.append('sdied000', [graded(answered('kettle-01', 0))]);
    await server.crash();
    const lost = store.append('sdied000', [graded(answered('kettle-01', 1))]);
    await expect(lost).rejects.toMatchObject({ code: 'LEDGER_SERVER_GONE', exitCode: 4 });
    await server.start();
    const again = await openLedger(address);
    await again.reopen('sdied000');
    expect(await again.doneTrials('sdied000')).toEqual(new Map([['kettle-01', new Set([0])]]));
    await again.append('sdied000', [graded(answered('kettle-01', 1))]);
    expect(await again.finish('sdied000', VALID)).toMatchObject({ trials: 2 });
    await again.close();
    await store.close();
  });
});
