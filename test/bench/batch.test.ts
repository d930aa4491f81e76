// The bench of batches in small: killed twice, resumed, and in the end what single calls give, at half the cost.

import { expect, it } from 'vitest';
import { batchRun } from '../../bench/run/batch.ts';

it('a run through a batch API ends like single calls, nothing is paid twice, and it costs half', async () => {
  const outcome = await batchRun({ cases: 300, wire: 'chat' });
  expect(outcome.problems).toEqual([]);
  expect(outcome).toMatchObject({ kills: 2, billed: 300 });
});
