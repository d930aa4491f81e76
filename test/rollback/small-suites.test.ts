// A proof of a suite of few cases: it gets the trials that its margin needs, and is wrong no more often for it.

import { expect, test } from 'vitest';
import { DECISION_ALPHA, planVerification, prove } from '../../src/rollback/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { block, snapshot } from '../compare/world.ts';
import { CONDITIONS } from './conditions.ts';

const CASES = 2;
const answers = (rate: number, k: number, rng: Mt19937): string =>
  Array.from({ length: k }, () => (rng.next() < rate ? 'p' : 'f')).join('');

/** One decision on a suite of two cases that never failed: the candidate passes with this rate. */
async function decided(rate: number, seed: number, alpha = DECISION_ALPHA, most?: number) {
  const rng = new Mt19937(seed);
  const run = (id: string, perCase: (i: number) => string) =>
    Array.from({ length: CASES }, (_, i) => block(id, CASES, perCase(i))[i]).filter((c) => c !== undefined);
  const pool = [1, 2, 3].map((n) =>
    snapshot(
      `sgood${n}`,
      run('echo', () => 'ppp'),
    ),
  );
  const incident = snapshot(
    'sbad',
    run('echo', () => 'fff'),
  );
  const { sessions } = CONDITIONS;
  const plan = planVerification({ pool, sessions, margin: 0.05, alpha, control: false, calls: most });
  let calls = 0;
  const proof = await prove(
    {
      plan,
      pool,
      sessions: CONDITIONS.sessions,
      incident,
      regressed: ['echo-000', 'echo-001'],
      own: null,
      policy: CONDITIONS.policy,
    },
    async (trials) => {
      for (const k of trials.values()) calls += k;
      const cases = [...trials].map(([id, k]) => {
        const [only] = block('echo', CASES, answers(rate, k, rng)).filter((c) => c.id === id);
        if (only === undefined) throw new Error(`no case ${id}`);
        return only;
      });
      return { candidate: snapshot('sfresh', cases), control: null, ended: false };
    },
  );
  return { outcome: proof?.verification.outcome, reason: proof?.verification.reason, calls };
}

test.each([DECISION_ALPHA, 0.6 * DECISION_ALPHA])(
  'two cases that always answer the same are decided within 200 calls, at an error budget of %f',
  async (alpha) => {
    const { outcome, calls, reason } = await decided(1, 1, alpha);
    expect(reason).toContain('pass again');
    expect(outcome).toBe('verified');
    expect(calls).toBeLessThan(190);
  },
);

test('a limit of calls makes the last look come earlier, not the answer stay open', async () => {
  const { outcome, calls } = await decided(1, 1, DECISION_ALPHA, 100);
  expect(outcome).toBe('verified');
  expect(calls).toBeLessThanOrEqual(100);
});

test('two cases that are worse by exactly the margin are verified no more often than the budget allows', async () => {
  let verified = 0;
  const worlds = 60;
  for (let seed = 1; seed <= worlds; seed++)
    if ((await decided(0.95, seed)).outcome === 'verified') verified += 1;
  // The budget, and two standard errors of so many worlds.
  expect(verified / worlds).toBeLessThan(
    DECISION_ALPHA + 2 * Math.sqrt((DECISION_ALPHA * (1 - DECISION_ALPHA)) / worlds),
  );
});
