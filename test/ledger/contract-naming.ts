// The part of the store contract about many snapshots: lists, references, baselines, and what else is kept beside them.

import { describe, expect, it } from 'vitest';
import type { NewSnapshot, SnapshotStore } from '../../src/core/snapshot.ts';
import { freshStore, type OpenStore, refusal, suite } from './contract-setup.ts';
import { answered, closing, graded, newSnapshot, refundRelease, refundSuite } from './world.ts';

const NOW = new Date('2026-03-20T12:00:00.000Z');

/** A night of one trial, finished. */
async function night(
  store: SnapshotStore,
  id: string,
  patch: Partial<NewSnapshot> = {},
  validity: 'valid' | 'degraded' | 'invalid' = 'valid',
): Promise<void> {
  await store.begin(newSnapshot(id, suite, patch));
  await store.append(id, [graded(answered('kettle-01'))]);
  await store.finish(id, closing({ validity }));
}

export function namingContract(open: () => Promise<OpenStore>): void {
  describe('many snapshots', () => {
    const held = freshStore(open);
    describe('listing and naming', () => {
      it('lists newest first, by suite, fingerprint and purpose', async () => {
        const { store } = held.current;
        await night(store, 'snight02', {
          startedAt: '2026-03-16T02:00:00Z',
          release: refundRelease('gpt-4o-2025-01-01'),
        });
        await night(store, 'snight01', { startedAt: '2026-03-15T02:00:00Z' });
        await night(store, 'snight03', { startedAt: '2026-03-17T02:00:00Z', purpose: 'verification' });
        await night(store, 'sother01', {
          startedAt: '2026-03-14T02:00:00Z',
          suite: refundSuite([...suite.cases], { name: 'release-notes' }),
        });
        const ids = async (query?: Parameters<SnapshotStore['list']>[0]) =>
          (await store.list(query)).map((s) => s.id);
        expect(await ids()).toEqual(['snight03', 'snight02', 'snight01', 'sother01']);
        expect(await ids({ suite: 'refund-bot', limit: 2 })).toEqual(['snight03', 'snight02']);
        expect(await ids({ suite: 'release-notes' })).toEqual(['sother01']);
        expect(await ids({ purposes: ['verification', 'bisect'] })).toEqual(['snight03']);
        expect(await ids({ purposes: [] })).toEqual([]);
        expect(await ids({ suite: 'refund-bot', fingerprint: refundRelease().fingerprint })).toEqual([
          'snight03',
          'snight01',
        ]);
      });

      it('resolves ids, positions, days and labels', async () => {
        const { store } = held.current;
        await night(store, 'saaaa111', {
          startedAt: '2026-03-15T23:59:59.999Z',
          labels: { release: 'v1', "it's.odd": 'a=b' },
        });
        await night(
          store,
          'saaaa222',
          { startedAt: '2026-03-16T00:00:00.000Z', labels: { release: 'v1' } },
          'degraded',
        );
        await night(store, 'sbbbb111', { startedAt: '2026-03-18T02:00:00.000Z' }, 'invalid');
        await night(store, 'sbbbb222', { startedAt: '2026-03-19T08:00:00.000Z' });
        await night(store, 'sverify1', { startedAt: '2026-03-19T09:00:00.000Z', purpose: 'verification' });
        await store.begin(newSnapshot('srunning', suite, { startedAt: '2026-03-19T10:00:00.000Z' }));
        await store.begin(newSnapshot('sstopped', suite, { startedAt: '2026-03-19T11:00:00.000Z' }));
        await store.finish('sstopped', closing({ state: 'interrupted' }));
        const id = async (ref: string, name?: string) =>
          (await store.resolve(ref, { suite: name, now: NOW })).id;

        expect(await id('saaaa1')).toBe('saaaa111');
        expect(await id('SBBBB2')).toBe('sbbbb222');
        expect(await id('sstop')).toBe('sstopped');
        expect(await id('sver')).toBe('sverify1');
        expect(await id('latest')).toBe('sbbbb222');
        expect(await id('latest~0', 'refund-bot')).toBe('sbbbb222');
        expect(await id('latest~1')).toBe('sbbbb111');
        expect(await id('latest~3')).toBe('saaaa111');
        expect(await id('@2026-03-15')).toBe('saaaa111');
        expect(await id('@2026-03-18')).toBe('saaaa111');
        expect(await id('@2026-03-19T07:59:59Z')).toBe('saaaa111');
        expect(await id('@2026-03-19T08:00:00Z')).toBe('sbbbb222');
        expect(await id('@2026-03-19T09:00:00+01:00')).toBe('sbbbb222');
        expect(await id('@yesterday')).toBe('sbbbb222');
        expect(await id('@today')).toBe('sbbbb222');
        expect(await id('label:release=v1')).toBe('saaaa222');
        expect(await id("label:it's.odd=a=b")).toBe('saaaa111');

        const no = async (ref: string, name?: string) => {
          const { code, exitCode } = await refusal(store.resolve(ref, { suite: name, now: NOW }));
          return [code, exitCode];
        };
        expect(await no('saaa')).toEqual(['REF_AMBIGUOUS', 2]);
        expect(await no('szzzz')).toEqual(['REF_NOT_FOUND', 2]);
        expect(await no('latest~4')).toEqual(['REF_NOT_FOUND', 3]);
        expect(await no('latest', 'release-notes')).toEqual(['REF_NOT_FOUND', 3]);
        expect(await no('@2026-03-14')).toEqual(['REF_NOT_FOUND', 3]);
        expect(await no('@2026-02-31')).toEqual(['REF_NOT_FOUND', 2]);
        expect(await no('label:release=v2')).toEqual(['REF_NOT_FOUND', 2]);
        expect(await no('the good one')).toEqual(['REF_NOT_FOUND', 2]);
        expect(await no('baseline', 'refund-bot')).toEqual(['REF_NOT_FOUND', 3]);
        expect((await refusal(store.resolve('saaa', { now: NOW }))).message).toMatch(
          /saaaa222[\s\S]*saaaa111/,
        );
      });

      it('takes a whole id even where it begins a longer one', async () => {
        const { store } = held.current;
        await night(store, 'sabcd');
        await night(store, 'sabcdef');
        expect((await store.resolve('sabcd', { now: NOW })).id).toBe('sabcd');
        expect((await refusal(store.resolve('sabc', { now: NOW }))).code).toBe('REF_AMBIGUOUS');
      });
    });

    describe('baselines', () => {
      const by = {
        by: 'ann',
        why: 'the Friday release',
        at: '2026-03-16T09:00:00Z',
        overrode: ['degraded: known outage'],
      };

      it('keeps every blessing, and the last one is the baseline', async () => {
        const { store } = held.current;
        await night(store, 'sgood001');
        await night(store, 'sgood002', { startedAt: '2026-03-16T02:00:00Z' }, 'degraded');
        const first = { snapshot: 'sgood002', suite: 'refund-bot', ...by };
        const second = { ...first, snapshot: 'sgood001', overrode: [] };
        await store.bless(first);
        expect((await store.resolve('baseline', { now: NOW })).id).toBe('sgood002');
        await store.bless(second);
        expect((await store.resolve('baseline', { now: NOW, suite: 'refund-bot' })).id).toBe('sgood001');
        expect(await store.blessings('refund-bot')).toEqual([first, second]);
        expect(await store.blessings()).toHaveLength(2);
        expect(await store.blessings('release-notes')).toEqual([]);
      });

      it('asks for the suite where there are several', async () => {
        const { store } = held.current;
        await night(store, 'sgood001');
        await night(store, 'snotes01', { suite: refundSuite([...suite.cases], { name: 'release-notes' }) });
        await store.bless({ snapshot: 'snotes01', suite: 'release-notes', ...by });
        expect(await refusal(store.resolve('baseline', { now: NOW }))).toMatchObject({
          code: 'REF_AMBIGUOUS',
          exitCode: 2,
        });
        expect((await store.resolve('baseline', { now: NOW, suite: 'release-notes' })).id).toBe('snotes01');
      });

      it('blesses nothing invalid, unfinished, unknown or of another suite', async () => {
        const { store } = held.current;
        await night(store, 'sinvalid', {}, 'invalid');
        await night(store, 'sgood001');
        await store.begin(newSnapshot('srunning', suite));
        const bless = async (snapshot: string, name = 'refund-bot') =>
          (await refusal(store.bless({ snapshot, suite: name, ...by }))).code;
        expect(await bless('sinvalid')).toBe('BLESSING_REFUSED');
        expect(await bless('srunning')).toBe('BLESSING_REFUSED');
        expect(await bless('sgood001', 'release-notes')).toBe('BLESSING_REFUSED');
        expect(await bless('snowhere')).toBe('SNAPSHOT_UNKNOWN');
        expect(await store.blessings()).toEqual([]);
      });
    });

    describe('verdicts and records', () => {
      it('remembers the first verdict for a key', async () => {
        const { store } = held.current;
        expect(await store.cachedVerdict('k1')).toBeUndefined();
        await store.keepVerdict('k1', { yes: true, reason: 'warm' }, '2026-03-15T02:00:00Z');
        await store.keepVerdict('k1', { yes: false }, '2026-03-16T02:00:00Z');
        await store.keepVerdict('k2', null, '2026-03-16T02:00:00Z');
        expect(await store.cachedVerdict('k1')).toEqual({ yes: true, reason: 'warm' });
        expect(await store.cachedVerdict('k2')).toBeNull();
      });

      it('keeps records by kind and suite in order', async () => {
        const { store } = held.current;
        const record = (at: string, name = 'refund-bot', kind = 'comparison') => ({
          kind,
          suite: name,
          at,
          body: { at, list: [1, null] },
        });
        const all = [
          record('2026-03-15'),
          record('2026-03-14'),
          record('2026-03-16', 'release-notes'),
          record('2026-03-17', 'refund-bot', 'rollback'),
        ];
        for (const r of all) await store.keepRecord(r);
        expect(await store.records('comparison')).toEqual(all.slice(0, 3));
        expect(await store.records('comparison', 'refund-bot')).toEqual(all.slice(0, 2));
        expect(await store.records('rollback', 'release-notes')).toEqual([]);
        expect(await store.records('comparison', undefined, 1)).toEqual(all.slice(1, 3));
        expect(await store.records('comparison', 'refund-bot', 2)).toEqual([]);
        expect([await store.recordCount('comparison'), await store.recordCount('none')]).toEqual([3, 0]);
      });
    });
  });
}
