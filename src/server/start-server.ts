// Starts and stops the server: listening, timeouts, keeping windows up to date, and an end that loses no request.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { LastgoodError } from '../base/errors.ts';
import { type SecretMask, secretMask } from '../base/secrets.ts';
import type { AccessTokens, ObservationStore } from '../core/index.ts';
import { DEFAULT_ENVIRONMENT } from '../core/shipping.ts';
import { openGuardLog } from '../jobs/guard/open-guard.ts';
import { ticketRules } from '../jobs/guard/ticket-rules.ts';
import type { LineRules } from '../jobs/observe/check-line.ts';
import { ObservationIntake } from '../jobs/observe/intake.ts';
import { foldAll, openProduction } from '../jobs/observe/open-production.ts';
import { guardMark } from '../jobs/pages/guard-overview.ts';
import { PagesLedger } from '../jobs/pages/pages-ledger.ts';
import { openShippingLog } from '../jobs/registry/open-shipping.ts';
import { RolloutsThread } from '../jobs/rollout/rollouts-thread.ts';
import type { RolloutThreadStart } from '../jobs/rollout/thread-message.ts';
import { openTokens } from '../jobs/serve/tokens.ts';
import { isLoopback } from './access.ts';
import { type AccessLogEntry, makeApp } from './app.ts';
import { ChangeStream } from './change-stream.ts';
import { Metrics } from './metrics.ts';
import { Sessions } from './sessions.ts';

export interface ServerSettings {
  readonly db: string;
  readonly host: string;
  /** 0 = any free one. */
  readonly port: number;
  /** Names under which it may be asked beside the loopback ones. */
  readonly hosts: readonly string[];
  readonly rules: LineRules;
  /** Folder with the tickets: `features/FEATURE.yaml`. */
  readonly project: string;
  readonly mask?: SecretMask | undefined;
  /** Whose flags and releases it serves (default production). */
  readonly environment?: string | undefined;
  /** A proxy with TLS stands before it, and its `X-Forwarded-Proto` counts. */
  readonly trustProxy?: boolean | undefined;
  /** For decisions about rollouts: variables of the process, and where alerts are posted. */
  readonly decisions?: Pick<RolloutThreadStart, 'variables' | 'webhook' | 'version'> | undefined;
  readonly log: (entry: AccessLogEntry) => void;
  readonly limits?: Partial<ServerLimits> | undefined;
}

interface ServerLimits {
  /** Bytes of a body of JSON lines, after unpacking. */
  readonly linesBytes: number;
  readonly tracesBytes: number;
  /** How long a whole request may take to arrive. */
  readonly requestMs: number;
  /** How long a connection may be silent. */
  readonly idleMs: number;
  /** How long a stop waits for requests that are under way. */
  readonly stopMs: number;
  /** How often windows are brought up to date. */
  readonly foldMs: number;
}

const LIMITS: ServerLimits = {
  linesBytes: 64 * 1024 * 1024,
  tracesBytes: 64 * 1024 * 1024,
  requestMs: 120_000,
  idleMs: 30_000,
  stopMs: 10_000,
  foldMs: 1000,
};

export interface RunningServer {
  readonly url: string;
  readonly port: number;
  /** Takes no new requests, finishes those under way, and closes the ledger. */
  close(): Promise<void>;
}

