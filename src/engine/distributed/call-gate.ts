// A worker's calls pass here: asks the database for as many as wait, in one statement, and says in the same one which have ended.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Failure } from '../../core/index.ts';
import type { BudgetReached, CallGrant, CallRole, RunTaking, SharedStop } from '../../core/shared-run.ts';
import type { CallAdmission, Stop } from '../../run/index.ts';
import { isRefusal } from '../../run/overload.ts';
import type { ThrottledReply } from '../../run/throttle.ts';
import { ServiceLimits } from './service-limits.ts';
import { stopWords } from './stop-words.ts';

/** Ended calls are reported after this long where no other call is asked for. */
const REPORT_MS = 200;
/** Turns are asked for so long before they come: this process may be late. */
const AHEAD_MS = 500;

interface Ended {
  calls: number;
  unused: number;
  unpriced: number;
  blind: number;
  started: number;
  refused: number;
  spentUsd: number;
  dearestUsd: number;
  releasedUsd: number;
}

/** Why a call may not start. */
export type Refused = { readonly stop: Stop } | { readonly reached: BudgetReached };

interface EndedCall {
  readonly costUsd: number | null;
  readonly reply: ThrottledReply;
}

/** The calls to one service in one role. */
class Service {
  readonly role: CallRole;
  readonly name: string;
  readonly waiting: ((refused: Refused | null) => void)[] = [];
  asking = false;
  ended: Ended = nothing();
  inFlight = 0;
  /** Kept in hand for the calls in flight. */
  reservedUsd = 0;
  /** The count of what was refused, and when it began. */
  window = 0;
  windowMs = 0;

  constructor(role: CallRole, name: string) {
    this.role = role;
    this.name = name;
  }
}

export class CallGate implements CallAdmission {
  readonly #taking: RunTaking;
  readonly #run: string;
  readonly #services = new Map<string, Service>();
  readonly #limits: ServiceLimits;
  readonly #onStop: (stop: SharedStop) => void;
  #error: unknown = null;
  #stopped: Stop | null = null;
  readonly #reached = new Map<CallRole, BudgetReached>();

  constructor(taking: RunTaking, run: string, onStop: (stop: SharedStop) => void) {
    this.#taking = taking;
    this.#run = run;
    this.#onStop = onStop;
    this.#limits = new ServiceLimits(taking);
  }

  async take(name: string): Promise<Stop | null> {
    const refused = await this.ask('subject', name);
    return refused !== null && 'stop' in refused ? refused.stop : null;
  }

  end(name: string, call: EndedCall): void {
    this.endOf('subject', name, call);
  }

  unused(name: string): void {
    this.unusedOf('subject', name);
  }

