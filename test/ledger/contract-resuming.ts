// The part of the store contract about calls that were made for trials which a resumed run runs again: they stay on the books.

import { describe, expect, it } from 'vitest';
import type { Attempt, GradedTrial, SnapshotStore } from '../../src/core/index.ts';
import { freshStore, type OpenStore, refusal, suite } from './contract-setup.ts';
import {
  answered,
  closing,
  collect,
  failed,
  graded,
  newSnapshot,
  scored,
  skipped,
  ungraded,
  VALID,
} from './world.ts';

const attempt = (second: number, outcome: string, httpStatus?: number): Attempt => ({
  startedAt: `2026-03-15T02:00:0${second}.000Z`,
  latencyMs: 90,
  outcome,
  ...(httpStatus === undefined ? {} : { httpStatus }),
});
const BUSY = attempt(0, 'server_error', 500);
const LATE = attempt(1, 'attempt_timeout');
const CUT = attempt(2, 'cancelled');
const REFUSED = attempt(3, 'quota', 429);
const STOPPED = closing({ state: 'interrupted', validity: 'degraded' });

const cut = (caseId: string, attempts: readonly Attempt[]): GradedTrial =>
  graded({ ...skipped(caseId, 0, 'cancelled'), attempts, sent: { model: 'bot', ask: caseId } });
const logOf = ({ trial }: GradedTrial): string[] => trial.attempts.map((a) => a.outcome);

