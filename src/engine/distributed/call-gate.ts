// A worker's calls pass here: asks the database for as many as wait, in one statement, and says in the same one which have ended.

import { setTimeout as sleep } from 'node:timers/promises';
import type { CallGrant, RunTaking, SharedStop } from '../../core/shared-run.ts';
import { levelInCalls } from '../../run/call-rate.ts';
import type { CallAdmission, Stop } from '../../run/index.ts';
import type { ThrottledReply } from '../../run/throttle.ts';
import { stopWords } from './stop-words.ts';

/** Ended calls are reported after this long where no other call is asked for. */
const REPORT_MS = 200;
/** A service that asks for a longer wait is left alone by every worker. Shorter ones are the pace's business. */
const LONG_WAIT_MS = 2000;
const LONGEST_PAUSE_MS = 60_000;

interface Ended {
  calls: number;
  unused: number;
  unpriced: number;
  spentUsd: number;
  dearestUsd: number;
  releasedUsd: number;
}

class Service {
  readonly waiting: ((stop: Stop | null) => void)[] = [];
  asking = false;
  ended: Ended = nothing();
  inFlight = 0;
  /** Kept in hand for the calls in flight. */
  reservedUsd = 0;
  perSecond: number | null = null;
}

export class CallGate implements CallAdmission {
  readonly #taking: RunTaking;
  readonly #run: string;
  readonly #services = new Map<string, Service>();
  readonly #onStop: (stop: SharedStop) => void;
  #error: unknown = null;
  #stopped: Stop | null = null;

  constructor(taking: RunTaking, run: string, onStop: (stop: SharedStop) => void) {
    this.#taking = taking;
    this.#run = run;
    this.#onStop = onStop;
  }

  take(name: string): Promise<Stop | null> {
    if (this.#stopped !== null) return Promise.resolve(this.#stopped);
    if (this.#error !== null) return Promise.reject(this.#error);
    const service = this.#of(name);
    return new Promise((resolve, reject) => {
      service.waiting.push((stop) => (this.#error === null ? resolve(stop) : reject(this.#error)));
      // Those that come in this turn of the event loop are asked for together.
      if (!service.asking) setImmediate(() => void this.#ask(name, service));
    });
  }

  end(
    name: string,
    { costUsd, reply }: { readonly costUsd: number | null; readonly reply: ThrottledReply },
  ): void {
    const service = this.#of(name);
    const reserved = this.#leave(service);
    service.ended.calls++;
    if (costUsd === null) service.ended.unpriced++;
    else {
      service.ended.spentUsd += costUsd;
      service.ended.releasedUsd += reserved;
      service.ended.dearestUsd = Math.max(service.ended.dearestUsd, costUsd);
    }
    this.#follow(name, service, reply);
    this.#reportSoon(name, service);
  }

  unused(name: string): void {
    const service = this.#of(name);
    service.ended.releasedUsd += this.#leave(service);
    service.ended.calls++;
    service.ended.unused++;
    this.#reportSoon(name, service);
  }

  /** Reports what has not been reported yet. */
  async close(): Promise<void> {
    for (const [name, service] of this.#services)
      if (service.ended.calls > 0) await this.#request(name, service, 0);
  }

  #of(name: string): Service {
    let service = this.#services.get(name);
    if (service === undefined) {
      service = new Service();
      this.#services.set(name, service);
    }
    return service;
  }

  /** What was kept in hand for one of the calls in flight: their mean, which is exact for all of them together. */
  #leave(service: Service): number {
    const reserved = service.inFlight === 0 ? 0 : service.reservedUsd / service.inFlight;
    service.inFlight--;
    service.reservedUsd -= reserved;
    return reserved;
  }

  #reportSoon(name: string, service: Service): void {
    if (service.asking || service.ended.calls > 1) return;
    setTimeout(() => {
      if (!service.asking && service.ended.calls > 0) void this.#ask(name, service);
    }, REPORT_MS).unref();
  }

  async #ask(name: string, service: Service): Promise<void> {
    if (service.asking) return;
    service.asking = true;
    try {
      do {
        const grant = await this.#request(name, service, service.waiting.length);
        if (grant.stop !== null) this.#stop(grant.stop);
        else this.#start(service, grant);
        if (grant.waitMs > 0 || (grant.delayMs > 250 && service.waiting.length > 0))
          await sleep(Math.max(grant.waitMs, grant.delayMs - 250, 5));
      } while (service.waiting.length > 0);
    } catch (error) {
      this.#error = error ?? new Error('the limits of the run could not be asked');
      this.#release(null);
    } finally {
      service.asking = false;
    }
  }

  async #request(service: string, state: Service, wanted: number): Promise<CallGrant> {
    const { ended } = state;
    state.ended = nothing();
    const { calls, ...counts } = ended;
    return this.#taking.admit({ run: this.#run, service, wanted, ended: calls, ...counts });
  }

  #start(service: Service, { granted, reservedUsd, delayMs, gapMs }: CallGrant): void {
    for (let n = 0; n < granted; n++) {
      const go = service.waiting.shift();
      if (go === undefined) return;
      service.inFlight++;
      service.reservedUsd += reservedUsd;
      const ms = delayMs + n * gapMs;
      if (ms < 1) go(null);
      else setTimeout(() => go(null), ms);
    }
  }

  #stop(stop: SharedStop): void {
    if (this.#stopped === null) {
      this.#stopped = stopWords(stop);
      this.#onStop(stop);
    }
    this.#release(this.#stopped);
  }

  #release(stop: Stop | null): void {
    for (const service of this.#services.values()) for (const go of service.waiting.splice(0)) go(stop);
  }

  /** What the service says of its limit holds for all workers. */
  #follow(name: string, service: Service, reply: ThrottledReply): void {
    const { rateLimit } = reply;
    const perSecond = rateLimit === undefined ? null : (levelInCalls(rateLimit.requests, 1)?.refill ?? null);
    const known = service.perSecond;
    const news = perSecond !== null && (known === null || Math.abs(perSecond - known) > 0.02 * known);
    const asked = reply.kind === 'failed' && reply.httpStatus === 429 ? (reply.retryAfterMs ?? 0) : 0;
    if (!news && asked < LONG_WAIT_MS) return;
    if (news) service.perSecond = perSecond;
    const pauseMs = asked < LONG_WAIT_MS ? 0 : Math.min(asked, LONGEST_PAUSE_MS);
    this.#taking.limited({ service: name, perSecond: news ? perSecond : null, pauseMs }).catch(() => {
      // The next question meets the same database, and is heard.
    });
  }
}

function nothing(): Ended {
  return { calls: 0, unused: 0, unpriced: 0, spentUsd: 0, dearestUsd: 0, releasedUsd: 0 };
}
