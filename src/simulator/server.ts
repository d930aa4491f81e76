// The loopback listener around the simulated service, and the control calls under /_sim/.

import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { LastgoodError } from '../base/errors.ts';
import { parseFaults, parseScenario } from './parse-scenario.ts';
import type { FaultRuleInput, Scenario, ScenarioInput } from './scenario.ts';
import { type Outcome, SimulatedService } from './service.ts';
import type { SimulatorStats } from './tally.ts';

const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** Of a batch. */
const MAX_UPLOAD_BYTES = 300 * 1024 * 1024;
const DRIPS = 8;

export interface SimulatorOptions {
  /** A scenario as an object, or as YAML or JSON text. */
  readonly scenario: Scenario | ScenarioInput | string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** Only the loopback address. */
  readonly host?: '127.0.0.1';
  /** Simulated now at the start; default: the scenario's `date`. */
  readonly date?: string;
  /** When given, requests without this API key get a 401. */
  readonly requireKey?: string;
}

/** A running simulator. */
export interface Simulator {
  readonly name: string;
  /** e.g. `http://127.0.0.1:40123` */
  readonly url: string;
  /** `baseURL` for the OpenAI SDK: `url` + `/v1`. */
  readonly openaiBaseUrl: string;
  /** `baseURL` for the Anthropic SDK: `url`. */
  readonly anthropicBaseUrl: string;
  readonly port: number;
  /** Moves the simulated now (ISO date or date-time). Throws LastgoodError SIMULATOR_DATE. */
  setDate(date: string): void;
  /** Replaces the scenario's faults. */
  setFaults(faults: FaultRuleInput | readonly FaultRuleInput[]): void;
  stats(): SimulatorStats;
  /** Zeroes counters: the same calls then get the same answers again. Date and faults stay as set. */
  reset(): void;
  /** Stops listening and drops every open connection. */
  close(): Promise<void>;
}

/** Starts the simulator on the loopback address. Throws LastgoodError for a bad scenario, another host, or a port in use. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const host: string = options.host ?? '127.0.0.1';
  if (host !== '127.0.0.1') {
    throw new LastgoodError({
      code: 'SIMULATOR_HOST',
      message: `The simulator listens on 127.0.0.1 only, not on "${host}".`,
      hint: 'leave the host out; to reach it from elsewhere, forward a port to it',
    });
  }
  const scenario = parseScenario(options.scenario);
  const service = new SimulatedService(scenario, options.date ?? scenario.date, options.requireKey);
  const server = http.createServer((request, response) => {
    handle(service, request, response).catch((error: unknown) => {
      if (!response.headersSent)
        sendJson(response, 500, {}, { error: { message: String(error), type: 'simulator_defect' } });
      else response.destroy();
    });
  });
  server.keepAliveTimeout = 60_000;
  try {
    server.listen({ host, port: options.port ?? 0 });
    await once(server, 'listening');
  } catch (cause) {
    throw new LastgoodError({
      code: 'SIMULATOR_PORT',
      message: `The simulator cannot listen on port ${options.port ?? 0}: ${(cause as Error).message}.`,
      hint: 'choose another port, or 0 for any free one',
      exitCode: 4,
      cause,
    });
  }
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    name: scenario.name,
    url,
    openaiBaseUrl: `${url}/v1`,
    anthropicBaseUrl: url,
    port,
    setDate: (date) => service.setDate(date),
    setFaults: (faults) => service.setFaults(parseFaults(faults)),
    stats: () => service.stats(),
    reset: () => service.reset(),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function handle(
  service: SimulatedService,
  request: http.IncomingMessage,
  response: http.ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://127.0.0.1');
  const path = url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname;
  const isUpload = path === '/v1/files' || path === '/v1/messages/batches';
  const body = await readBody(request, isUpload ? MAX_UPLOAD_BYTES : MAX_BODY_BYTES);
  if (body === null) {
    sendJson(
      response,
      413,
      { connection: 'close' },
      { error: { message: 'Request body too large.', type: 'invalid_request_error' } },
    );
    return;
  }
  if (path.startsWith('/_sim/')) {
    control(service, request.method ?? 'GET', path, body, response);
    return;
  }
  const headers = Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
  service.entered();
  response.once('close', () => service.left());
  const outcome = service.answer({
    method: request.method ?? 'GET',
    path,
    query: url.searchParams,
    headers,
    body,
  });
  if (outcome.delayMs > 0) await delay(outcome.delayMs);
  if (!response.destroyed) await deliver(outcome, response);
}

async function deliver(outcome: Outcome, response: http.ServerResponse): Promise<void> {
  const { reply } = outcome;
  const bytes = Buffer.from(reply.text ?? JSON.stringify(reply.body), 'utf8');
  const type = reply.text === undefined ? 'application/json' : 'application/octet-stream';
  const headers = { 'content-type': type, ...reply.headers };
  switch (outcome.kind) {
    case 'send':
      response.writeHead(reply.status, { ...headers, 'content-length': bytes.length }).end(bytes);
      return;
    case 'hang':
      // Never answered: the client has to give up, or the simulator to close.
      return;
    case 'reset':
      response.socket?.resetAndDestroy();
      return;
    case 'truncated':
      response.writeHead(reply.status, { ...headers, 'content-length': bytes.length });
      response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy());
      return;
    case 'badJson': {
      const cut = bytes.subarray(0, Math.floor(bytes.length * 0.6));
      response.writeHead(reply.status, { ...headers, 'content-length': cut.length }).end(cut);
      return;
    }
    case 'slowDrip': {
      response.writeHead(reply.status, { ...headers, 'content-length': bytes.length });
      const size = Math.ceil(bytes.length / DRIPS);
      for (let at = 0; at < bytes.length && !response.destroyed; at += size) {
        response.write(bytes.subarray(at, at + size));
        await delay(outcome.dripMs / DRIPS);
      }
      response.end();
      return;
    }
  }
}

function control(
  service: SimulatedService,
  method: string,
  path: string,
  body: string,
  response: http.ServerResponse,
): void {
  if (method === 'GET' && path === '/_sim/stats') {
    sendJson(response, 200, {}, service.stats());
    return;
  }
  if (method === 'POST' && path === '/_sim/reset') {
    service.reset();
    sendJson(response, 200, {}, service.stats());
    return;
  }
  if (method === 'POST' && path === '/_sim/date') {
    try {
      const { date } = JSON.parse(body) as { date?: unknown };
      service.setDate(String(date));
      sendJson(response, 200, {}, service.stats());
    } catch (error) {
      sendJson(response, 400, {}, { error: { message: (error as Error).message, type: 'simulator_date' } });
    }
    return;
  }
  sendJson(
    response,
    404,
    {},
    { error: { message: `No control call ${method} ${path}`, type: 'simulator_path' } },
  );
}

async function readBody(request: http.IncomingMessage, most: number): Promise<string | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > most) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(
  response: http.ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: unknown,
): void {
  const text = JSON.stringify(body);
  response
    .writeHead(status, {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(text),
      ...headers,
    })
    .end(text);
}

function delay(ms: number): Promise<void> {
  return new Promise((done) => {
    setTimeout(done, ms).unref();
  });
}
