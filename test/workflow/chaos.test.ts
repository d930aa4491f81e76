// Runs under fire: faults of every kind, the process killed or interrupted and resumed until it is done. The long form is `npm run bench:chaos`.

import { describe, expect, it } from 'vitest';
import { chaosRun } from '../../bench/run/chaos.ts';

describe('a run that is killed, interrupted and resumed', () => {
  // Seeds whose worlds hold, between them, the three wires, a judge, every blow and an account that runs empty in the middle.
  it.concurrent.each([1, 2])(
    'ends with what an undisturbed run has, and pays again only for what its process took with it (seed %i)',
    async (seed) => {
      const outcome = await chaosRun(seed, { cases: 12 });
      expect(outcome.problems).toEqual([]);
      expect(outcome.notAllowed).toBe(0);
      expect(outcome.starts).toBeGreaterThan(1);
    },
  );
});
