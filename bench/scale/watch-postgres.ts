// What a PostgreSQL server does while a bench runs: rows and commits, processor time of its processes, backends that wait for a lock.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Client } from 'pg';
import type { PostgresServer } from '../../test/ledger/postgres-server.ts';

export interface ServerWork {
  /** Rows inserted, updated and deleted. */
  readonly rows: number;
  readonly commits: number;
  /** Processor seconds of all its processes; null where it is not ours. */
  readonly cpuS: number | null;
  /** Bytes written to the write-ahead log. */
  readonly walBytes: number;
}

export class ServerWatch {
  readonly #client: Client;
  readonly #pid: number | null;
  #before: ServerWork = { rows: 0, commits: 0, cpuS: 0, walBytes: 0 };
  #looks = 0;
  readonly #waits = new Map<string, number>();

  private constructor(client: Client, pid: number | null) {
    this.#client = client;
    this.#pid = pid;
  }

  static async open(server: PostgresServer): Promise<ServerWatch> {
    const client = new Client(server.url);
    client.on('error', () => {});
    await client.connect();
    const file = server.folder === undefined ? null : join(server.folder, 'data', 'postmaster.pid');
    const pid = file === null ? null : Number((await readFile(file, 'utf8')).split('\n')[0]);
    const watch = new ServerWatch(client, pid);
    watch.#before = await watch.#work();
    return watch;
  }

  /** One look at who waits for a lock. */
  async look(): Promise<void> {
    const { rows } = await this.#client.query<{ kind: string; n: number }>(
      `SELECT wait_event AS kind, count(*)::int AS n FROM pg_stat_activity
       WHERE wait_event_type = 'Lock' AND wait_event <> 'advisory' GROUP BY 1`,
    );
    this.#looks++;
    for (const { kind, n } of rows) this.#waits.set(kind, (this.#waits.get(kind) ?? 0) + n);
  }

  /** Backends that wait for a lock at a time, on the mean, by kind of lock. */
  get waiting(): string {
    if (this.#waits.size === 0) return '0';
    return [...this.#waits].map(([kind, n]) => `${(n / this.#looks).toFixed(2)} ${kind}`).join(', ');
  }

  async since(): Promise<ServerWork> {
    const now = await this.#work();
    const before = this.#before;
    return {
      rows: now.rows - before.rows,
      commits: now.commits - before.commits,
      cpuS: now.cpuS === null || before.cpuS === null ? null : now.cpuS - before.cpuS,
      walBytes: now.walBytes - before.walBytes,
    };
  }

  close(): Promise<void> {
    return this.#client.end();
  }

  async #work(): Promise<ServerWork> {
    const { rows } = await this.#client.query(
      `SELECT (tup_inserted + tup_updated + tup_deleted)::float8 AS rows, xact_commit::float8 AS commits,
         (pg_current_wal_lsn() - '0/0'::pg_lsn)::float8 AS wal
       FROM pg_stat_database WHERE datname = current_database()`,
    );
    const { rows: changed, commits, wal } = rows[0];
    return {
      rows: changed,
      commits,
      walBytes: wal,
      cpuS: this.#pid === null ? null : await cpuOfTree(this.#pid),
    };
  }
}

/** Processor seconds of a process so far; 0 once it has ended. `ended`: with its children that have ended. */
export async function cpuOf(pid: number | undefined, ended = false): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const sum = (from: number): number => Number(fields[from] ?? 0) + Number(fields[from + 1] ?? 0);
  return (sum(11) + (ended ? sum(13) : 0)) / 100;
}

async function cpuOfTree(pid: number): Promise<number> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  let seconds = await cpuOf(pid, true);
  for (const child of children.trim().split(' ')) if (child !== '') seconds += await cpuOf(Number(child));
  return seconds;
}
