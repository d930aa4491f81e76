// Limits that several workers share: two gates on one real database, as two workers have them. Waits are only ever checked for being too short.

import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Answered, Failure, RateLimitHint } from '../../src/core/index.ts';
import type { CallBudget, RunSharing, RunTaking, SharedStop } from '../../src/core/shared-run.ts';
import { CallGate } from '../../src/engine/distributed/call-gate.ts';
import { openRunSharing } from '../../src/ledger/shared-runs/sharing.ts';
import { openRunTaking } from '../../src/ledger/shared-runs/taking.ts';
import { noPostgres, type PostgresServer, startPostgres } from '../ledger/postgres-server.ts';

const FREE: CallBudget = { maxCalls: null, maxCostUsd: null, callBoundUsd: null };

const answered = (rateLimit?: RateLimitHint, tokens = 100): Answered =>
  ({ kind: 'answered', rateLimit, usage: { inputTokens: tokens, outputTokens: 0 } }) as Answered;

const tooMany = (retryAfterMs: number): Failure => ({
  ...{ kind: 'failed', cause: 'infra_error', code: 'rate_limited', message: 'too many', httpStatus: 429 },
  ...{ retryable: true, fatal: false, latencyMs: 1, retryAfterMs },
});

describe.skipIf(noPostgres !== null)('limits shared by workers', () => {
  let server: PostgresServer;
  let place: string;
  let sharing: RunSharing;
  const takings: RunTaking[] = [];
  let runs = 0;

  beforeAll(async () => {
    server = await startPostgres();
    place = server.fresh();
    sharing = await openRunSharing(place);
    for (const host of ['one', 'two']) takings.push(await openRunTaking(place, host));
  });
  afterAll(async () => {
    for (const taking of takings) await taking.close();
    await sharing?.close();
    await server?.stop();
  });

  async function world(limits: {
    readonly judge?: Partial<CallBudget>;
    readonly subject?: Partial<CallBudget>;
    readonly callsPerSecond?: number;
    readonly callsAtOnce?: number;
  }) {
    const id = `srun${++runs}`;
    const { callsPerSecond = null, callsAtOnce = null } = limits;
    await sharing.open({
      ...{ id, settings: {}, callsPerSecond, callsAtOnce },
      subject: { ...FREE, ...limits.subject },
      judge: { ...FREE, ...limits.judge },
    });
    await sharing.start(id);
    // Says that both are alive.
    for (const taking of takings) await taking.runs();
    const stops: SharedStop[] = [];
    const gates = takings.map((taking) => new CallGate(taking, id, (stop) => stops.push(stop)));
    return { id, stops, gates: gates as [CallGate, CallGate], service: `service of ${id}` };
  }

  const state = (id: string) => sharing.state(id);

  /** What is granted so many calls, one after the other, takes in ms. */
  async function timed(gate: CallGate, service: string, calls: number): Promise<number> {
    const start = performance.now();
    for (let n = 0; n < calls; n++) {
      expect(await gate.ask('judge', service)).toBeNull();
      gate.endOf('judge', service, { costUsd: 0, reply: answered() });
    }
    return performance.now() - start;
  }

  it('headers that one worker reads slow the other, by requests and by tokens, until there is room again', async () => {
    const {
      gates: [one, two],
      service,
    } = await world({});
    await one.ask('subject', service);
    // 15 of 20 are used up, and full again in 1.5 s: 10 a second.
    const requests = { limit: 20, remaining: 5, fullInMs: 1500.5 };
    one.endOf('subject', service, { costUsd: 0, reply: answered({ requests }) });
    await expect.poll(() => perSecond(service)).toBeCloseTo(10, 0);
    expect(await timed(two, service, 6)).toBeGreaterThan(5 * 100 * 0.9);

    // 900 of 1,000 tokens, at 100 a call, full again in 1.8 s: 5 calls a second, fewer than the requests allow.
    const tokens = { limit: 1000, remaining: 100, fullInMs: 1800.5 };
    await two.ask('subject', service);
    two.endOf('subject', service, { costUsd: 0, reply: answered({ requests, tokens }) });
    await expect.poll(() => perSecond(service)).toBeCloseTo(5, 0);

    const idle = { limit: 1000, remaining: 990, fullInMs: 20 };
    await two.ask('subject', service);
    two.endOf('subject', service, { costUsd: 0, reply: answered({ requests: idle, tokens: idle }) });
    await expect.poll(() => perSecond(service)).toBeNull();
  });

  it('a Retry-After that one worker is given holds for both, and a short one for none', async () => {
    const {
      gates: [one, two],
      service,
    } = await world({});
    await one.ask('subject', service);
    one.endOf('subject', service, { costUsd: 0, reply: tooMany(900) });
    expect(await nextAt(service)).toBeLessThanOrEqual(0);
    await one.ask('subject', service);
    const start = performance.now();
    one.endOf('subject', service, { costUsd: 0, reply: tooMany(2500) });
    await expect.poll(() => nextAt(service)).toBeGreaterThan(0);
    expect(await two.ask('subject', service)).toBeNull();
    expect(performance.now() - start).toBeGreaterThan(2400);
  });

  it('what one worker is refused paces both where the service states no limit', async () => {
    const {
      gates: [one, two],
      service,
    } = await world({});
    expect(await perSecond(service, 'learnt')).toBeNull();
    // The first refusals begin a count, a crowd of further ones sets the pace.
    await expect
      .poll(async () => {
        for (let n = 0; n < 8; n++) await one.ask('judge', service);
        for (let n = 0; n < 8; n++) one.endOf('judge', service, { costUsd: 0, reply: tooMany(0) });
        return perSecond(service, 'learnt');
      })
      .not.toBeNull();
    const pace = (await perSecond(service, 'learnt')) as number;
    expect(await timed(two, service, 11)).toBeGreaterThan((10 / pace) * 1000 * 0.5);
  });

  it('keeps calls in flight to a service within their number, whoever makes them', async () => {
    const {
      gates: [one, two],
      service,
      id,
    } = await world({ callsAtOnce: 3 });
    let [open, most, done] = [0, 0, 0];
    const call = async (gate: CallGate, role: 'subject' | 'judge'): Promise<void> => {
      expect(await gate.ask(role, service)).toBeNull();
      most = Math.max(most, ++open);
      await sleep(10);
      open--;
      done++;
      gate.endOf(role, service, { costUsd: 0, reply: answered() });
    };
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => call(n % 2 === 0 ? one : two, n % 3 === 0 ? 'judge' : 'subject')),
    );
    expect([done, most]).toEqual([20, 3]);

    // A worker that dies with calls in flight does not keep their room.
    const lost = await openRunTaking(place, 'lost');
    const gone = new CallGate(lost, id, () => {});
    for (let n = 0; n < 3; n++) expect(await gone.ask('subject', service)).toBeNull();
    const waits = one.ask('subject', service);
    await lost.close();
    await sharing.freeHeld(id);
    expect(await waits).toBeNull();
  });

  it("keeps the judge's number of calls over both, and stops nothing else", async () => {
    const { gates, stops, service, id } = await world({ judge: { maxCalls: 7 } });
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, n) => gates[n % 2]?.ask('judge', service)),
    );
    expect(asked.filter((refused) => refused === null)).toHaveLength(7);
    expect(asked.filter((refused) => refused !== null)).toEqual(Array(13).fill({ reached: 'calls' }));
    expect(await gates[0].ask('subject', service)).toBeNull();
    expect(stops).toEqual([]);
    expect(await state(id)).toMatchObject({
      stop: null,
      subject: { calls: 1, reached: null },
      judge: { calls: 7, reached: 'calls', refused: true },
    });
  });

  it("keeps the judge's cost over both: one by one until a call has a price, then with room for each in flight", async () => {
    const {
      gates: [one, two],
      service,
      id,
    } = await world({ judge: { maxCostUsd: 0.1 } });
    expect(await one.ask('judge', service)).toBeNull();
    let second = false;
    const waits = two.ask('judge', service).then((refused) => {
      second = true;
      return refused;
    });
    await sleep(300);
    expect(second).toBe(false);
    one.endOf('judge', service, { costUsd: 0.02, reply: answered() });
    expect(await waits).toBeNull();
    // Two cents are spent, two are kept in hand for the call that waited: three more fit, and the others wait for what those cost.
    const rest = await Promise.all(
      Array.from({ length: 6 }, async (_, n) => {
        const gate = n % 2 === 0 ? one : two;
        const refused = await gate.ask('judge', service);
        if (n === 0) two.endOf('judge', service, { costUsd: 0.02, reply: answered() });
        if (refused === null) gate.endOf('judge', service, { costUsd: 0.02, reply: answered() });
        return refused;
      }),
    );
    expect(rest.filter((refused) => refused === null)).toHaveLength(3);
    // What a call cost is written after its end.
    await expect
      .poll(() => state(id))
      .toMatchObject({ judge: { calls: 5, knownCostUsd: expect.closeTo(0.1), reached: 'cost' } });
  });

  it('stops judging where an answer has no price and a cost is to be kept', async () => {
    const {
      gates: [one, two],
      service,
      id,
    } = await world({ judge: { maxCostUsd: 1 } });
    await one.ask('judge', service);
    one.endOf('judge', service, { costUsd: null, reply: answered() });
    expect(await two.ask('judge', service)).toEqual({ reached: 'unpriced' });
    expect(await state(id)).toMatchObject({ judge: { calls: 1, unpricedCalls: 1, reached: 'unpriced' } });
  });

  it('judges answers of a run that was stopped, and calls its release no more', async () => {
    const {
      gates: [one, two],
      service,
      id,
      stops,
    } = await world({ subject: { maxCalls: 1 } });
    expect(await one.ask('subject', service)).toBeNull();
    expect(await two.ask('subject', service)).toMatchObject({ stop: { by: 'max-calls' } });
    expect(stops).toMatchObject([{ by: 'max-calls' }]);
    expect(await two.ask('judge', service)).toBeNull();
    expect((await state(id)).stop).toMatchObject({ by: 'max-calls' });
  });

  async function fromService(service: string, what: string): Promise<number | null> {
    const { Client } = await import('pg');
    const url = new URL(place);
    const schema = url.searchParams.get('schema');
    url.searchParams.delete('schema');
    const client = new Client(url.href);
    await client.connect();
    try {
      const { rows } = await client.query(
        `SELECT (${what})::float8 AS n FROM "${schema}_work".service WHERE name = $1`,
        [service],
      );
      return rows[0]?.n ?? null;
    } finally {
      await client.end();
    }
  }

  const perSecond = (service: string, how = 'per_second') => fromService(service, how);
  /** Seconds until the next call. */
  const nextAt = (service: string) => fromService(service, 'extract(epoch FROM next_at - clock_timestamp())');
});
