// Runs under fire: faults of every kind, the process killed and resumed until it is done. The long form is `npm run bench:chaos`.

import { describe, expect, it } from 'vitest';
import { chaosRun } from '../../bench/run/chaos.ts';

describe('a run that is killed and resumed', () => {
  // Seeds whose worlds hold, between them, every fault and an account that runs empty in the middle.
  it.each([1, 2, 3, 5, 8, 100])(
    'ends with what an undisturbed run has, and pays again only for what was in flight (seed %i)',
    async (seed) => {
      const outcome = await chaosRun(seed, { cases: 24 });
      expect(outcome.problems).toEqual([]);
      expect(outcome.kills).toBeGreaterThan(0);
      expect(outcome.repeated).toBeLessThanOrEqual(outcome.mayRepeat);
    },
  );
});
