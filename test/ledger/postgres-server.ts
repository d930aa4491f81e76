// A PostgreSQL server in a temporary folder, for the tests of the ledger on one. Without an installed server they are skipped, and the
// reason is printed. LASTGOOD_TEST_PG_URL names a server to use instead.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

export const PG_PASSWORD = 'not/a$secret@all';

export interface PostgresServer {
  /** Its address without a schema. */
  readonly url: string;
  readonly port: number;
  /** Of its files; absent where it is not ours. */
  readonly folder?: string;
  /** The address of a ledger of its own. */
  fresh(): string;
  /** Ends it at once, as `kill -9` of its machine would. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** The folder with `initdb` and `postgres`; undefined where there is none. */
function programs(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => join(debian, version, 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  return folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
}

/** PostgreSQL refuses to run as root. */
function unprivileged(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  for (const user of ['postgres', 'nobody']) {
    const { status, stdout } = spawnSync('id', ['-u', user], { encoding: 'utf8' });
    const group = spawnSync('id', ['-g', user], { encoding: 'utf8' }).stdout;
    if (status === 0) return { uid: Number(stdout), gid: Number(group) };
  }
  return {};
}

const bin = programs();

/** Why there is no server; null where there is one. */
export const noPostgres =
  process.env['LASTGOOD_TEST_PG_URL'] !== undefined || bin !== undefined
    ? null
    : 'PostgreSQL is not installed (Debian: apt-get install postgresql), and LASTGOOD_TEST_PG_URL is not set';

if (noPostgres !== null) process.stderr.write(`skipped: tests of the PostgreSQL ledger: ${noPostgres}\n`);

let count = 0;

function fresh(url: string): string {
  count++;
  return `${url}${url.includes('?') ? '&' : '?'}schema=t${process.pid}_${Date.now().toString(36)}_${count}`;
}

/**
 * `settings` are those of postgresql.conf; by default it does not wait for the disk: a test has nothing to lose. `prepare` is given the
 * folder before the server starts, to put files there.
 */
export async function startPostgres({
  settings = ['fsync=off'],
  prepare = () => {},
}: {
  readonly settings?: readonly string[];
  readonly prepare?: (folder: string) => void;
} = {}): Promise<PostgresServer> {
  const given = process.env['LASTGOOD_TEST_PG_URL'];
  if (given !== undefined) {
    const nothing = async (): Promise<void> => {};
    return {
      url: given,
      port: Number(new URL(given).port || 5432),
      fresh: () => fresh(given),
      ...{ crash: nothing, start: nothing, stop: nothing },
    };
  }
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-pg-'));
  const who = unprivileged();
  const port = await freePort();
  const pwfile = join(folder, 'password');
  await writeFile(pwfile, PG_PASSWORD);
  for (const path of [folder, pwfile]) if (who.uid !== undefined) chownSync(path, who.uid, who.gid ?? 0);
  const data = join(folder, 'data');
  const options = { ...who, cwd: folder, env: { PATH: process.env['PATH'], LC_ALL: 'C' } };
  const made = spawnSync(
    join(bin as string, 'initdb'),
    ['-D', data, '-U', 'lastgood', '-E', 'UTF8', '--auth=scram-sha-256', `--pwfile=${pwfile}`, '--no-sync'],
    { ...options, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  prepare(folder);
  for (const name of readdirSync(folder))
    if (who.uid !== undefined) chownSync(join(folder, name), who.uid, who.gid ?? 0);
  let child: ChildProcess | null = null;
  let said = '';
  const url = `postgres://lastgood:${encodeURIComponent(PG_PASSWORD)}@127.0.0.1:${port}/postgres`;
  const start = async (): Promise<void> => {
    child = spawn(
      join(bin as string, 'postgres'),
      [
        ...['-D', data, '-p', String(port), '-k', folder],
        ...['listen_addresses=127.0.0.1', ...settings].flatMap((setting) => ['-c', setting]),
      ],
      { ...options, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    said = '';
    child.stderr?.on('data', (chunk) => {
      said += chunk;
    });
    while (!said.includes('ready to accept connections')) {
      if (child.exitCode !== null) throw new Error(`postgres ended: ${said}`);
      await sleep(20);
    }
  };
  const end = async (signal: 'SIGQUIT' | 'SIGINT'): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  // A process that ends early leaves no server behind.
  const atExit = (): void => {
    child?.kill('SIGQUIT');
  };
  process.once('exit', atExit);
  await start();
  return {
    ...{ url, port, folder, start },
    fresh: () => fresh(url),
    crash: () => end('SIGQUIT'),
    async stop() {
      await end('SIGINT');
      process.off('exit', atExit);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
