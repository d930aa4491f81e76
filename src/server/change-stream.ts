// Telling listeners of changes as they come, whoever made them: the log is asked for its newest number while anybody listens.

import type { ShippingStore } from '../core/index.ts';
import { FlagState, type ShippingState } from '../jobs/flag/flag-state.ts';
import { HttpError } from './http-error.ts';

/** How often the log is asked: a change is at its listeners well within a second. */
const POLL_MS = 150;
const MOST_LISTENERS = 1000;
/** Events that may wait for a listener that does not read. */
const MOST_WAITING = 64;
/** How often the mark is made anew while a page listens; it costs more than a number. */
const MARK_MS = 1000;

/** One event of a stream. */
export interface StreamEvent {
  readonly id: number;
  readonly event: string;
  readonly data: object;
}

interface Listener {
  /** Also of what the mark covers. */
  readonly wide: boolean;
  tell(state: ShippingState): void;
}

/** The log as it is, and the streams that follow it. */
export class ChangeStream {
  readonly #store: ShippingStore;
  readonly #state: FlagState;
  readonly #beatMs: number;
  readonly #listeners = new Set<Listener>();
  readonly #ends = new Set<() => void>();
  #timer: NodeJS.Timeout | null = null;
  #seen = 0;
  #closed = false;
  readonly #makeMark: () => Promise<string>;
  #mark = '';
  #markedAt = 0;

  /**
   * `beatMs`: how often a silent stream says that it is there. `makeMark`: a text that changes with everything beside the log that pages
   * show.
   */
  constructor(store: ShippingStore, beatMs: number, makeMark: () => Promise<string> = async () => '') {
    this.#store = store;
    this.#state = new FlagState(store);
    this.#beatMs = beatMs;
    this.#makeMark = makeMark;
  }

  /** For what changes the log over HTTP. */
  get log(): ShippingStore {
    return this.#store;
  }

  state(): Promise<ShippingState> {
    return this.#state.now();
  }

  /** Listeners learn at once of what was changed here. */
  async changed(): Promise<void> {
    this.#markedAt = 0;
    await this.#look();
  }

  /** What a page shows now: another stamp is another page. */
  async stamp(): Promise<string> {
    const { generation } = await this.state();
    return `${generation}.${await this.#makeMark()}`;
  }

  /** An event stream for pages: the stamp, whenever it is another one, and once at the beginning. */
  async openPage(): Promise<Response> {
    this.#mark = await this.#makeMark();
    return this.#open(null, true, (state) => ({
      id: state.generation,
      event: 'change',
      data: { stamp: `${state.generation}.${this.#mark}` },
    }));
  }

  /**
   * An event stream: `eventOf` makes an event of each new state, null for one that is not of interest. With `after`, the place that a
   * listener has seen, it gets the present state at once where that is newer; so does one that has seen none.
   */
  open(after: number | null, eventOf: (state: ShippingState) => StreamEvent | null): Promise<Response> {
    return this.#open(after, false, eventOf);
  }

  async #open(
    after: number | null,
    wide: boolean,
    eventOf: (state: ShippingState) => StreamEvent | null,
  ): Promise<Response> {
    if (this.#listeners.size >= MOST_LISTENERS || this.#closed)
      throw new HttpError(503, 'too many listeners, or the server is stopping', { retryAfterSeconds: 2 });
    const first = await this.state();
    this.#seen = Math.max(this.#seen, first.generation);
    const encoder = new TextEncoder();
    let leave = (): void => {};
    const stream = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          const send = (text: string): void => {
            // Whoever does not read holds memory; when it comes back it gets the newest state.
            if ((controller.desiredSize ?? 0) < -MOST_WAITING) end();
            else controller.enqueue(encoder.encode(text));
          };
          const listener: Listener = {
            wide,
            tell(state) {
              const event = eventOf(state);
              if (event !== null) send(textOf(event));
            },
          };
          const beat = setInterval(() => send(': here\n\n'), this.#beatMs);
          leave = () => {
            clearInterval(beat);
            this.#listeners.delete(listener);
            this.#ends.delete(end);
            this.#rest();
          };
          const end = (): void => {
            leave();
            controller.close();
          };
          this.#listeners.add(listener);
          this.#ends.add(end);
          send('retry: 1000\n\n');
          if (after === null || after < first.generation) listener.tell(first);
          this.#watch();
        },
        cancel: () => leave(),
      },
      new CountQueuingStrategy({ highWaterMark: 1 }),
    );
    return new Response(stream, {
      headers: { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' },
    });
  }

  /** Ends all streams; the log is closed by whoever opened it. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#ends]) end();
    this.#rest();
  }

  #watch(): void {
    if (this.#timer === null && !this.#closed) this.#timer = setTimeout(() => void this.#round(), POLL_MS);
  }

  #rest(): void {
    if (this.#listeners.size > 0 && !this.#closed) return;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  async #round(): Promise<void> {
    // A ledger that is busy now is asked again; the streams stay open, and listeners keep what they have.
    await this.#look().catch(() => {});
    if (this.#timer === null) return;
    this.#timer = null;
    if (this.#listeners.size > 0) this.#watch();
  }

  async #look(): Promise<void> {
    const state = await this.state();
    const moved = state.generation !== this.#seen;
    this.#seen = state.generation;
    // Listeners of the log learn of it before the mark is made.
    if (moved) for (const listener of [...this.#listeners]) if (!listener.wide) listener.tell(state);
    const marked = await this.#lookAtMark();
    if (moved || marked) for (const listener of [...this.#listeners]) if (listener.wide) listener.tell(state);
  }

  async #lookAtMark(): Promise<boolean> {
    const asked = [...this.#listeners].some((listener) => listener.wide);
    if (!asked || Date.now() - this.#markedAt < MARK_MS) return false;
    this.#markedAt = Date.now();
    const mark = await this.#makeMark();
    const marked = mark !== this.#mark;
    this.#mark = mark;
    return marked;
  }
}

function textOf({ id, event, data }: StreamEvent): string {
  return `id: ${id}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
