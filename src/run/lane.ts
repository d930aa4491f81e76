// One route's share of the run: how many calls it may have in flight now, learnt from what the service refuses.

import pLimit, { type LimitFunction } from 'p-limit';
import { layerText, type RateLimitHint, type Release } from '../core/index.ts';
import { LONGEST_RETRY_AFTER_MS } from './backoff.ts';

/** Slots won back per full round of successes: gentle enough that a real limit is seldom met again. */
const GROWTH_PER_ROUND = 2;

/**
 * Additive increase, multiplicative decrease (Chiu & Jain 1989), as TCP does it: a refusal halves the slots, and only once
 * per round, because calls that were already under way when it came say nothing new; every answer wins back a fraction.
 */
export class Lane {
  /** Runs a function as soon as the lane has a free slot. */
  readonly gate: LimitFunction;
  private readonly cap: number;
  private slots: number;
  private calls = 0;
  /** Calls numbered up to this were under way at the last decrease. */
  private decreasedAt = 0;
  private pausedUntilMs = 0;
  /** Whether the reader was told. */
  warned = false;

  constructor(cap: number) {
    this.cap = cap;
    this.slots = cap;
    this.gate = pLimit(cap);
  }

  /** Calls the lane may have in flight now. */
  get limit(): number {
    return Math.max(1, Math.floor(this.slots));
  }

  /** Numbers a call that starts. */
  begin(): number {
    return ++this.calls;
  }

  answered(): void {
    if (this.slots >= this.cap) return;
    this.slots = Math.min(this.cap, this.slots + GROWTH_PER_ROUND / this.slots);
    this.apply();
  }

  /** The service refused call `number` because of load. Returns true when the lane was already down to one call. */
  refused(number: number): boolean {
    if (number <= this.decreasedAt) return false;
    this.decreasedAt = this.calls;
    const atFloor = this.limit === 1;
    this.slots = Math.max(1, this.slots / 2);
    this.apply();
    return atFloor;
  }

  /** Starts nothing until then. */
  pause(untilMs: number): void {
    this.pausedUntilMs = Math.max(this.pausedUntilMs, untilMs);
  }

  /** A reply that says "none left" with a time to reset pauses the lane before it is refused. */
  heed(hint: RateLimitHint | undefined, nowMs: number): void {
    if (hint?.resetMs === undefined || !(hint.resetMs > 0)) return;
    // Some services send 0 of 0 for "no such limit".
    const spent =
      (hint.remainingRequests === 0 && (hint.limitRequests ?? 1) > 0) || hint.remainingTokens === 0;
    if (spent) this.pause(nowMs + Math.min(hint.resetMs, LONGEST_RETRY_AFTER_MS));
  }

  /** How long a call must still wait; 0 = it may start. */
  pauseMs(nowMs: number): number {
    return Math.max(0, this.pausedUntilMs - nowMs);
  }

  private apply(): void {
    if (this.gate.concurrency !== this.limit) this.gate.concurrency = this.limit;
  }
}

/** A service counts per provider, key and model: arms that differ elsewhere share a lane. */
export function laneKey(release: Release, provider: string): string {
  const { route } = release.layers;
  const model = layerText(route, 'model') ?? release.layerHashes.route;
  return JSON.stringify([
    layerText(route, 'provider') ?? provider,
    route['base-url'] ?? null,
    release.paths['api-key-env'] ?? null,
    model,
  ]);
}
