// Laws of calls that are gathered into batches: one reply each, none submitted twice, and open batches are found again.

import { describe, expect, it } from 'vitest';
import type { ProviderReply, ProviderRequest } from '../../src/core/index.ts';
import { BatchCalls, type BatchCallsOptions } from '../../src/run/batch-calls.ts';
import type { BatchOptions } from '../../src/run/index.ts';
import { type BatchScript, ERRORED, MemoryBook, ScriptedBatches } from './scripted-batches.ts';
import { answer, failure } from './scripted-provider.ts';
import { TestTime } from './test-time.ts';

function world(script: BatchScript = {}) {
  return { time: new TestTime(), api: new ScriptedBatches(script), book: new MemoryBook() };
}

let seed = 0;

function open(
  { time, api, book }: ReturnType<typeof world>,
  own: Partial<BatchCallsOptions> & Pick<Partial<BatchOptions>, 'keepAtDeadline'> = {},
) {
  let drawn = ++seed * 1000;
  const notes: string[] = [];
  const warnings: string[] = [];
  const calls = new BatchCalls(
    {
      clock: time,
      timers: time,
      rng: { next: () => (drawn++ * 0.618033988749895) % 1 },
      outageMs: 300_000,
      label: 'judge calls',
      progress: {
        warn: ({ code, message, hint }) => warnings.push(`${code}: ${message}; ${hint}`),
        step: ({ done, total, note }) => notes.push(`${done}/${total} ${note ?? ''}`),
      },
      signal: new AbortController().signal,
      hardSignal: new AbortController().signal,
      deadlineMs: null,
      ...own,
    },
    {
      ...{ api, book, pollMs: 5000, longestPollMs: 60_000 },
      keepAtDeadline: own.keepAtDeadline,
      continueWith: 'the same command continues',
    },
  );
  return { calls, notes, warnings };
}

function question(n: number): ProviderRequest {
  const words = `question ${n}, nonce ${Math.random()}`;
  return {
    ...{ caseId: `q${n}`, trial: 0, messages: [{ role: 'user', content: words }] },
    ...{ vars: {}, params: {}, askedAs: `question ${n}` },
  };
}

/** Asks, and asks once more where that may help, like a judge. */
async function insistently(calls: BatchCalls, n: number): Promise<ProviderReply> {
  for (let attempt = 1; ; attempt++) {
    const reply = await calls.ask(question(n));
    if (reply.kind === 'answered' || !reply.retryable || attempt === 4) return reply;
  }
}

const all = (calls: BatchCalls, count: number): Promise<ProviderReply[]> =>
  Promise.all(Array.from({ length: count }, (_, n) => insistently(calls, n)));

const words = (replies: readonly ProviderReply[]): string[] =>
  replies.map((reply) => (reply.kind === 'answered' ? 'answered' : reply.code));

describe('gathered calls', () => {
  it('go out in one batch, and what failed in a next one', async () => {
    const w = world({ reply: (id, attempt) => (id === 'q3#0' && attempt === 1 ? ERRORED : answer()) });
    const { calls, notes } = open(w);
    expect(words(await w.time.until(all(calls, 50)))).toEqual(Array(50).fill('answered'));
    expect(w.api.batches.map(({ ids }) => ids.length)).toEqual([50, 1]);
    expect(notes).toContain('0/50 batch running: batch_1');
    expect(w.book.entries.size).toBe(2);
    await calls.close(true);
    expect(w.book.entries.size).toBe(0);
  });

  it('are found again in open batches, whatever of their words is random', async () => {
    const w = world({ reply: (id, attempt) => (id === 'q3#0' && attempt === 1 ? ERRORED : answer()) });
    const dead = open(w);
    void all(dead.calls, 20);
    await w.time.until(
      (async () => {
        while (w.api.batches.length < 2) await new Promise<void>((done) => w.time.after(1000, done));
      })(),
    );
    // The process ends here: nothing of its memory is left, and the ledger has two open batches.
    const { calls } = open(w);
    expect(words(await w.time.until(all(calls, 20)))).toEqual(Array(20).fill('answered'));
    expect(w.api.batches.map(({ ids }) => ids.length)).toEqual([20, 1]);
    expect([...w.api.executed.values()]).toEqual(Array(20).fill(1));
    await calls.close(true);
    expect(w.book.entries.size).toBe(0);
  });

  it('end undecided at the deadline, and the batch continues at the service', async () => {
    const w = world({ polls: 1000 });
    const { calls, warnings } = open(w, { deadlineMs: 60_000, keepAtDeadline: true });
    expect(words(await w.time.until(all(calls, 5)))).toEqual(Array(5).fill('batch_left'));
    expect(calls.stoppedBy).toBe('deadline');
    await calls.close(true);
    expect(w.api.batches[0]?.isCancelled).toBe(false);
    expect(warnings).toEqual([
      'BATCH_LEFT: a batch is still open at the service: batch_1; requests that it answers are billed; the same command continues. It fetches the answers. Ctrl-C while it waits cancels the batch',
    ]);
    expect(w.book.entries.size).toBe(1);
    // Nothing is asked any more.
    expect(words([await calls.ask(question(9))])).toEqual(['batch_left']);
  });

  it('a first Ctrl-C cancels the batch and takes what it did', async () => {
    const w = world({ polls: 1000 });
    const soft = new AbortController();
    w.time.after(30_000, () => soft.abort());
    const { calls } = open(w, { signal: soft.signal });
    expect(words(await w.time.until(all(calls, 4))).sort()).toEqual([
      ...['answered', 'answered', 'batch_left', 'batch_left'],
    ]);
    expect(w.api.batches).toMatchObject([{ isCancelled: true }]);
    await calls.close(true);
    const again = open(w).calls;
    expect(words(await w.time.until(all(again, 4)))).toEqual(Array(4).fill('answered'));
    expect([...w.api.executed.values()]).toEqual([1, 1, 1, 1]);
  });

  it('fail for good where the service takes no batch, and are broken off where the ledger is', async () => {
    const refused = failure({ code: 'auth', httpStatus: 401, fatal: true });
    const w = world({ refuse: () => ({ failure: refused, taken: false }) });
    const { calls } = open(w);
    const replies = await w.time.until(all(calls, 3));
    expect(replies).toMatchObject(Array(3).fill({ code: 'auth', fatal: true, retryable: false }));
    const full = world();
    full.book.onPlanned = () => {
      throw new Error('disk full');
    };
    const broken = open(full).calls;
    expect(words(await full.time.until(all(broken, 3)))).toEqual(Array(3).fill('batch_left'));
    await expect(broken.close(true)).rejects.toThrow('disk full');
  });
});
