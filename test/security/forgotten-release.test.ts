// A release out of which a text was forgotten, or whose layers were swapped under its fingerprint: it is never run, mixed or restored.

import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { SILENT } from '../../src/base/index.ts';
import { hybridRelease, type Release, wholeRelease } from '../../src/core/index.ts';
import { resumeRun, runSuite } from '../../src/engine/arms/run-suite.ts';
import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import { providerOf } from '../../src/engine/workplace/workplace.ts';
import { bisectLayers } from '../../src/jobs/bisect/bisect.ts';
import { controlRelease } from '../../src/jobs/check/check-steps.ts';
import { historyOf } from '../../src/jobs/rollback/rollback-context.ts';
import { RoutePreflight } from '../../src/jobs/rollback/rollback-preflight.ts';
import { openLedger, withLedgerFile } from '../../src/ledger/index.ts';
import { forget } from '../../src/ledger/sqlite/forget.ts';
import { screenCandidates } from '../../src/rollback/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import {
  answered,
  closing,
  graded,
  newSnapshot,
  refundCase,
  refundRelease,
  refundSuite,
  scored,
  temporaryFolder,
  VALID,
} from '../ledger/world.ts';

const REFUSED = { code: 'RELEASE_FORGOTTEN', exitCode: 3 };
const suite = refundSuite([refundCase('kettle', { trials: 2 })]);

function swapped(release: Release): Release {
  const layers = {
    ...release.layers,
    route: { provider: 'command', command: ['bash', '-c', 'id # [forgotten]'] },
  };
  return { ...release, layers: layers as unknown as Release['layers'] };
}

describe('a release whose layers do not have their hashes', () => {
  it('is refused for every use, with the layer that is not whole', () => {
    expect(() => wholeRelease(swapped(refundRelease()), 'restored')).toThrow(
      expect.objectContaining({ ...REFUSED, message: expect.stringContaining('the stored route layer') }),
    );
    const whole = refundRelease();
    expect(wholeRelease(whole, 'run')).toBe(whole);
    const other = { ...whole, fingerprint: 'a'.repeat(64) };
    expect(() => wholeRelease(other, 'run')).toThrow(expect.objectContaining(REFUSED));
  });

  it('passes its gaps on to hybrids that take the layer, and is no rollback target', () => {
    const donor: Release = { ...refundRelease('gpt-4o-2025-02-02'), forgotten: ['prompt'] };
    const taken = hybridRelease(refundRelease(), donor, ['prompt'], donor.pin);
    expect(() => wholeRelease(taken, 'run')).toThrow(expect.objectContaining(REFUSED));
    const left = hybridRelease(refundRelease(), donor, ['route'], donor.pin);
    expect(wholeRelease(left, 'run')).toBe(left);
    const { passed, rejected } = screenCandidates(
      [
        { release: taken, snapshot: null, hybrid: true },
        { release: swapped(refundRelease('gpt-4o-2025-02-02')), snapshot: null, hybrid: false },
      ] as never,
      {
        current: refundRelease('gpt-4o-2025-03-03'),
        incident: null,
        regressed: [],
        onset: null,
        alpha: 0.05,
      } as never,
    );
    expect(passed).toEqual([]);
    expect(rejected.map((r) => r.reason)).toEqual(['forgotten', 'forgotten']);
  });
});

it('after a text was forgotten in a prompt: no run, no resume, no bisect with what is left of it', async () => {
  const made = await temporaryFolder();
  onTestFinished(() => made[Symbol.asyncDispose]());
  const db = join(made.path, 'lastgood.db');
  const store = await openLedger(db);
  for (const [id, model, pass] of [
    ['sgood0001', 'gpt-4o-2024-11-20', true],
    ['sbad00001', 'gpt-4o-2025-02-02', false],
  ] as const) {
    await store.begin(newSnapshot(id, suite, { release: refundRelease(model) }));
    await store.append(
      id,
      [0, 1].map((n) => graded(answered('kettle', n), [scored('names-refund', pass), scored('short', true)])),
    );
    await store.finish(id, VALID);
  }
  await store.begin(newSnapshot('sstopped1', suite));
  await store.append('sstopped1', [graded(answered('kettle'))]);
  await store.finish('sstopped1', closing({ state: 'interrupted', validity: 'degraded' }));
  await store.close();
  await withLedgerFile(db, {}, (file) =>
    forget(file, { kind: 'text', text: 'refund desk', substring: true }),
  );
  const never = new AbortController().signal;
  const work = await openWorkplace({
    ...{ db, root: made.path, environment: {}, progress: SILENT, signal: never, hardSignal: never },
    ...{ version: 'test', node: 'test', platform: 'test', rng: new Mt19937(1) },
  });
  onTestFinished(() => work.store.close());
  const asked: Release[] = [];
  const watched = {
    ...work,
    providerFor: (release: Release) => {
      asked.push(release);
      return Promise.reject(new Error('nobody is asked'));
    },
  };
  await expect(resumeRun(watched, 'sstopped1')).rejects.toMatchObject(REFUSED);
  const bisect = { suite: 'refund-bot', good: 'sgood0001', bad: 'sbad00001' };
  await expect(bisectLayers(watched, bisect as never)).rejects.toMatchObject(REFUSED);
  const release = await work.store.releaseOf('sgood0001');
  await expect(runSuite(watched, { suite, release, judge: null, embedder: null })).rejects.toMatchObject(
    REFUSED,
  );
  // What is run beside another release, too: the control of a check, or of a rollback.
  await expect(providerOf(watched, release)).rejects.toMatchObject(REFUSED);
  const control = await controlRelease(
    watched,
    { suite, release: refundRelease('gpt-4o-2025-02-02') },
    { summary: await work.store.resolve('sgood0001', { now: new Date() }) } as never,
    { wanted: true, sameApplication: async () => true },
  );
  expect(control).toMatchObject({ kind: 'impossible', why: expect.stringContaining('prompt layer') });
  const preflight = new RoutePreflight(watched, suite);
  expect(await preflight.refusal({ release })).toMatchObject({ detail: expect.stringContaining('prompt') });
  expect(asked).toEqual([]);
  // Its numbers stay: history and comparisons go on.
  expect(await historyOf(work, 'refund-bot')).toHaveLength(3);
});

it('what was measured here names the layers of a fingerprint, not what a file says of it', async () => {
  const made = await temporaryFolder();
  onTestFinished(() => made[Symbol.asyncDispose]());
  const store = await openLedger(join(made.path, 'lastgood.db'));
  onTestFinished(() => store.close());
  for (const [id, imported, startedAt] of [
    ['sfile0001', true, '2026-03-01T02:00:00.000Z'],
    ['sown00001', false, '2026-03-15T02:00:00.000Z'],
  ] as const) {
    const release = refundRelease('gpt-4o-2024-11-20', {
      name: imported ? 'from a file' : 'our own',
      paths: { cwd: imported ? '/tmp/elsewhere' : '/shop' },
    });
    await store.begin(newSnapshot(id, suite, { imported, startedAt, release }));
    await store.append(id, [graded(answered('kettle')), graded(answered('kettle', 1))]);
    await store.finish(id, { ...VALID, finishedAt: startedAt });
  }
  const past = await historyOf({ store } as never, 'refund-bot');
  expect(past.map((p) => p.release.name)).toEqual(['our own', 'our own']);
  expect(past.map((p) => p.release.paths['cwd'])).toEqual(['/shop', '/shop']);
});
