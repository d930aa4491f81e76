// The refund bot at night: a scripted assistant whose skill depends on the date, a clock to set, and a webhook that counts.

import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Clock, SILENT, secretMask, type Warning } from '../../src/base/index.ts';
import type { Answered, Provider, ProviderRequest } from '../../src/core/index.ts';
import { loadAssignment } from '../../src/engine/arms/assignment.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { blessSnapshot } from '../../src/jobs/baseline/bless.ts';
import { type NightlyResult, runNightly } from '../../src/jobs/nightly/nightly.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';

export const DAY_MS = 86_400_000;
export const FIRST_NIGHT = Date.parse('2026-04-01T03:15:00Z');

/** Chance that the bot answers a case well on a night, by case number. */
export type Skill = (night: number, caseNo: number) => number;

export interface NightlyWorld extends AsyncDisposable {
  readonly work: Workplace;
  readonly warnings: Warning[];
  /** The night the world lives in, from 1. */
  goTo(night: number): void;
  /** What the bot does from now on. `null` = it cannot be reached. */
  behave(skill: Skill | null): void;
  run(night: number, more?: Partial<Parameters<typeof runNightly>[2]>): Promise<NightlyResult>;
  bless(ref: string): Promise<void>;
}

/** A number in [0, 1) that depends on nothing but the words. */
function draw(...words: (string | number)[]): number {
  return createHash('sha256').update(words.join('|')).digest().readUInt32BE(0) / 2 ** 32;
}

class SetClock implements Clock {
  time = FIRST_NIGHT;

  now(): Date {
    this.time += 1;
    return new Date(this.time);
  }
}

/** A suite of `cases` questions, each asked `trials` times a night. */
export async function nightlyWorld(
  dir: string,
  { cases = 30, trials = 3, seed = 'refund-bot' } = {},
): Promise<NightlyWorld> {
  await mkdir(dir, { recursive: true });
  const rows = Array.from({ length: cases }, (_, i) => ({
    id: `refund-${String(i).padStart(2, '0')}`,
    vars: { ticket: `Order K-${100 + i}: may I send it back?` },
    grade: [{ contains: 'within 30 days' }],
  }));
  await writeFile(join(dir, 'cases.jsonl'), rows.map((r) => JSON.stringify(r)).join('\n'));
  await writeFile(join(dir, 'suite.yaml'), `name: refund-bot\ntrials: ${trials}\ncases: [cases.jsonl]\n`);
  await writeFile(
    join(dir, 'release.yaml'),
    'name: refund-bot\nroute: { provider: command, command: [refund-bot] }\nprompt: { messages: [{ role: user, content: "{{ ticket }}" }] }\n',
  );
  const assignment = await loadAssignment({
    suite: join(dir, 'suite.yaml'),
    release: join(dir, 'release.yaml'),
  });
  const store = await openLedger(join(dir, 'lastgood.db'), { create: true });
  const clock = new SetClock();
  const warnings: Warning[] = [];
  let skill: Skill | null = () => 0.97;
  let night = 0;
  const asked = new Map<string, number>();
  const answer = (request: ProviderRequest): Awaited<ReturnType<Provider['call']>> => {
    if (skill === null)
      return {
        kind: 'failed',
        cause: 'infra_error',
        code: 'connection',
        message: 'connection refused',
        retryable: false,
        fatal: false,
        latencyMs: 1,
      };
    const key = `${night}|${request.caseId}|${request.trial}`;
    const again = (asked.get(key) ?? 0) + 1;
    asked.set(key, again);
    const good = draw(seed, key, again) < skill(night, Number(request.caseId.slice('refund-'.length)));
    const reply: Answered = {
      kind: 'answered',
      output: { text: good ? 'Yes, within 30 days.' : 'Please wait.', toolCalls: [] },
      stopReason: 'stop',
      served: {
        model: 'bot-2026-03-01',
        systemFingerprint: null,
        serviceTier: null,
        region: null,
        requestId: null,
      },
      usage: null,
      latencyMs: 1,
      sent: {},
    };
    return reply;
  };
  const work: Workplace = {
    store,
    clock,
    rng: new Mt19937(8812),
    env: () => undefined,
    mask: secretMask([]),
    progress: { ...SILENT, warn: (w) => void warnings.push(w) },
    prices: null,
    environment: { lastgood: 'test', node: 'test', platform: 'test' },
    signal: new AbortController().signal,
    hardSignal: new AbortController().signal,
    providerFor: async () => ({ name: 'refund-bot', call: async (request) => answer(request) }),
  };
  const goTo = (to: number): void => {
    night = to;
    clock.time = FIRST_NIGHT + (to - 1) * DAY_MS;
  };
  return {
    work,
    warnings,
    goTo,
    behave: (next) => {
      skill = next;
    },
    run: (to, more = {}) => {
      goTo(to);
      return runNightly(work, assignment, {
        webhook: null,
        ...more,
        // A refused call is a failed one at once: nobody waits for the service to come back.
        settings: { maxAttempts: 1, concurrency: 16, outageMs: 1, ...more.settings },
      });
    },
    bless: async (ref) => {
      await blessSnapshot(work, { ref, by: 'Ada', why: 'outputs read', override: 'the test says so' });
    },
    [Symbol.asyncDispose]: () => store.close(),
  };
}

export interface AlertServer extends AsyncDisposable {
  readonly url: URL;
  /** Bodies of accepted posts. */
  readonly taken: Record<string, unknown>[];
  /** Status for the next posts; 200 by default. */
  status: number;
  posts: number;
}

/** A webhook on loopback. */
export async function alertServer(): Promise<AlertServer> {
  const state = { status: 200, posts: 0, taken: [] as Record<string, unknown>[] };
  const server = createServer((request, reply) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      state.posts++;
      if (state.status === 200) state.taken.push(JSON.parse(text) as Record<string, unknown>);
      reply.writeHead(state.status).end('ok');
    });
  });
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    url: new URL(`http://127.0.0.1:${port}/hooks/T000/secret-part`),
    [Symbol.asyncDispose]: () =>
      new Promise<void>((done) => {
        server.closeAllConnections();
        server.close(() => done());
      }),
  });
}
