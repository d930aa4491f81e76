// What can be wrong with a ledger file, and what the person who meets it is told.

import { spawnSync } from 'node:child_process';
import { chmod, cp, mkdir, readFile, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { openLedger } from '../../src/ledger/index.ts';
import { checkNode } from '../../src/ledger/sqlite/addon.ts';
import { SqliteLedger } from '../../src/ledger/sqlite/ledger.ts';
import { SCHEMA_VERSION } from '../../src/ledger/sqlite/migrations.ts';
import {
  isNetworkShare,
  networkFileSystem,
  networkMount,
  openLedgerFile,
} from '../../src/ledger/sqlite/open.ts';
import {
  answered,
  collect,
  graded,
  newSnapshot,
  refundCase,
  refundSuite,
  temporaryFolder,
  VALID,
} from './world.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const suite = refundSuite([refundCase('ticket', { trials: 500 })]);

async function ledgerWithOneNight(path: string): Promise<void> {
  const ledger = await openLedger(path);
  await ledger.begin(newSnapshot('snight01', suite));
  await ledger.append('snight01', [graded(answered('ticket'))]);
  await ledger.finish('snight01', VALID);
  await ledger.close();
}

const refused = (code: string, exitCode = 4) =>
  expect.objectContaining({ name: 'LastgoodError', code, exitCode });

describe('opening a ledger', () => {
  it('makes the file and its folder, unless told not to', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'a', 'b', 'lastgood.db');
    await expect(openLedger(path, { create: false })).rejects.toEqual(refused('LEDGER_MISSING', 2));
    await expect(openLedger(path, { readonly: true })).rejects.toEqual(refused('LEDGER_MISSING', 2));
    await (await openLedger(path)).close();
    await (await openLedger(path, { create: false })).close();
    expect((await stat(path)).size).toBeGreaterThan(0);
  });

  it('names the file in every refusal', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'notes.txt');
    await writeFile(path, 'these are my notes, which are no database at all\n'.repeat(100));
    await expect(openLedger(path)).rejects.toMatchObject({
      code: 'LEDGER_FOREIGN',
      exitCode: 4,
      where: { file: path },
    });
    expect(await readFile(path, 'utf8')).toContain('my notes');
  });

  it("leaves another program's database alone", async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'shop.db');
    const shop = new Database(path);
    shop.exec('CREATE TABLE kettle (id INTEGER)');
    shop.close();
    const before = await readFile(path);
    await expect(openLedger(path)).rejects.toEqual(refused('LEDGER_FOREIGN'));
    expect(await readFile(path)).toEqual(before);
  });

  it('refuses a newer ledger with both versions named, and does not touch it', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    await ledgerWithOneNight(path);
    const raw = new Database(path);
    raw.pragma(`user_version = ${SCHEMA_VERSION + 3}`);
    raw.close();
    const before = await readFile(path);
    for (const readonly of [false, true]) {
      await expect(openLedger(path, { readonly })).rejects.toMatchObject({
        code: 'LEDGER_NEWER',
        exitCode: 4,
        message: expect.stringMatching(
          new RegExp(`version ${SCHEMA_VERSION + 3},.* up to ${SCHEMA_VERSION}\\.`),
        ),
      });
    }
    expect(await readFile(path)).toEqual(before);
  });

  it('cannot bring a schema up to date without writing', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    await writeFile(path, '');
    await expect(openLedger(path, { readonly: true })).rejects.toEqual(refused('LEDGER_OLDER'));
    expect((await stat(path)).size).toBe(0);
  });

  it('says that a damaged file is damaged', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    await ledgerWithOneNight(path);
    const whole = await readFile(path);

    await truncate(path, 4096 * 5);
    const cut = async () => {
      const ledger = await openLedger(path);
      try {
        await ledger.results('snight01');
        await collect(ledger.trials('snight01'));
      } finally {
        await ledger.close();
      }
    };
    await expect(cut()).rejects.toEqual(refused('LEDGER_CORRUPT'));

    await writeFile(path, Buffer.concat([Buffer.alloc(100, 7), whole.subarray(100)]));
    await expect(openLedger(path)).rejects.toEqual(refused('LEDGER_FOREIGN'));

    await writeFile(
      path,
      Buffer.concat([whole.subarray(0, 100), Buffer.alloc(4096 - 100, 7), whole.subarray(4096)]),
    );
    await expect(openLedger(path)).rejects.toEqual(refused('LEDGER_CORRUPT'));
  });

  it('refuses a folder in place of a file', async () => {
    await using folder = await temporaryFolder();
    await expect(openLedger(folder.path)).rejects.toEqual(refused('LEDGER_CANNOT_OPEN'));
    await writeFile(join(folder.path, 'file'), '');
    await expect(openLedger(join(folder.path, 'file', 'lastgood.db'))).rejects.toEqual(
      refused('LEDGER_CANNOT_OPEN'),
    );
  });

  it('tells a network file system of user space from a local one', async () => {
    const mountinfo = [
      '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
      '40 22 0:50 / /home/ann/desk rw,nosuid shared:9 - fuse.sshfs ann@box:/desk rw,user_id=1000',
      '41 40 0:51 / /home/ann/desk/scratch rw - tmpfs tmpfs rw',
      '42 22 0:52 / /media/usb rw - fuseblk /dev/sdb1 rw',
      '43 22 0:53 / /mnt/our\\040bucket rw - fuse.s3fs s3fs rw',
      '',
    ].join('\n');
    const folders = {
      ...{ '/home/ann/desk': 'sshfs', '/home/ann/desk/snapshots': 'sshfs', '/mnt/our bucket/a': 's3fs' },
      ...{ '/home/ann/desktop': null, '/home/ann/desk/scratch': null, '/media/usb/x': null, '/tmp': null },
    };
    for (const [at, is] of Object.entries(folders)) expect(networkMount(mountinfo, at), at).toBe(is);
    expect(networkMount('', '/home')).toBeNull();
    // A local one of the kind is used: no mount of this machine's own folders is on that list.
    await using folder = await temporaryFolder();
    const file = await openLedgerFile(join(folder.path, 'lastgood.db'), {}, async () => 0x65735546);
    file.db.close();
  });

  it('refuses a network file system with the reason', async () => {
    await using folder = await temporaryFolder();
    const onNfs = openLedgerFile(join(folder.path, 'lastgood.db'), {}, async () => 0x6969);
    await expect(onNfs).rejects.toMatchObject({
      code: 'LEDGER_NETWORK_FS',
      exitCode: 4,
      message: expect.stringContaining('NFS'),
    });
    expect([0xff534d42, 0xff534d42 | 0, 0xfe534d42, 0x517b].map(networkFileSystem)).toEqual([
      'CIFS',
      'CIFS',
      'SMB2',
      'SMB',
    ]);
    // ext4, tmpfs, btrfs, xfs, overlay, apfs.
    expect([0xef53, 0x01021994, 0x9123683e, 0x58465342, 0x794c7630, 26].map(networkFileSystem)).toEqual(
      Array(6).fill(null),
    );
  });

  it('knows cluster file systems, folders shared with a host, and Windows shares', () => {
    expect([0x0bd00bd0, 0x47504653, 0x7461636f, 0x786f4256].map(networkFileSystem)).toEqual([
      'Lustre',
      'GPFS',
      'OCFS2',
      'VirtualBox shared folder',
    ]);
    expect(
      ['\\\\server\\team\\l.db', '\\\\?\\UNC\\server\\team\\l.db', '\\\\wsl$\\Debian\\l.db'].map(
        isNetworkShare,
      ),
    ).toEqual([true, true, true]);
    expect(
      ['C:\\desk\\l.db', '\\\\?\\C:\\desk\\l.db', '\\\\.\\C:\\l.db', '/srv/l.db', '//srv/l.db'].map(
        isNetworkShare,
      ),
    ).toEqual(Array(5).fill(false));
  });

  it('reads without being able to write', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    await ledgerWithOneNight(path);
    const reader = await openLedger(path, { readonly: true });
    expect(await reader.list()).toHaveLength(1);
    expect(await collect(reader.trials('snight01'))).toHaveLength(1);
    await expect(reader.begin(newSnapshot('snight02', suite))).rejects.toEqual(refused('LEDGER_READONLY'));
    await reader.close();
    await reader.close();
  });

  it('says so when file or folder may not be written', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    await ledgerWithOneNight(path);
    await chmod(path, 0o444);
    await chmod(folder.path, 0o555);
    // To root every file is writable, so root asks in the name of another user.
    const asOther = process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const child = spawnSync(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { openLedger } from ${JSON.stringify(join(ROOT, 'src/ledger/index.ts'))};
         for (const at of [${JSON.stringify(path)}, ${JSON.stringify(join(folder.path, 'new.db'))}, ${JSON.stringify(join(folder.path, 'new', 'x.db'))}])
           await openLedger(at).then(() => console.log('opened'), (e) => console.log(e.code, e.exitCode));`,
      ],
      { encoding: 'utf8', ...asOther },
    );
    await chmod(folder.path, 0o755);
    expect(child.stdout.trim().split('\n')).toEqual([
      'LEDGER_READONLY 4',
      'LEDGER_READONLY 4',
      'LEDGER_CANNOT_OPEN 4',
    ]);
  });

  it('keeps what it has when the disk is full', async () => {
    await using folder = await temporaryFolder();
    const file = await openLedgerFile(join(folder.path, 'lastgood.db'));
    const ledger = new SqliteLedger(file);
    await ledger.begin(newSnapshot('sfull000', suite));
    const pages = file.db.pragma('page_count', { simple: true }) as number;
    file.db.pragma(`max_page_count = ${pages + 8}`);
    let stored = 0;
    const fill = async () => {
      for (let trial = 0; trial < 500; trial++) {
        const output = { text: `answer ${trial} `.repeat(100), toolCalls: [] };
        await ledger.append('sfull000', [graded(answered('ticket', trial, { output }))]);
        stored++;
      }
    };
    await expect(fill()).rejects.toEqual(refused('LEDGER_DISK_FULL'));
    expect(stored).toBeGreaterThan(0);
    expect((await ledger.doneTrials('sfull000')).get('ticket')?.size).toBe(stored);
    expect(file.db.pragma('integrity_check', { simple: true })).toBe('ok');
    // Space again: the run goes on where it was.
    file.db.pragma('max_page_count = 100000');
    await ledger.append('sfull000', [graded(answered('ticket', stored))]);
    expect((await ledger.list())[0]?.trials).toBe(stored + 1);
    await ledger.close();
  });

  it('gives up on a lock that is never released, and waits for one that is', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'lastgood.db');
    await ledgerWithOneNight(path);
    const ledger = await openLedger(path, { busyTimeoutMs: 60 });
    const patient = await openLedger(path);
    const other = new Database(path);
    other.exec('BEGIN IMMEDIATE');
    await expect(ledger.begin(newSnapshot('snight02', suite))).rejects.toEqual(refused('LEDGER_BUSY'));
    expect(await ledger.list()).toHaveLength(1);
    const waiting = patient.begin(newSnapshot('snight03', suite));
    setTimeout(() => other.exec('COMMIT'), 5);
    await waiting;
    expect(await ledger.list()).toHaveLength(2);
    other.close();
    await ledger.close();
    await patient.close();
  });
});

describe('the addon', () => {
  it('is not loaded on a Node that it would crash', () => {
    for (const old of ['20.19.5', '18.0.0', '22.17.1', '22.0.0'])
      expect(() => checkNode(old)).toThrow(expect.objectContaining({ code: 'NODE_TOO_OLD', exitCode: 2 }));
    for (const fine of ['22.18.0', '24.21.0', '26.10.0', '23.0.0'])
      expect(() => checkNode(fine)).not.toThrow();
  });

  it('is missed with a remedy', async () => {
    await using folder = await temporaryFolder();
    const modules = join(folder.path, 'node_modules');
    await mkdir(modules);
    for (const room of ['base', 'core', 'ledger'])
      await cp(join(ROOT, 'src', room), join(folder.path, 'src', room), { recursive: true });
    for (const name of ['zod', 'canonicalize'])
      await symlink(join(ROOT, 'node_modules', name), join(modules, name));
    await writeFile(join(folder.path, 'package.json'), '{"type":"module"}');
    const open = () => {
      const script = `import { openLedger } from './src/ledger/index.ts';
        await openLedger('lastgood.db').then(() => console.log('opened'), (e) => console.log(e.code, e.exitCode, e.hint));`;
      const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
        cwd: folder.path,
        encoding: 'utf8',
      });
      return child.stdout + child.stderr;
    };
    expect(open()).toMatch(/^ADDON_MISSING 4 .*npm rebuild better-sqlite3/);

    const whole = join(ROOT, 'node_modules', 'better-sqlite3');
    const partial = join(modules, 'better-sqlite3');
    await cp(join(whole, 'lib'), join(partial, 'lib'), { recursive: true });
    await cp(join(whole, 'package.json'), join(partial, 'package.json'));
    expect(open()).toMatch(/^ADDON_MISSING 4 .*npm rebuild better-sqlite3/);

    await mkdir(join(partial, 'build', 'Release'), { recursive: true });
    await writeFile(join(partial, 'build', 'Release', 'better_sqlite3.node'), 'not a shared library');
    expect(open()).toMatch(/^ADDON_MISSING 4 .*npm rebuild better-sqlite3/);
  });
});