  /** Resolves when a call in this role may start; otherwise with what forbids it. */
  ask(role: CallRole, name: string): Promise<Refused | null> {
    const reached = this.#reached.get(role);
    if (role === 'subject' && this.#stopped !== null) return Promise.resolve({ stop: this.#stopped });
    if (reached !== undefined && role !== 'subject') return Promise.resolve({ reached });
    if (this.#error !== null) return Promise.reject(this.#error);
    const service = this.#of(role, name);
    return new Promise((resolve, reject) => {
      service.waiting.push((refused) => (this.#error === null ? resolve(refused) : reject(this.#error)));
      // Those that come in this turn of the event loop are asked for together.
      if (!service.asking) setImmediate(() => void this.#ask(service));
    });
  }

  endOf(role: CallRole, name: string, { costUsd, reply }: EndedCall): void {
    const service = this.#of(role, name);
    const reserved = this.#leave(service);
    service.ended.calls++;
    if (costUsd === null) {
      service.ended.unpriced++;
      if (reply.kind !== 'failed') service.ended.blind++;
    } else {
      service.ended.spentUsd += costUsd;
      service.ended.releasedUsd += reserved;
      service.ended.dearestUsd = Math.max(service.ended.dearestUsd, costUsd);
    }
    if (isOverload(reply) && performance.now() - reply.latencyMs >= service.windowMs) service.ended.refused++;
    this.#limits.follow(name, reply);
    this.#reportSoon(service);
  }

  unusedOf(role: CallRole, name: string): void {
    const service = this.#of(role, name);
    service.ended.releasedUsd += this.#leave(service);
    service.ended.calls++;
    service.ended.unused++;
    this.#reportSoon(service);
  }

  /** Reports what has not been reported yet. */
  async close(): Promise<void> {
    for (const service of this.#services.values())
      if (service.ended.calls > 0) await this.#request(service, 0);
  }

  #of(role: CallRole, name: string): Service {
    const key = `${role} ${name}`;
    let service = this.#services.get(key);
    if (service === undefined) {
      service = new Service(role, name);
      this.#services.set(key, service);
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

  #reportSoon(service: Service): void {
    if (service.asking || service.ended.calls > 1) return;
    setTimeout(() => {
      if (!service.asking && service.ended.calls > 0) void this.#ask(service);
    }, REPORT_MS).unref();
  }

  async #ask(service: Service): Promise<void> {
    if (service.asking) return;
    service.asking = true;
    try {
      do {
        const grant = await this.#request(service, service.waiting.length);
        if (grant.stop !== null) this.#stop(grant.stop);
        else if (grant.reached !== null) this.#limitReached(service.role, grant.reached);
        else this.#start(service, grant);
        if (grant.waitMs > 0 || (grant.delayMs > AHEAD_MS && service.waiting.length > 0))
          await sleep(Math.max(grant.waitMs, grant.delayMs - AHEAD_MS, 5));
      } while (service.waiting.length > 0);
    } catch (error) {
      this.#error = error ?? new Error('the limits of the run could not be asked');
      this.#release(() => true, null);
    } finally {
      service.asking = false;
    }
  }

  async #request(service: Service, wanted: number): Promise<CallGrant> {
    const { ended, role, name } = service;
    service.ended = nothing();
    const { calls, ...counts } = ended;
    const grant = await this.#taking.admit({
      ...{ run: this.#run, role, service: name, wanted, ended: calls, window: service.window },
      ...counts,
    });
    if (grant.window !== service.window) {
      service.window = grant.window;
      service.windowMs = performance.now();
      // They began before it.
      service.ended.started = service.ended.refused = 0;
    }
    return grant;
  }

  #start(service: Service, { granted, reservedUsd, delayMs, gapMs }: CallGrant): void {
    for (let n = 0; n < granted; n++) {
      const go = service.waiting.shift();
      if (go === undefined) return;
      service.inFlight++;
      service.reservedUsd += reservedUsd;
      const begin = (): void => {
        service.ended.started++;
        go(null);
      };
      const ms = delayMs + n * gapMs;
      if (ms < 1) begin();
      else setTimeout(begin, ms);
    }
  }

  /** The release is called no more. What it answered is still judged. */
  #stop(stop: SharedStop): void {
    if (this.#stopped === null) {
      this.#stopped = stopWords(stop);
      this.#onStop(stop);
    }
    this.#release((role) => role === 'subject', { stop: this.#stopped });
  }

  #limitReached(role: CallRole, reached: BudgetReached): void {
    this.#reached.set(role, reached);
    this.#release((one) => one === role, { reached });
  }

  #release(whom: (role: CallRole) => boolean, refused: Refused | null): void {
    for (const { role, waiting } of this.#services.values())
      if (whom(role)) for (const go of waiting.splice(0)) go(refused);
  }
}

function isOverload(reply: ThrottledReply): reply is Failure {
  return reply.kind === 'failed' && isRefusal(reply);
}

function nothing(): Ended {
  return {
    ...{ calls: 0, unused: 0, unpriced: 0, blind: 0, started: 0, refused: 0 },
    ...{ spentUsd: 0, dearestUsd: 0, releasedUsd: 0 },
  };
}
