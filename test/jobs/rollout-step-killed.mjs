// One step of a rollout that is killed before its write number N (SIGKILL): run as a child process by rollout-crash.walk.test.ts.
import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import { openProduction } from '../../src/jobs/observe/open-production.ts';
import { openShippingLog } from '../../src/jobs/registry/open-shipping.ts';
import { stepRollout } from '../../src/jobs/rollout/step-rollout.ts';

const [db, root, before, hook] = process.argv.slice(2);
let left = Number(before);
/** The same store, but a write that is not to happen any more kills the process. */
const mortal = (store, writes) =>
  new Proxy(store, {
    get(target, name) {
      const value = target[name];
      if (typeof value !== 'function') return value;
      return (...args) => {
        if (writes.includes(name) && left-- === 0) process.kill(process.pid, 'SIGKILL');
        return value.apply(target, args);
      };
    },
  });
const signal = new AbortController().signal;
const progress = { warn() {}, step() {}, done() {}, note() {} };
const work = await openWorkplace({
  ...{ db, root, environment: { HOME: root }, progress, version: 'test', node: 'test', platform: 'linux' },
  ...{ signal, hardSignal: signal, mustExist: true },
});
const shipping = await openShippingLog(db);
const production = await openProduction(db);
await stepRollout(
  {
    work: { ...work, store: mortal(work.store, ['keepRecord']) },
    shipping: mortal(shipping, ['append']),
    webhook: new URL(hook),
  },
  production,
  { feature: 'desk', environment: 'production' },
  'a step that is killed',
);
await production.close();
await shipping.close();
await work.store.close();
process.stdout.write('finished');
