import { expect, test } from 'vitest';
import { appliedWorld, QUICK, WHO } from './applied-world.ts';

test('try', async () => {
  const w = await appliedWorld();
  console.log((await w.cli('registry', 'list', 'desk', '--json')).stdout.slice(0, 300));
  console.log((await w.cli('rollback', 'desk', '--apply', '--dry-run')).stdout);
  console.log((await w.cli('rollback', 'desk', '--apply')));
  console.log((await w.cli('rollback', 'desk', '--apply', ...QUICK, ...WHO)));
  await w.answers(w.good, { n: 400, failures: 2 });
  await w.answers(w.bad, { n: 3600, failures: 280 });
  console.log((await w.cli('rollback', 'desk', '--apply')));
  expect(await w.flag('ai.rollout.percent')).toBe(0);
  expect(await w.inForce()).toBe(w.good);
  await w.answers(w.good, { n: 4000, failures: 22 });
  console.log((await w.cli('rollout', 'step')));
  console.log((await w.cli('rollback', 'desk', '--apply')));
  console.log((await w.cli('flag', 'history')).stdout);
});
