// What reply headers say about waiting and limits, in the dialects of OpenAI, Azure and Anthropic.

import type { LimitLevel, RateLimitHint } from '../core/provider.ts';

/** Carried by every reply of the simulator. */
export const SIMULATOR_HEADER = 'x-lastgood-simulator';

type HeaderLookup = Pick<Headers, 'get' | 'keys'>;

/** How long to wait before the next attempt, in ms: `retry-after-ms`, else `retry-after` in seconds or as an HTTP date. */
export function retryAfterMs(headers: HeaderLookup, now: Date): number | undefined {
  const ms = Number.parseFloat(headers.get('retry-after-ms') ?? '');
  if (Number.isFinite(ms) && ms >= 0) return ms;
  const text = headers.get('retry-after')?.trim();
  if (text === undefined || text === '') return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  return msUntil(text, headers, now);
}

/** Milliseconds in a duration such as `6m0s`, `1.5s` or `12ms`; undefined when it is none. */
export function durationMs(text: string): number | undefined {
  const match = /^(?:([\d.]+)d)?(?:([\d.]+)h)?(?:([\d.]+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?$/.exec(
    text.trim(),
  );
  if (match === null || match[0] === '') return undefined;
  const [days, hours, minutes, seconds, ms] = match
    .slice(1)
    .map((part) => (part === undefined ? 0 : Number(part)));
  const total =
    ((((days ?? 0) * 24 + (hours ?? 0)) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0)) * 1000 + (ms ?? 0);
  return Number.isFinite(total) ? total : undefined;
}

/** The limits as stated; undefined when nothing usable is (Azure's -1 and 0 say nothing). */
export function rateLimitHint(headers: HeaderLookup, now: Date): RateLimitHint | undefined {
  if (!tellsLimits(headers)) return undefined;
  const [requests, ...ofTokens] = LIMITED.map((names) => level(headers, now, names));
  const tokens = tightest(...ofTokens);
  if (requests === undefined && tokens === undefined) return undefined;
  return { ...(requests === undefined ? {} : { requests }), ...(tokens === undefined ? {} : { tokens }) };
}

/** Most replies of other servers tell none, and looking for each of them takes longer than going through what there is. */
function tellsLimits(headers: HeaderLookup): boolean {
  for (const name of headers.keys()) if (name.includes('ratelimit')) return true;
  return false;
}

/** The headers that tell of one limited thing, in either dialect. */
interface LimitHeaders {
  readonly limit: readonly [openai: string, anthropic: string];
  readonly remaining: readonly [openai: string, anthropic: string];
  readonly reset: readonly [openai: string, anthropic: string];
}

const LIMITED: readonly LimitHeaders[] = ['requests', 'tokens', 'input-tokens', 'output-tokens'].map(
  (name) => {
    const header = (what: string) =>
      [`x-ratelimit-${what}-${name}`, `anthropic-ratelimit-${name}-${what}`] as const;
    return { limit: header('limit'), remaining: header('remaining'), reset: header('reset') };
  },
);

function level(headers: HeaderLookup, now: Date, names: LimitHeaders): LimitLevel | undefined {
  const said = ([openai, anthropic]: readonly [string, string]) =>
    headers.get(openai) ?? headers.get(anthropic);
  const count = (text: string | null): number | undefined => {
    const n = text === null || text.trim() === '' ? Number.NaN : Number(text);
    return Number.isFinite(n) && n >= 0 ? n : undefined;
  };
  const given = count(said(names.limit));
  const limit = given === 0 ? undefined : given;
  const left = count(said(names.remaining));
  // "None left" of a limit that is not stated: Azure sends this where it states none.
  const remaining = left === 0 && limit === undefined ? undefined : left;
  if (limit === undefined && remaining === undefined) return undefined;
  const reset = said(names.reset);
  const duration = reset === null ? undefined : durationMs(reset);
  const fullInMs = duration ?? (reset === null ? undefined : msUntil(reset, headers, now));
  return {
    ...(remaining === undefined ? {} : { remaining }),
    ...(limit === undefined ? {} : { limit }),
    ...(fullInMs === undefined ? {} : { fullInMs }),
    ...(fullInMs === undefined || duration !== undefined ? {} : { rounded: true as const }),
  };
}

function tightest(...levels: (LimitLevel | undefined)[]): LimitLevel | undefined {
  return levels
    .filter((one) => one !== undefined)
    .sort((a, b) => (a.remaining ?? Infinity) - (b.remaining ?? Infinity))[0];
}

/** Dates are read against the server's own clock where it tells it: ours may be off. */
function msUntil(date: string, headers: HeaderLookup, now: Date): number | undefined {
  const at = Date.parse(date);
  if (Number.isNaN(at)) return undefined;
  const server = Date.parse(headers.get('date') ?? '');
  return Math.max(0, at - (Number.isNaN(server) ? now.getTime() : server));
}
