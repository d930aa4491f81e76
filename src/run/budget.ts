// Whether the run may still start a call: counts and money, with room kept for the calls in flight.

/** `hold` = not now, but perhaps when a call in flight turns out cheaper than feared; the two limits are final. */
export type Admission = 'go' | 'hold' | 'max-calls' | 'max-cost';

/** Sums of binary fractions must not refuse the last call that exactly fits. */
const ROUNDING = 1e-9;

export class Budget {
  private calls = 0;
  private inFlight = 0;
  /** Known costs, and for calls of unknown cost the most that one call has cost. */
  private chargedUsd = 0;
  private dearestUsd: number | null = null;
  private readonly maxCalls: number | null;
  private readonly maxCostUsd: number | null;
  private expectedUsd: number | null;

  /** `expectedUsd`: an upper bound for one call known beforehand; without it the first calls go one by one until one has a price. */
  constructor(maxCalls: number | null, maxCostUsd: number | null, expectedUsd: number | null) {
    this.maxCalls = maxCalls;
    this.maxCostUsd = maxCostUsd;
    this.expectedUsd = expectedUsd;
  }

  admit(): Admission {
    if (this.maxCalls !== null && this.calls >= this.maxCalls) return 'max-calls';
    if (this.maxCostUsd === null) return 'go';
    const limit = this.maxCostUsd * (1 + ROUNDING);
    if (this.chargedUsd >= this.maxCostUsd * (1 - ROUNDING)) return 'max-cost';
    const perCall = this.perCallUsd;
    if (perCall === null) return this.inFlight === 0 ? 'go' : 'hold';
    if (this.chargedUsd + (this.inFlight + 1) * perCall <= limit) return 'go';
    return this.inFlight > 0 ? 'hold' : 'max-cost';
  }

  /** A call may cost so much: until one has a price, each reserves the highest of these. */
  expect(usd: number): void {
    this.expectedUsd = Math.max(this.expectedUsd ?? 0, usd);
  }

  begin(): void {
    this.calls++;
    this.inFlight++;
  }

  /** `costUsd` null = unknown: it is charged like the dearest call so far. A refusal's 0 says nothing about what an answer costs. */
  end(costUsd: number | null, answered: boolean): void {
    this.inFlight--;
    this.chargedUsd += costUsd ?? this.perCallUsd ?? 0;
    if (costUsd !== null && (answered || costUsd > 0))
      this.dearestUsd = Math.max(this.dearestUsd ?? 0, costUsd);
  }

  /** True when a cost limit stands but an answer came whose cost is neither known nor estimated: the limit cannot be kept. */
  blind(costUsd: number | null): boolean {
    return this.maxCostUsd !== null && costUsd === null && this.perCallUsd === null;
  }

  private get perCallUsd(): number | null {
    return this.dearestUsd ?? this.expectedUsd;
  }
}
