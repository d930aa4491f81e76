// An event stream over fetch, because Node has no EventSource: connects again when it breaks off.

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5000;
/** A server says at least this often that it is there. */
const SILENCE_MS = 45_000;
const LONGEST_EVENT = 1_000_000;

export interface EventStreamOptions {
  readonly url: string;
  readonly headers: () => Record<string, string>;
  /** The data of an event, parsed. */
  readonly onData: (data: unknown) => void;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** Follows a stream until the signal aborts. Never rejects. */
export async function followEvents({ url, headers, onData, signal }: EventStreamOptions): Promise<void> {
  let wait = FIRST_WAIT_MS;
  while (!signal.aborted) {
    try {
      await readOnce({ url, headers, signal }, (data) => {
        wait = FIRST_WAIT_MS;
        onData(data);
      });
    } catch {
      // A broken connection; the next one gets the whole state.
    }
    await pause(wait, signal);
    wait = Math.min(2 * wait, LONGEST_WAIT_MS);
  }
}

async function readOnce(
  { url, headers, signal }: Pick<EventStreamOptions, 'url' | 'headers' | 'signal'>,
  onData: (data: unknown) => void,
): Promise<void> {
  const silent = new AbortController();
  let timer = setTimeout(() => silent.abort(), SILENCE_MS);
  const heard = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => silent.abort(), SILENCE_MS);
    unref(timer);
  };
  try {
    heard();
    const both = AbortSignal.any === undefined ? signal : AbortSignal.any([signal, silent.signal]);
    const response = await fetch(url, {
      headers: { accept: 'text/event-stream', ...headers() },
      signal: both,
    });
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      return;
    }
    const decoder = new TextDecoder();
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      heard();
      text = (text + decoder.decode(chunk, { stream: true })).replaceAll('\r\n', '\n');
      if (text.length > LONGEST_EVENT) return;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const data = dataOf(text.slice(0, end));
        text = text.slice(end + 2);
        if (data !== null) onData(JSON.parse(data));
      }
    }
  } finally {
    clearTimeout(timer);
  }
}

function dataOf(block: string): string | null {
  const lines = block.split('\n').filter((line) => line.startsWith('data:'));
  return lines.length === 0 ? null : lines.map((line) => line.slice(5).replace(/^ /, '')).join('\n');
}

/** Resolves after a time, or at once when the signal aborts. Without `hold` it keeps no process alive. */
export function pause(ms: number, signal: AbortSignal, hold = false): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    if (!hold) unref(timer);
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Only Node's timers hold a process. */
function unref(timer: unknown): void {
  (timer as { unref?: () => void }).unref?.();
}
