// One command of an applied rollback that ends before its write number N, as a process ends that is killed. Also run as a child process.

import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import type { AppliedState } from '../../src/jobs/apply/applied-report.ts';
import { applyRollback } from '../../src/jobs/apply/apply-rollback.ts';
import { openProduction } from '../../src/jobs/observe/open-production.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';

export interface Killed {
  readonly db: string;
  readonly root: string;
  /** The write that does not happen any more, from 0. */
  readonly before: number;
  readonly kill: () => void;
}

/** Resolves to the state where there were fewer writes; never where it was killed. */
export async function killedApply({ db, root, before, kill }: Killed): Promise<AppliedState> {
  let left = before;
  /** The same store; from the write that is not to happen on, nothing happens. */
  const mortal = <T extends object>(store: T, writes: readonly string[]): T =>
    new Proxy(store, {
      get(target, name) {
        const value = target[name as keyof T];
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (writes.includes(String(name)) && left-- <= 0) {
            kill();
            return new Promise(() => {});
          }
          return value.apply(target, args);
        };
      },
    });
  const signal = new AbortController().signal;
  const progress = { warn() {}, step() {}, done() {}, note() {} };
  const work = await openWorkplace({
    ...{ db, root, environment: { HOME: root }, progress: progress as never, version: 'test', node: 'test' },
    ...{ platform: 'linux', signal, hardSignal: signal, mustExist: true },
  });
  const shipping = await openShippingLog(db);
  const production = await openProduction(db);
  const state = await applyRollback(
    {
      work: { ...work, store: mortal(work.store, ['keepRecord']) },
      shipping: mortal(shipping, ['append']),
      webhook: null,
    },
    production,
    {
      ...{ feature: 'desk', environment: 'production', percent: 10, forMs: 1, watch: [], cwd: root },
      ...{ by: 'ada', why: 'INC-7', now: false, search: async () => ({ exitCode: 3, why: 'not here' }) },
    },
  );
  await production.close();
  await shipping.close();
  await work.store.close();
  return state;
}

const [db, root, before] = process.argv.slice(2);
if (process.argv[1] === import.meta.filename && db !== undefined && root !== undefined)
  await killedApply({ db, root, before: Number(before), kill: () => process.kill(process.pid, 'SIGKILL') });
