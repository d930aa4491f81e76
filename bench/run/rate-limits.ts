// How much of a service's rate limit a run uses, and how many of its calls are refused: real SDKs against a token bucket on loopback.

import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SILENT, secretMask } from '../../src/base/index.ts';
import { createProvider } from '../../src/provider/index.ts';
import { runJobs, streamJobs } from '../../src/run/index.ts';
import { refundCases, refundRelease } from '../../test/run/refund-bot.ts';

type Headers = 'OpenAI' | 'Anthropic' | 'none';

interface World {
  readonly perSecond: number;
  readonly concurrency: number;
  readonly headers: Headers;
  readonly latencyMs: number;
  /** Calls in the full bucket, and in it at the start. */
  readonly bucket: number;
  readonly filled: number;
}

export interface RateRow extends World {
  readonly accepted: number;
  readonly refused: number;
  readonly seconds: number;
  /** Accepted calls a second ÷ what the limit and the concurrency allow. */
  readonly share: number;
  /** Refused calls ÷ all. */
  readonly refusedShare: number;
  readonly ok: boolean;
}

export const LEAST_SHARE = 0.95;
export const MOST_REFUSED = 0.1;

/** Calls for about so many seconds at the limit. */
async function measure(world: World, seconds: number): Promise<RateRow> {
  // While a busy machine gives this process no turn, neither side can call or refill: that time is left out.
  let stalledMs = 0;
  let beatMs = performance.now();
  const heartbeat = setInterval(() => {
    const now = performance.now();
    stalledMs += Math.max(0, now - beatMs - 100);
    beatMs = now;
  }, 20);
  const seen = { accepted: 0, refused: 0, firstMs: 0, lastMs: 0 };
  let tokens = world.filled;
  const clock = (): number => performance.now() - stalledMs;
  let filledMs = clock();
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const now = clock();
      seen.firstMs ||= now;
      tokens = Math.min(world.bucket, tokens + ((now - filledMs) / 1000) * world.perSecond);
      filledMs = now;
      const fits = tokens >= 1;
      if (fits) tokens -= 1;
      const headers = stated(world, tokens);
      if (fits) {
        seen.accepted++;
        seen.lastMs = now;
        setTimeout(() => answer(response, 200, headers, world.headers), world.latencyMs);
      } else {
        seen.refused++;
        answer(response, 429, headers, world.headers);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const route =
    world.headers === 'Anthropic'
      ? { provider: 'anthropic', model: 'm-2026-01-01', 'base-url': url }
      : { provider: 'openai', api: 'chat', model: 'm-2026-01-01', 'base-url': `${url}/v1` };
  const release = refundRelease({ route });
  const provider = await createProvider(release, {
    env: (name) => (name.endsWith('_API_KEY') ? 'sk-bench-rates' : undefined),
    mask: secretMask([]),
  });
  await provider.ready?.();
  const allowed = Math.min(world.perSecond, world.concurrency / (world.latencyMs / 1000));
  const cases = refundCases(Math.round(seconds * allowed + world.filled));
  const never = new AbortController().signal;
  await runJobs(streamJobs({ cases, release, provider }), {
    total: cases.length,
    limits: {
      ...{ concurrency: world.concurrency, maxAttempts: 4, attemptTimeoutMs: 120_000 },
      ...{ trialTimeoutMs: 600_000, outageMs: 300_000, deadlineMs: null, maxCalls: null, maxCostUsd: null },
    },
    clock: { now: () => new Date() },
    rng: { next: Math.random },
    signal: never,
    onTrial: async () => {},
    costOf: () => null,
    progress: SILENT,
  });
  await provider.close?.();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  clearInterval(heartbeat);
  const took = (seen.lastMs - seen.firstMs) / 1000;
  // What the bucket held at the start came on top of the rate.
  const share = Math.min(seen.accepted, seen.accepted - world.filled + 1) / took / allowed;
  const refusedShare = seen.refused / (seen.accepted + seen.refused);
  const byConcurrency = allowed < world.perSecond ? seen.accepted / took / allowed : share;
  return {
    ...world,
    accepted: seen.accepted,
    refused: seen.refused,
    seconds: took,
    share: byConcurrency,
    refusedShare,
    ok: byConcurrency >= LEAST_SHARE && refusedShare <= MOST_REFUSED,
  };
}

/** What the limit's headers state, in the dialect: OpenAI in milliseconds, Anthropic as a time in whole seconds. */
function stated({ headers, bucket, perSecond }: World, tokens: number): Record<string, string> {
  const fullInMs = (1000 * (bucket - tokens)) / perSecond;
  const remaining = String(Math.floor(tokens));
  if (headers === 'OpenAI')
    return {
      'x-ratelimit-limit-requests': String(bucket),
      'x-ratelimit-remaining-requests': remaining,
      'x-ratelimit-reset-requests':
        fullInMs < 1000 ? `${Math.ceil(fullInMs)}ms` : `${(fullInMs / 1000).toFixed(3)}s`,
    };
  if (headers === 'Anthropic') {
    const now = Date.now();
    const full = new Date(Math.ceil((now + fullInMs) / 1000) * 1000).toISOString().replace('.000Z', 'Z');
    return {
      'anthropic-ratelimit-requests-limit': String(bucket),
      'anthropic-ratelimit-requests-remaining': remaining,
      'anthropic-ratelimit-requests-reset': full,
    };
  }
  return {};
}

function answer(
  response: ServerResponse,
  status: 200 | 429,
  headers: Record<string, string>,
  dialect: Headers,
): void {
  const anthropic = dialect === 'Anthropic';
  const body =
    status === 429
      ? { type: 'error', error: { type: anthropic ? 'rate_limit_error' : 'requests', message: 'slow down' } }
      : anthropic
        ? { type: 'message', model: 'm', content: [{ type: 'text', text: 'ok' }], stop_reason: 'end_turn' }
        : { model: 'm', choices: [{ message: { role: 'assistant', content: 'ok' }, finish_reason: 'stop' }] };
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify(body));
}

/** All worlds, those of one latency and bucket at the same time. */
export async function rateLimits(seconds: number): Promise<RateRow[]> {
  const rows: RateRow[] = [];
  for (const latencyMs of [20, 1500]) {
    for (const minutes of [false, true]) {
      const worlds = [5, 20].flatMap((perSecond) =>
        [8, 64].flatMap((concurrency) =>
          (['OpenAI', 'Anthropic', 'none'] as const).map(
            (headers): World => ({
              ...{ perSecond, concurrency, headers, latencyMs },
              bucket: minutes ? 60 * perSecond : perSecond,
              filled: perSecond,
            }),
          ),
        ),
      );
      rows.push(...(await Promise.all(worlds.map((world) => measure(world, seconds)))));
    }
  }
  return rows;
}

/** As a Markdown table. */
export function rateTable(rows: readonly RateRow[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const percent = (x: number): string => `${(100 * x).toFixed(1)}%`;
  return [
    line(['limit', 'at once', 'headers', 'latency', 'bucket', 'of the allowed rate', 'answered 429', '']),
    '|---|---|---|---|---|---|---|---|',
    ...rows.map((row) =>
      line([
        `${row.perSecond}/s`,
        String(row.concurrency),
        row.headers,
        row.latencyMs < 1000 ? `${row.latencyMs} ms` : `${row.latencyMs / 1000} s`,
        String(row.bucket),
        percent(row.share),
        percent(row.refusedShare),
        row.ok ? 'ok' : 'MISSED',
      ]),
    ),
  ].join('\n');
}
