// An answer is in the ledger before its judge or embedder is asked: a process that ends while they are asked loses nothing that was paid for.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startMock } from '../../bench/kit/mock-server.ts';
import { writeWorld } from '../../bench/run/chaos-world.ts';
import type { GradedTrial } from '../../src/core/index.ts';
import { resumeRun, runSuite } from '../../src/engine/arms/run-suite.ts';
import { readPrivacy } from '../../src/engine/workplace/privacy.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { type Desk, refundDesk, ruled, SUITE, whole } from './refund-desk.ts';

const BIN = fileURLToPath(new URL('../../bin/lastgood.js', import.meta.url));

/** A run on a desk whose examiners answer only once they are let go; `until` waits for something to be so. */
async function stuck(desk: Desk, work: Workplace) {
  let letGo = false;
  const waiting: (() => void)[] = [];
  let asked = 0;
  const held = (): Promise<void> => {
    asked++;
    return letGo ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
  };
  desk.judges['strict'] = whole(
    (request, call) => held().then(() => ruled(request, () => 'yes', call)) as never,
  );
  const vector = { kind: 'embedded', model: 'e', usage: null, latencyMs: 1 };
  const providerFor = (async (release) => ({
    ...(await work.providerFor?.(release)),
    name: 'scripted',
    embed: (texts: readonly string[]) =>
      held().then(() => ({ ...vector, vectors: texts.map(() => [1, 0.5]) })),
  })) as NonNullable<Workplace['providerFor']>;
  const on = { ...work, providerFor };
  const running = runSuite(on, await desk.assignment(), { concurrency: 8 }).catch((e: unknown) => e);
  onTestFinished(async () => {
    for (const go of waiting.splice(0)) go();
    await running;
  });
  while (asked === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  await new Promise((resolve) => setTimeout(resolve, 20));
  return {
    work: on,
    release: () => {
      letGo = true;
    },
  };
}

async function rowsOf(work: Workplace): Promise<{ id: string; rows: GradedTrial[] }> {
  const [summary] = await work.store.list();
  const rows: GradedTrial[] = [];
  for await (const row of work.store.trials(summary?.id ?? '')) rows.push(row);
  return { id: summary?.id ?? '', rows };
}

const WAYS = {
  'a judge': {},
  'an embedder, for `similar`': {
    extra: 'embedder: embedder.yaml\n',
    grade: 'similar: { threshold: 0.5 }',
  },
  'an embedder, for the channel': {
    extra: 'embedder: embedder.yaml\npolicy: { channels: { embedding: warn } }\n',
    grade: 'contains: sorry',
  },
  'a judge whose word alone decides nothing': {
    extra: 'judge: strict.yaml\n',
    grade: 'contains: sorry }, { rubric: { criteria: [{ id: kind, ask: "Pitied?" }], required: false }',
  },
} as const;

describe('answers whose grading hangs', () => {
  it.each(Object.entries(WAYS))(
    'on %s are durable, and another process grades them without the subject',
    async (_, way) => {
      const desk = await refundDesk(3);
      const { extra = '', grade } = { grade: undefined, ...way } as { extra?: string; grade?: string };
      await desk.write('suite.yaml', SUITE(3, extra, grade));
      await desk.write(
        'embedder.yaml',
        'name: embedder\nroute: { provider: openai, model: embed-2026-01-01 }\n',
      );
      const { work, release } = await stuck(desk, desk.work);
      const { id, rows } = await rowsOf(work);
      expect(rows).toHaveLength(6);
      expect(rows.every((r) => r.trial.status === 'answered' && r.judgeCostUsd === null)).toBe(true);
      expect(rows.flatMap((r) => r.grades.map((g) => g.status))).not.toContain('scored');
      expect(rows[0]?.grades[0]?.reason).toMatch(/^not judged yet/);
      expect(await work.store.resolve(id, { now: work.clock.now() })).toMatchObject({
        answered: 6,
        ungraded: 6,
        passRate: null,
      });

      // What a kill leaves: the snapshot is open, and nobody will close it.
      await work.store.close();
      release();
      const store = await openLedger(join(desk.dir, 'lastgood.db'));
      const { summary, report } = await resumeRun({ ...work, store }, id);
      expect(report.calls).toBe(0);
      expect(summary).toMatchObject({
        state: 'finished',
        validity: 'valid',
        answered: 6,
        ungraded: 0,
        passRate: 1,
      });
      // What the first judging cost is not known to anybody.
      expect(summary.judgeCostUsd).toBeNull();
      expect(desk.calls['bot']).toBe(6);
      if (extra.includes('channels')) expect(await store.vectorCounts(id)).toMatchObject([{ trials: 6 }]);
      await store.close();
    },
  );

  it('are judged before they are written where no texts are kept, for nobody could judge them later', async () => {
    const desk = await refundDesk(3);
    const privacy = await readPrivacy([], 'scores');
    const { work } = await stuck(desk, { ...desk.work, ...(privacy === null ? {} : { privacy }) });
    expect((await rowsOf(work)).rows).toEqual([]);
  });
});

describe('kill -9 while the judge hangs', () => {
  it('loses no answer: resuming asks the subject nothing, and the judge no more than it may', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lastgood-judged-later-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const hanging = await startMock({ judgeFaults: { hang: 1 } });
    await writeWorld({ cases: 4, trials: 1, wire: 'chat', judge: 'chat' }, folder, hanging.url);
    const start = (...args: string[]) =>
      spawn(process.execPath, [BIN, 'run', ...args, '--db', join(folder, 'l.db'), '--json'], {
        env: { PATH: process.env['PATH'] ?? '', OPENAI_API_KEY: 'sk-loopback' },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
    // The probe of the judge would hang for its whole minute.
    const struck = start(folder, '--release', join(folder, 'release.yaml'), '--no-preflight');
    // Four answers and four questions to the judge.
    hanging.onRequest = (requests) => {
      if (requests === 8) struck.kill('SIGKILL');
    };
    await once(struck, 'close');
    await hanging.close();

    const port = Number(new URL(hanging.url).port);
    const mock = await startMock({ port });
    onTestFinished(() => mock.close());
    const store = await openLedger(join(folder, 'l.db'));
    const [open] = await store.list();
    await store.close();
    const resume = async (...args: string[]) => {
      const child = start('--resume', open?.id ?? '', ...args);
      let stdout = '';
      child.stdout.on('data', (text: Buffer) => {
        stdout += text.toString();
      });
      const [code] = await once(child, 'close');
      return { code, snapshot: JSON.parse(stdout).snapshot };
    };
    const limited = await resume('--max-judge-calls', '3');
    expect(limited).toMatchObject({ code: 3, snapshot: { answered: 4, ungraded: 1, state: 'interrupted' } });
    expect(mock.asks.map((a) => a.judge)).toEqual([true, true, true]);
    const { code, snapshot } = await resume();
    expect(code).toBe(0);
    expect(mock.asks.filter((a) => !a.judge)).toEqual([]);
    expect(mock.asks).toHaveLength(4);
    expect(snapshot).toMatchObject({ answered: 4, ungraded: 0, passRate: 1, validity: 'valid' });
  });
});
