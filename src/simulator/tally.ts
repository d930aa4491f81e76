// What the simulator has been asked so far, and which trial of which request comes next.

/** Counters since start or reset. */
export interface SimulatorStats {
  /** Simulated now. */
  readonly date: string;
  /** API requests, control calls (`/_sim/…`) not counted. */
  readonly requests: number;
  /** Requests that got a proper reply of a model. */
  readonly answered: number;
  readonly byPath: Readonly<Record<string, number>>;
  /** By the id as requested. */
  readonly byModel: Readonly<Record<string, number>>;
  readonly faults: Readonly<Record<string, number>>;
  /** Requests turned down, by HTTP status. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly inFlight: number;
  readonly maxInFlight: number;
}

/** Every file and batch has a path of its own; they are counted together. */
const BATCH_ID = /\/(file|batch|msgbatch)[-_][0-9a-f]+/;

/** Counts requests, and numbers the attempts and answers of each distinct request within a date. */
export class Tally {
  #requests = 0;
  #answered = 0;
  #inFlight = 0;
  #maxInFlight = 0;
  #byPath = new Map<string, number>();
  #byModel = new Map<string, number>();
  #faults = new Map<string, number>();
  #rejected = new Map<string, number>();
  #attempts = new Map<string, number>();
  #answers = new Map<string, number>();

  requested(path: string): void {
    this.#requests++;
    count(this.#byPath, path.replace(BATCH_ID, '/*'));
  }

  asked(model: string): void {
    count(this.#byModel, model);
  }

  faulted(kind: string): void {
    count(this.#faults, kind);
  }

  rejectedWith(status: number): void {
    count(this.#rejected, String(status));
  }

  entered(): void {
    this.#inFlight++;
    this.#maxInFlight = Math.max(this.#maxInFlight, this.#inFlight);
  }

  left(): void {
    this.#inFlight--;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** How often this request was attempted before on this date; counts this attempt. */
  nextAttempt(date: string, requestKey: string): number {
    return count(this.#attempts, `${date} ${requestKey}`);
  }

  /** How often this request was answered before on this date; counts this answer. */
  nextAnswer(date: string, requestKey: string): number {
    this.#answered++;
    return count(this.#answers, `${date} ${requestKey}`);
  }

  stats(date: string): SimulatorStats {
    return {
      date,
      requests: this.#requests,
      answered: this.#answered,
      byPath: Object.fromEntries(this.#byPath),
      byModel: Object.fromEntries(this.#byModel),
      faults: Object.fromEntries(this.#faults),
      rejected: Object.fromEntries(this.#rejected),
      inFlight: this.#inFlight,
      maxInFlight: this.#maxInFlight,
    };
  }

  /** Forgets everything but the requests that are still open. */
  reset(): void {
    this.#requests = 0;
    this.#answered = 0;
    this.#maxInFlight = this.#inFlight;
    for (const map of [
      this.#byPath,
      this.#byModel,
      this.#faults,
      this.#rejected,
      this.#attempts,
      this.#answers,
    ]) {
      map.clear();
    }
  }
}

/** Adds one and returns the count before. */
function count(map: Map<string, number>, key: string): number {
  const before = map.get(key) ?? 0;
  map.set(key, before + 1);
  return before;
}
