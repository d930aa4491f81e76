// Where a ledger is: the option, the variable and the settings file, what an address may say, and that its password is never shown.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LastgoodError } from '../../src/base/errors.ts';
import { trust, withTrust } from '../../src/base/trust.ts';
import {
  ledgerPlace,
  readSettings,
  scheduledLedger,
  typedLedger,
} from '../../src/engine/workplace/settings-file.ts';
import { isServerAddress, shownPlace } from '../../src/ledger/index.ts';
import { readServerAddress } from '../../src/ledger/postgres/server-address.ts';
import { givenText, storedText } from '../../src/ledger/postgres/stored-text.ts';
import { temporaryFolder } from './world.ts';

const ADDRESS = 'postgres://ann:p%40ss@db.internal:6432/evals?sslmode=verify-full&schema=team';

function reading(address: string): unknown {
  try {
    return readServerAddress(address).shown;
  } catch (error) {
    return error;
  }
}

describe('the ledger of a command', () => {
  it('is the option, else LASTGOOD_DB, else that of the project', () => {
    const at = { cwd: '/desk', environment: { LASTGOOD_DB: ADDRESS } };
    const settings = { db: '/desk/snapshots/lastgood.db' };
    expect(ledgerPlace(at, 'own.db', settings)).toBe('/desk/own.db');
    expect(ledgerPlace(at, 'postgresql://h/d', settings)).toBe('postgresql://h/d');
    expect(ledgerPlace(at, undefined, settings)).toBe(ADDRESS);
    expect(ledgerPlace({ ...at, environment: { LASTGOOD_DB: '' } }, undefined, settings)).toBe(settings.db);
    expect(ledgerPlace({ ...at, environment: { LASTGOOD_DB: 'a.db' } }, undefined, settings)).toBe(
      '/desk/a.db',
    );
  });

  it('is printed without a password', () => {
    expect(shownPlace(ADDRESS)).toBe('postgres://ann@db.internal:6432/evals?schema=team');
    for (const password of ['p@ss/hunter', '12/hunter', '12?hunter', 'hunter#1', 'hun/t@er'])
      for (const said of [
        shownPlace(`postgres://ann:${password}@h/d`),
        typedLedger(`postgres://ann:${password}@h/d`),
        String(reading(`postgres://ann:${password}@h/d`)),
      ])
        expect(said, password).not.toMatch(/hunter|t@er|12|hun/);
    expect(shownPlace('snapshots/lastgood.db')).toBe('snapshots/lastgood.db');
    const plain = 'postgres://ann@db.internal:6432/evals?sslmode=verify-full&schema=team';
    expect([scheduledLedger('/desk', ADDRESS), typedLedger(ADDRESS)]).toEqual([plain, plain]);
    expect([scheduledLedger('/desk', '/desk/a.db'), typedLedger('./a.db')]).toEqual(['a.db', './a.db']);
    expect(
      ['postgres://h/d', 'POSTGRESQL://h', 'postgres.db', '/a/postgres://x'].map(isServerAddress),
    ).toEqual([...[true, true, false, false]]);
  });

  it('may be an address in lastgood.yaml, which lies in git, without a password', async () => {
    await using folder = await temporaryFolder();
    const settings = async (db: string): Promise<string> => {
      await writeFile(join(folder.path, 'lastgood.yaml'), `db: ${db}\n`);
      return (await readSettings(folder.path)).db;
    };
    expect(await settings('postgres://ann@db.internal/evals')).toBe('postgres://ann@db.internal/evals');
    const stranger = withTrust({ ...trust(), untrusted: true }, () =>
      settings('postgres://evil.example/all'),
    );
    await expect(stranger).rejects.toMatchObject({ code: 'LEDGER_ADDRESS' });
    const refused = await settings(ADDRESS).catch((error: LastgoodError) => error);
    expect(refused).toMatchObject({ code: 'LEDGER_ADDRESS', where: { key: 'db' } });
    expect(
      JSON.stringify([(refused as LastgoodError).message, (refused as LastgoodError).hint]),
    ).not.toContain('p%40ss');
  });
});

describe('an address', () => {
  it('says host, user, database, schema and how many connections', () => {
    expect(readServerAddress(ADDRESS)).toMatchObject({
      ...{
        host: 'db.internal',
        port: 6432,
        user: 'ann',
        password: 'p@ss',
        database: 'evals',
        schema: 'team',
      },
      ...{ pool: 5, connectTimeoutMs: 10_000, sslMode: 'verify-full' },
    });
    expect(readServerAddress('postgres:///evals?host=/run/postgresql&user=ann&pool=2')).toMatchObject({
      ...{ host: '/run/postgresql', user: 'ann', password: undefined, pool: 2, tls: null },
    });
    expect(readServerAddress('postgres://[::1]/evals').host).toBe('::1');
  });

  it('verifies the server as libpq does', () => {
    const tls = (mode: string) => readServerAddress(`postgres://h/d${mode}`).tls;
    expect(tls('?sslmode=disable')).toBeNull();
    for (const mode of ['', '?sslmode=allow', '?sslmode=prefer', '?sslmode=require'])
      expect(tls(mode), mode).toEqual({ rejectUnauthorized: false });
    expect(tls('?sslmode=verify-full')).toEqual({ rejectUnauthorized: true });
    expect(tls('?sslmode=verify-ca')).toMatchObject({
      ...{ rejectUnauthorized: true, checkServerIdentity: expect.any(Function) },
    });
  });
});

it('keeps any text in one without U+0000, and gives it back', () => {
  for (const text of ['', 'plain', '\u0000', '\u0001', 'a\u00010\u00001\u0001', '🐙']) {
    expect(storedText(text)).not.toContain('\u0000');
    expect(givenText(storedText(text))).toBe(text);
  }
  expect(givenText(storedText('lone \ud800'))).toBe('lone \ufffd');
});
