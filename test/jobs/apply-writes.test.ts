// The writes of an applied rollback: nobody is overruled in the moment between looking and writing, and nothing is written twice.

import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { AppliedSpec } from '../../src/core/applied-rollback.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { foreignChange, setTarget } from '../../src/jobs/apply/shipping-writes.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { temporaryFolder } from '../cli/lastgood.ts';

test('a change that came in meanwhile is refused, also where it says the same; its own is not repeated', async () => {
  await using dir = await temporaryFolder();
  const shipping = await openShippingLog(join(dir.path, 'ledger.db'));
  const spec = {
    id: 'rb-1',
    feature: 'desk',
    environment: 'production',
    flags: {},
    restored: {},
  } as AppliedSpec;
  const work = {
    mask: { text: (t: string) => t },
    clock: { now: () => new Date() },
  } as unknown as Workplace;
  const set = (known: Record<string, number>) =>
    setTarget({ work, shipping, by: 'ada', reason: 'INC-7', override: null, known }, spec, {
      kind: 'set',
      target: 0,
    });
  const by = async (who: string, value: number): Promise<number> =>
    (
      await shipping.append({
        ...{ kind: 'flag', feature: 'desk', environment: 'production', name: 'ai.rollout.percent' },
        ...{ at: new Date().toISOString(), by: who, why: 'mine', body: { type: 'number', value, rules: [] } },
      })
    ).no;
  const seen = await by('bo', 10);
  const known = { 'flag ai.rollout.percent': seen };
  const meanwhile = await by('cy', 0);
  await expect(set(known)).rejects.toMatchObject({ code: 'SHIPPING_CHANGED' });
  expect(foreignChange(await shipping.changes(0), spec, known)).toMatchObject({ change: { by: 'cy' } });
  const newest = await by('bo', 10);
  await expect(set({ 'flag ai.rollout.percent': meanwhile })).rejects.toMatchObject({
    code: 'SHIPPING_CHANGED',
  });
  expect(await shipping.generation()).toBe(newest);
  await set({ 'flag ai.rollout.percent': newest });
  expect((await shipping.changes(newest)).map((c) => [c.by, c.why, c.body['value']])).toEqual([
    ['ada', 'rollback rb-1: INC-7', 0],
  ]);
  // After a kill it does not know that it wrote this itself.
  await set({ 'flag ai.rollout.percent': newest });
  expect(await shipping.generation()).toBe(newest + 1);
  expect(foreignChange(await shipping.changes(0), spec, { 'flag ai.rollout.percent': newest })).toBeNull();
  await shipping.close();
});
