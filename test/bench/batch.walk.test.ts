// The bench of batches in small: killed and continued, and in the end what single calls give, at half the cost.

import { expect, it } from 'vitest';
import { batchWorld } from '../../bench/run/batch.ts';

it('runs and re-gradings in batches end like single calls, nothing is paid twice, and they cost half', async () => {
  const { problems, run, regrade } = await batchWorld({ cases: 200, wire: 'chat', judged: true });
  expect(problems).toEqual([]);
  expect(run).toMatchObject({ kills: 4, billed: 400 });
  expect(regrade).toMatchObject({ kills: 2, billed: 200 });
});
