// Trials that wait for their call: one queue for each service, retries first, started as its throttle and the run's concurrency allow.

import type { Clock } from '../base/index.ts';
import type { Release } from '../core/index.ts';
import { AnswerRoom } from './answer-room.ts';
import type { OpenTrial } from './open-trial.ts';
import type { Job } from './plan.ts';
import { Throttle, throttleKey } from './throttle.ts';
import type { Timers } from './timers.ts';

/** One service's part of the run. */
export class CallQueue {
  /** Names the service: what counts calls together. */
  readonly key: string;
  readonly throttle: Throttle;
  readonly fresh: OpenTrial[] = [];
  readonly retries: OpenTrial[] = [];
  callOffTimer: (() => void) | null = null;

  constructor(key: string, throttle: Throttle) {
    this.key = key;
    this.throttle = throttle;
  }

  get waiting(): number {
    return this.fresh.length + this.retries.length;
  }
}

export class Lanes {
  private readonly lanes = new Map<string, CallQueue>();
  private readonly ofRelease = new Map<Release, CallQueue>();
  private readonly concurrency: number;
  private readonly outageMs: number;
  private readonly paced: boolean;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly start: (trial: OpenTrial) => void;
  private readonly room = new AnswerRoom();
  private inFlight = 0;
  private pumping = false;
  private turn = 0;

  /** `start` makes the trial's call, or ends the trial; it must not throw. */
  constructor(options: {
    readonly concurrency: number;
    readonly outageMs: number;
    /** false: limits outside this process keep the pace. */
    readonly paced: boolean;
    readonly clock: Clock;
    readonly timers: Timers;
    start(trial: OpenTrial): void;
  }) {
    this.concurrency = options.concurrency;
    this.outageMs = options.outageMs;
    this.paced = options.paced;
    this.clock = options.clock;
    this.timers = options.timers;
    this.start = options.start;
  }

  /** The services of the run so far. */
  get throttles(): readonly Throttle[] {
    return [...this.lanes.values()].map((lane) => lane.throttle);
  }

  of({ release, provider }: Pick<Job, 'release' | 'provider'>): CallQueue {
    const known = this.ofRelease.get(release);
    if (known !== undefined) return known;
    const key = throttleKey(release, provider.name);
    const { concurrency, outageMs, paced } = this;
    const lane = this.lanes.get(key) ?? new CallQueue(key, new Throttle(concurrency, outageMs, paced));
    this.lanes.set(key, lane);
    this.ofRelease.set(release, lane);
    return lane;
  }

  /** A trial waits for its call. One that was called before goes ahead, or its time would run out in the queue. */
  add(trial: OpenTrial): void {
    const { lane } = trial;
    (trial.attemptCount > 0 ? lane.retries : lane.fresh).push(trial);
    this.pump();
  }

  /** A call starts. */
  begin(): void {
    this.inFlight++;
  }

  /** A call has ended. */
  end(): void {
    this.inFlight--;
    this.pump();
  }

  /** An answer of so many characters is held until it is released. */
  hold(chars: number): void {
    this.room.hold(chars);
  }

  /** The answer is written: there may be room for another call. */
  release(chars: number): void {
    this.room.release(chars);
    this.pump();
  }

  /** Takes out all that wait, and stops the timers. */
  takeAll(): OpenTrial[] {
    const all: OpenTrial[] = [];
    for (const lane of this.lanes.values()) {
      all.push(...lane.retries.splice(0), ...lane.fresh.splice(0));
      lane.callOffTimer?.();
      lane.callOffTimer = null;
    }
    return all;
  }

  private pump(): void {
    if (this.pumping) return;
    this.pumping = true;
    try {
      while (this.inFlight < this.concurrency && this.room.fits(this.inFlight)) {
        const trial = this.next();
        if (trial === null) break;
        this.start(trial);
      }
    } finally {
      this.pumping = false;
    }
  }

  /** The next trial that may start, lane by lane in turn. */
  private next(): OpenTrial | null {
    const lanes = [...this.lanes.values()];
    const nowMs = this.clock.now().getTime();
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[(this.turn + i) % lanes.length] as CallQueue;
      if (lane.waiting === 0) continue;
      const waitMs = lane.throttle.waitMs(nowMs);
      if (waitMs > 0) {
        this.wake(lane, waitMs);
        continue;
      }
      this.turn += i + 1;
      return taken(lane);
    }
    return null;
  }

  private wake(lane: CallQueue, waitMs: number): void {
    lane.callOffTimer?.();
    lane.callOffTimer = null;
    // Whatever ends a call pumps.
    if (waitMs === Number.POSITIVE_INFINITY) return;
    lane.callOffTimer = this.timers.after(waitMs, () => {
      lane.callOffTimer = null;
      this.pump();
    });
  }
}

/** While a service is down trials take turns at trying it: the one that failed may be the reason itself. */
function taken({ fresh, retries, throttle }: CallQueue): OpenTrial {
  const freshFirst = throttle.outage.open && throttle.outage.tries % 2 === 0;
  const [first, second] = freshFirst ? [fresh, retries] : [retries, fresh];
  return (first.shift() ?? second.shift()) as OpenTrial;
}