/** Throws `SERVE_NEEDS_TOKENS` or `SERVE_ADDRESS`, or as `openLedger` does. */
export async function startServer(settings: ServerSettings): Promise<RunningServer> {
  const limits = { ...LIMITS, ...settings.limits };
  const { db, host, rules } = settings;
  const store = await openProduction(db);
  const tokens = await openTokens(db);
  const shipping = await openShippingLog(db);
  const guard = await openGuardLog(db);
  const beatMs = Math.max(50, Math.floor(limits.idleMs / 3));
  const ledger = new PagesLedger(db, settings.project);
  const changes = new ChangeStream(shipping, beatMs, async () => {
    return `${await guardMark(guard, new Date())}.${await ledger.mark()}`;
  });
  const rollouts = new RolloutsThread({
    ...{ db, project: settings.project },
    ...(settings.decisions ?? { variables: {}, webhook: undefined, version: 'unknown' }),
  });
  const closeStores = async (): Promise<void> => {
    await store.close();
    await tokens.close();
    await shipping.close();
    await guard.close();
    await ledger.close();
    await rollouts.close();
  };
  try {
    const loopback = isLoopback(host);
    const trustProxy = settings.trustProxy ?? false;
    const needsTokens = !loopback || trustProxy;
    if (needsTokens) await mustHaveTokens(tokens, loopback ? 'a server behind a proxy' : host);
    let notReady: string | null = null;
    const folding = keepFolded(store, limits.foldMs, (failure) => {
      notReady = failure;
    });
    let stopping = false;
    const app = makeApp({
      intake: new ObservationIntake(store, rules),
      store,
      access: { tokens, loopback, needsTokens, hosts: settings.hosts.map((name) => name.toLowerCase()) },
      changes,
      guard,
      rules: ticketRules(settings.project),
      mask: settings.mask ?? secretMask([]),
      environment: settings.environment ?? DEFAULT_ENVIRONMENT,
      ledger,
      sessions: new Sessions(),
      trustProxy,
      rollouts,
      project: settings.project,
      metrics: new Metrics(),
      limits,
      log: settings.log,
      notReady: () => (stopping ? 'the server is stopping' : notReady),
    });
    const server = createAdaptorServer({
      fetch: app.fetch,
      // Bodies that are not wanted are read to their end, see request-body.ts.
      autoCleanupIncoming: false,
      createServer,
      serverOptions: {
        requestTimeout: limits.requestMs,
        headersTimeout: Math.min(limits.requestMs, 15_000),
        connectionsCheckingInterval: Math.min(limits.requestMs, 5000),
        keepAliveTimeout: limits.idleMs,
      },
    }) as Server;
    server.timeout = limits.idleMs;
    refuseEarly(server, Math.max(limits.linesBytes, limits.tracesBytes));
    try {
      await listening(server, host, settings.port);
    } catch (error) {
      await folding.stop();
      throw error;
    }
    const { port } = server.address() as AddressInfo;
    return {
      url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
      port,
      async close() {
        stopping = true;
        changes.close();
        await stopped(server, limits.stopMs);
        await folding.stop();
        await foldAll(store);
        await closeStores();
      },
    };
  } catch (error) {
    await closeStores();
    throw error;
  }
}

/** A client that asks before it sends a body that is too large need not send it. */
function refuseEarly(server: Server, most: number): void {
  server.on('checkContinue', (request, response) => {
    if (Number(request.headers['content-length'] ?? 0) <= most) {
      response.writeContinue();
      server.emit('request', request, response);
      return;
    }
    response.writeHead(413, { 'Content-Type': 'application/json', Connection: 'close' });
    response.end(JSON.stringify({ error: { message: `the body is larger than ${most} bytes` } }));
  });
}

async function mustHaveTokens(tokens: AccessTokens, what: string): Promise<void> {
  if ((await tokens.list()).length > 0) return;
  throw new LastgoodError({
    code: 'SERVE_NEEDS_TOKENS',
    message: `${what} can be reached from other machines, and there is no token`,
    hint: 'lastgood token add NAME --role observe, or serve on 127.0.0.1',
  });
}

function listening(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        new LastgoodError({
          code: 'SERVE_ADDRESS',
          message: `the server cannot listen on ${host}:${port} (${cause.code ?? cause.message})`,
          hint: 'choose another --port or --host',
          exitCode: 4,
          cause,
        }),
      ),
    );
    server.listen(port, host, () => resolve());
  });
}

/** No new connections, and the idle ones end; what is under way gets its time. */
function stopped(server: Server, stopMs: number): Promise<void> {
  return new Promise((resolve) => {
    const last = setTimeout(() => server.closeAllConnections(), stopMs);
    const idle = setInterval(() => server.closeIdleConnections(), 100);
    server.close(() => {
      clearTimeout(last);
      clearInterval(idle);
      resolve();
    });
    server.closeIdleConnections();
  });
}

/** Counts new rows in their windows, again and again. A failure makes the server not ready, until it works again. */
function keepFolded(
  store: ObservationStore,
  everyMs: number,
  tell: (failure: string | null) => void,
): { stop(): Promise<void> } {
  const stop = new AbortController();
  let timer: NodeJS.Timeout | null = null;
  let running: Promise<void> = Promise.resolve();
  const round = async (): Promise<void> => {
    try {
      await foldAll(store, stop.signal);
      tell(null);
    } catch (error) {
      tell(error instanceof LastgoodError ? error.code : 'the windows cannot be brought up to date');
    }
    if (!stop.signal.aborted) timer = setTimeout(start, everyMs);
  };
  const start = (): void => {
    running = round();
  };
  timer = setTimeout(start, everyMs);
  return {
    async stop() {
      stop.abort();
      if (timer !== null) clearTimeout(timer);
      await running;
    },
  };
}