export function resumingContract(open: () => Promise<OpenStore>): void {
  describe('calls of trials that are run again', () => {
    const held = freshStore(open);

    /** A run that was stopped: one answer, two trials with calls, one with none. */
    async function stopped(id: string, store: SnapshotStore): Promise<void> {
      await store.begin(newSnapshot(id, suite));
      await store.append(id, [
        graded(answered('kettle-01', 1, { costUsd: 0.25 })),
        cut('kettle-01', [LATE, CUT]),
        graded({ ...failed('kettle-02'), code: 'quota', attempts: [BUSY, REFUSED] }),
        graded(skipped('kettle-03', 0, 'cancelled')),
      ]);
      expect(await store.finish(id, STOPPED)).toMatchObject(WHEN_STOPPED);
    }
    const WHEN_STOPPED = { trials: 4, calls: 5, costUsd: null, knownCostUsd: 0.25, unpricedTrials: 1 };

    async function books(store: SnapshotStore, id: string): Promise<unknown> {
      const summary = (await store.list()).find((s) => s.id === id);
      const { trials, answered, failed, skipped, calls, costUsd, knownCostUsd, unpricedTrials } =
        summary as NonNullable<typeof summary>;
      return { trials, answered, failed, skipped, calls, costUsd, knownCostUsd, unpricedTrials };
    }

    it('stay until then, and stand first in the log of the trial that takes the place', async () => {
      const { store } = held.current;
      await stopped('sstay001', store);
      await store.reopen('sstay001');
      expect(await store.doneTrials('sstay001')).toEqual(new Map([['kettle-01', new Set([1])]]));
      // Of the trial that nothing was sent for there is nothing.
      expect(await books(store, 'sstay001')).toMatchObject({
        ...WHEN_STOPPED,
        trials: 3,
        skipped: 1,
        failed: 1,
      });
      const again = [
        graded(answered('kettle-01', 0, { costUsd: 0.5 }), [scored('names-refund', false)]),
        graded(answered('kettle-02', 0, { costUsd: 1, attempts: [BUSY, ...answered('kettle-02').attempts] })),
        graded(answered('kettle-03', 0, { costUsd: 2 })),
      ];
      await store.append('sstay001', again);
      const rows = await collect(store.trials('sstay001'));
      expect(rows.map(logOf)).toEqual([
        ['attempt_timeout', 'cancelled', 'answered'],
        ['answered'],
        ['server_error', 'quota', 'server_error', 'answered'],
        ['answered'],
      ]);
      expect(rows[0]?.trial).toEqual({
        ...again[0]?.trial,
        attempts: [LATE, CUT, ...answered('kettle-01').attempts],
      });
      expect(rows.map(({ trial }) => trial.status === 'answered' && trial.costUsd)).toEqual([
        0.5, 0.25, 1, 2,
      ]);
      // The first trial alone had calls whose price nobody told; what its answer cost is known all the same.
      const sums = { answered: 4, failed: 0, skipped: 0, calls: 9, costUsd: null, knownCostUsd: 3.75 };
      const whole = { ...sums, trials: 4, unpricedTrials: 1 };
      expect(await books(store, 'sstay001')).toEqual(whole);
      expect(await store.finish('sstay001', VALID)).toMatchObject({ ...whole, passRate: 2.5 / 3 });
    });

    it('that the service refused make no cost unknown', async () => {
      const { store } = held.current;
      await store.begin(newSnapshot('sfree002', suite));
      await store.append('sfree002', [cut('kettle-01', [BUSY, REFUSED])]);
      await store.finish('sfree002', STOPPED);
      await store.reopen('sfree002');
      await store.append('sfree002', [graded(answered('kettle-01', 0, { costUsd: 0.5 }))]);
      expect(await store.finish('sfree002', VALID)).toMatchObject({ calls: 3, costUsd: 0.5 });
    });

    it('are kept where the answer is graded after it was stored, by somebody who does not know of them', async () => {
      const { store } = held.current;
      await stopped('slater01', store);
      await store.reopen('slater01');
      const answer = answered('kettle-01', 0, { costUsd: 0.5 });
      await store.append('slater01', [graded(answer, [ungraded('tone')], { judgeCostUsd: null })]);
      await store.regrade('slater01', [graded(answer, [scored('tone', true)], { judgeCostUsd: 0.125 })]);
      const [row] = await collect(store.trials('slater01', 'kettle-01'));
      expect(row && logOf(row)).toEqual(['attempt_timeout', 'cancelled', 'answered']);
      expect(row?.grades).toEqual([scored('tone', true)]);
      const sums = { answered: 2, calls: 6, costUsd: null, knownCostUsd: 0.75, unpricedTrials: 1 };
      expect(await books(store, 'slater01')).toMatchObject(sums);
      expect(await store.finish('slater01', STOPPED)).toMatchObject({ ...sums, judgeCostUsd: 0.125 });
    });

    it('add up over any number of runs, and one that sends nothing adds nothing', async () => {
      const { store } = held.current;
      await stopped('sagain01', store);
      for (const row of [
        cut('kettle-01', [CUT]),
        graded(skipped('kettle-01', 0, 'cancelled')),
        graded({ ...failed('kettle-01'), code: 'auth', attempts: [attempt(4, 'auth', 401)] }),
        graded(skipped('kettle-01', 0, 'cancelled')),
      ]) {
        await store.reopen('sagain01');
        await store.append('sagain01', [row]);
        await store.finish('sagain01', STOPPED);
      }
      const [row] = await collect(store.trials('sagain01', 'kettle-01'));
      expect(row && logOf(row)).toEqual(['attempt_timeout', 'cancelled', 'cancelled', 'auth']);
      // The last request that went out is still what was sent.
      expect(row?.trial).toMatchObject({ status: 'skipped', sent: { model: 'gpt-4o-2024-11-20' } });
      expect(await books(store, 'sagain01')).toMatchObject({ ...WHEN_STOPPED, trials: 3, calls: 7 });
    });

    it('are not lost with a process that ends in between, and count once', async () => {
      await stopped('skilled1', held.current.store);
      await held.current.store.reopen('skilled1');
      // As when its process dies, its hold on the snapshot goes with it.
      await held.current.store.close();
      const other = await held.current.reopen();
      await other.reopen('skilled1');
      await other.append('skilled1', [graded(answered('kettle-01', 0, { costUsd: 0.5 }))]);
      expect((await collect(other.trials('skilled1'))).map(logOf)).toEqual([
        ['attempt_timeout', 'cancelled', 'answered'],
        ['answered'],
        ['server_error', 'quota'],
      ]);
      expect(await books(other, 'skilled1')).toMatchObject({ trials: 3, calls: 6, knownCostUsd: 0.75 });
      await other.close();
    });

    it('give no second trial a place: what is done is done, and what nobody resumed is there', async () => {
      const { store } = held.current;
      await store.begin(newSnapshot('splaces1', suite));
      await store.append('splaces1', [cut('kettle-01', [CUT]), graded(failed('kettle-02'))]);
      expect((await store.doneTrials('splaces1')).get('kettle-01')).toEqual(new Set([0]));
      expect((await refusal(store.append('splaces1', [cut('kettle-01', [CUT])]))).code).toBe('TRIAL_EXISTS');
      await store.finish('splaces1', STOPPED);
      await store.reopen('splaces1');
      expect((await refusal(store.append('splaces1', [graded(answered('kettle-02'))]))).code).toBe(
        'TRIAL_EXISTS',
      );
      await store.append('splaces1', [graded(answered('kettle-01'))]);
      // All of a batch or nothing, also of what was taken out for it.
      const batch = [graded(answered('kettle-03')), graded(answered('kettle-01'))];
      expect((await refusal(store.append('splaces1', batch))).code).toBe('TRIAL_EXISTS');
      expect(await books(store, 'splaces1')).toMatchObject({ trials: 2, calls: 4 });
    });
  });
}
