// An applied rollback that is killed between any two writes: the next command finishes what it began, and does nothing twice.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { appliedUnderWay } from '../../src/engine/records/applied-log.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { openLedger } from '../../src/ledger/index.ts';
import { appliedWorld, QUICK, WHO } from './applied-world.ts';
import { killedApply } from './apply-killed.ts';

/** Changes of the log of shipping by this rollback, as `kind name`. */
async function writes(db: string): Promise<readonly string[]> {
  const log = await openShippingLog(db);
  const all = await log.changes(0);
  await log.close();
  return all.filter((c) => c.why.startsWith('rollback rb-')).map((c) => `${c.kind} ${c.name}`);
}

/** True when it was killed, false when there were no more writes. */
const endedAt = (db: string, root: string, before: number): Promise<boolean> =>
  new Promise((done, failed) => {
    killedApply({ db, root, before, kill: () => done(true) }).then(() => done(false), failed);
  });

test('whatever write is the last one, the same command again brings it to where it was going', async () => {
  const w = await appliedWorld();
  const first = ['flag ai.action.mode', 'pointer candidate', 'flag ai.rollout.percent'];
  let killed = 0;
  for (let write = 0; ; write++) {
    const db = await w.fork(`start-${write}`);
    const isKilled = await endedAt(db, w.dir, write);
    const { json } = await w.apply(...WHO, ...QUICK);
    expect(json, `write ${write}`).toMatchObject({ status: 'running', percent: 10, pending: [] });
    expect(await writes(db)).toEqual(first);
    if (!isKilled) break;
    killed++;
  }
  // The event, three writes, and the event that says they are done.
  expect(killed).toBe(5);

  const started = await w.fork('started');
  await w.apply(...WHO, ...QUICK);
  await w.answers(w.good, { n: 400, failures: 2 });
  await w.answers(w.bad, { n: 3600, failures: 280 });
  killed = 0;
  for (let write = 0; ; write++) {
    const db = await w.fork(`step-${write}`, started);
    const isKilled = await endedAt(db, w.dir, write);
    const { json } = await w.apply();
    expect(json, `write ${write}`).toMatchObject({ status: 'running', stage: 1, percent: 100, pending: [] });
    expect(await writes(db)).toEqual([...first, 'pointer ', 'flag ai.rollout.percent']);
    expect(await w.inForce()).toBe(w.good);
    if (!isKilled) break;
    killed++;
  }
  expect(killed).toBe(4);

  // A process that is killed in earnest, while the candidate is named and nobody gets it yet.
  const db = await w.fork('sigkill');
  const child = spawn(process.execPath, [join(import.meta.dirname, 'apply-killed.ts'), db, w.dir, '3'], {
    stdio: 'ignore',
  });
  expect(await once(child, 'close')).toEqual([null, 'SIGKILL']);
  const ledger = await openLedger(db);
  expect(await appliedUnderWay(ledger)).toMatchObject([{ seq: 1, pending: [{ kind: 'set', target: 10 }] }]);
  await ledger.close();
  expect(await writes(db)).toEqual(first.slice(0, 2));
  expect((await w.cli('rollout', 'step')).code).toBe(0);
  expect(await writes(db)).toEqual(first);
});
