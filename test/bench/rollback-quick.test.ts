// Some incidents of each new shape with fixed seeds and wide bounds: does a proof still keep its promise?
// The whole form is `npm run bench:rollback`.

import { expect, test } from 'vitest';
import { decideIncident } from '../../bench/rollback/decide.ts';
import { SESSION_SD, SESSION_SHAPES } from '../../bench/rollback/session-shapes.ts';
import { incidentOf } from '../../bench/rollback/shapes.ts';
import { scoreShapes } from '../../bench/rollback/table.ts';
import { Mt19937 } from '../../src/stats/index.ts';

const EACH = 8;

test('wrong targets are hardly ever called verified, right ones mostly are, and runs of other days do not decide', async () => {
  const decided = [];
  for (const shape of SESSION_SHAPES) {
    for (let i = 0; i < EACH; i++) {
      const rng = new Mt19937(300 + i);
      const settings = { nights: 5, trials: 3, sessionSd: SESSION_SD };
      decided.push(await decideIncident(incidentOf(shape, 300 + i, rng), rng, settings));
    }
  }
  const scores = new Map(scoreShapes(decided).map((s) => [s.shape, s]));
  for (const s of scores.values()) expect(s.wrong, s.shape).toBeLessThanOrEqual(1);
  expect([...scores.values()].reduce((sum, s) => sum + s.wrong, 0)).toBeLessThanOrEqual(3);
  for (const shape of ['right target, luckiest baseline', 'one critical case at .95'])
    expect(scores.get(shape)?.right, shape).toBeGreaterThanOrEqual(5);
  expect(scores.get('flaky suite')?.right).toBeGreaterThanOrEqual(3);
  for (const shape of ['lost tone', 'cures, and breaks one other case', 'one of two broken'])
    expect(scores.get(shape)?.existed, shape).toBe(0);
});
