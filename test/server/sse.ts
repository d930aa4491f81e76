// Reads an event stream as a browser would: events one after another.

export interface SseEvent {
  readonly id: string;
  readonly event: string;
  readonly data: unknown;
}

export interface SseReader {
  readonly response: Response;
  /** The next event; undefined at the end of the stream. */
  next(): Promise<SseEvent | undefined>;
  close(): Promise<void>;
}

export async function readEvents(url: string, headers: Record<string, string> = {}): Promise<SseReader> {
  const response = await fetch(url, { headers: { accept: 'text/event-stream', ...headers } });
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = '';
  return {
    response,
    async next() {
      for (;;) {
        const end = text.indexOf('\n\n');
        if (end >= 0) {
          const block = text.slice(0, end);
          text = text.slice(end + 2);
          const field = (name: string): string | undefined =>
            block
              .split('\n')
              .find((line) => line.startsWith(`${name}: `))
              ?.slice(name.length + 2);
          const data = field('data');
          if (data !== undefined)
            return { id: field('id') ?? '', event: field('event') ?? 'message', data: JSON.parse(data) };
          continue;
        }
        const { value, done } = await reader.read();
        if (done) return undefined;
        text += decoder.decode(value, { stream: true });
      }
    },
    close: () => reader.cancel(),
  };
}
