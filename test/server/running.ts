// A real server on a free port of this machine, over a ledger in a folder of its own.

import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ObservationStoreMode, TokenRole } from '../../src/core/index.ts';
import type { StoredObservation } from '../../src/core/observation.ts';
import { lineRules } from '../../src/jobs/observe/line-rules.ts';
import { openProduction } from '../../src/jobs/observe/open-production.ts';
import { addToken, openTokens, removeToken } from '../../src/jobs/serve/tokens.ts';
import type { AccessLogEntry } from '../../src/server/app.ts';
import { type ServerSettings, startServer } from '../../src/server/start-server.ts';
import { temporaryFolder } from '../cli/lastgood.ts';

export interface Running {
  /** Where tickets are: `features/`. */
  readonly project: string;
  readonly db: string;
  readonly url: string;
  readonly port: number;
  readonly log: readonly AccessLogEntry[];
  token(name: string, role: TokenRole): Promise<string>;
  removeToken(name: string): Promise<void>;
  stored(feature: string): Promise<StoredObservation[]>;
  close(): Promise<void>;
}

export async function running(
  settings: Partial<Pick<ServerSettings, 'host' | 'hosts' | 'limits' | 'environment' | 'trustProxy'>> & {
    readonly store?: ObservationStoreMode;
    /** A ledger that is there already; else a fresh one. */
    readonly db?: string;
    /** That of a server that was closed; else a free one. */
    readonly port?: number;
  } = {},
): Promise<Running> {
  const folder = await temporaryFolder();
  const db = settings.db ?? join(folder.path, 'lastgood.db');
  const log: AccessLogEntry[] = [];
  const server = await startServer({
    db,
    host: settings.host ?? '127.0.0.1',
    port: settings.port ?? 0,
    project: folder.path,
    hosts: settings.hosts ?? [],
    limits: settings.limits,
    environment: settings.environment,
    trustProxy: settings.trustProxy,
    rules: await lineRules({
      environment: {},
      redact: [],
      projectStore: undefined,
      store: settings.store,
      sample: 1,
      pricesFile: undefined,
    }),
    log: (entry) => log.push(entry),
  });
  let closed = false;
  const close = async (): Promise<void> => {
    if (!closed) await server.close();
    closed = true;
  };
  onTestFinished(async () => {
    await close();
    await folder[Symbol.asyncDispose]();
  });
  const withTokens = async <T>(
    work: (tokens: Awaited<ReturnType<typeof openTokens>>) => Promise<T>,
  ): Promise<T> => {
    const tokens = await openTokens(db);
    try {
      return await work(tokens);
    } finally {
      await tokens.close();
    }
  };
  return {
    db,
    project: folder.path,
    url: server.url,
    port: server.port,
    log,
    close,
    token: (name, role) =>
      withTokens(async (tokens) => (await addToken(tokens, name, role, new Date())).token),
    removeToken: (name) => withTokens((tokens) => removeToken(tokens, name)),
    async stored(feature) {
      const store = await openProduction(db);
      const found: StoredObservation[] = [];
      for await (const o of store.observations({ feature, from: 0, to: Date.now() + 1e9 })) found.push(o);
      await store.close();
      return found;
    },
  };
}

export const ndjson = (...rows: readonly object[]): string =>
  rows.map((r) => `${JSON.stringify(r)}\n`).join('');

export function post(
  url: string,
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/x-ndjson', ...headers },
  });
}
