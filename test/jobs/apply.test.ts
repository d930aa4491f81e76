// What an applied rollback refuses: targets that were not proven, and changes that another person made in the middle.

import { expect, test } from 'vitest';
import type { AppliedPlan } from '../../src/core/applied-rollback.ts';
import type { RollbackDecision } from '../../src/core/index.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { rollbackPlanSchema } from '../../src/report/json/applied-rollback-schema.ts';
import { appliedWorld, QUICK, WHO } from './applied-world.ts';

test('it ends at a change of another person, which stays, and applies only what a run of this ledger proved', async () => {
  const w = await appliedWorld();
  const planned = await w.cli<AppliedPlan>(
    'rollback',
    'features/desk.yaml',
    '--apply',
    '--dry-run',
    '--json',
  );
  expect(planned.code).toBe(0);
  expect(rollbackPlanSchema.safeParse(planned.json).error).toBeUndefined();
  expect(planned.json.changes.map((c) => [c.stage, c.place, c.to])).toEqual([
    [0, 'ai.action.mode', 'draft'],
    [0, 'registry candidate', 'desk aa3050cb0b41'],
    [0, 'ai.rollout.percent', '10'],
    [1, 'registry', 'desk aa3050cb0b41'],
    [1, 'ai.rollout.percent', '0'],
  ]);

  await w.fork('changed');
  await w.apply(...WHO, ...QUICK);
  await w.answers(w.good, { n: 400, failures: 2 });
  await w.answers(w.bad, { n: 3600, failures: 280 });
  await w.cli(
    'flag',
    'set',
    'ai.rollout.percent',
    '3',
    '--feature',
    'desk',
    '--by',
    'bo',
    '--why',
    'too fast',
  );
  const refused = await w.apply();
  expect(refused).toMatchObject({ code: 3, stderr: expect.stringContaining('ROLLBACK_CHANGED') });
  expect(refused.stderr).toContain('bo changed flag ai.rollout.percent in the middle');
  expect(refused.stderr).toContain('too fast');
  expect(await w.flag('ai.rollout.percent')).toBe(3);
  expect(await w.inForce()).toBe(w.bad);
  expect((await w.apply(...WHO)).stderr).toContain('ROLLBACK_CHANGED');
  const again = await w.apply(...WHO, '--override', 'bo agrees');
  expect(again).toMatchObject({ code: 0, json: { status: 'running', percent: 10 } });

  // A record alone proves nothing: the run that it names must be this ledger's, and of the target.
  const db = await w.fork('forged');
  const ledger = await openLedger(db);
  const decision = (await ledger.records('rollback', 'help-desk')).at(-1)
    ?.body as unknown as RollbackDecision;
  const forged = (body: object, at = new Date().toISOString()) =>
    ledger.keepRecord({ kind: 'rollback', suite: 'help-desk', at, body: { ...decision, ...body } as never });
  const why = async (): Promise<string> =>
    (await w.cli<AppliedPlan>('rollback', 'desk', '--apply', '--dry-run', '--json')).json.refusals[0]
      ?.message ?? 'none';
  expect(await why()).toBe('none');
  await forged({ verification: { ...decision.verification, snapshot: decision.current.id } });
  expect(await why()).toContain('is not a valid run of this ledger');
  await forged({ verification: { ...decision.verification, outcome: 'inconclusive' } });
  expect(await why()).toContain('no run proved');
  await forged({}, new Date(Date.now() - 25 * 3_600_000).toISOString());
  expect(await why()).toContain('not within the last 24 hours');
  await forged({});
  await forged({
    decision: 'none',
    target: null,
    rejected: [{ ...decision.target, reason: 'verification_failed', detail: 'run fresh' }],
  });
  expect(await why()).toContain('a later run of it failed');
  await ledger.close();
});
