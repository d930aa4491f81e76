// A bound on synchronous work that is not ours to trust: a user's own function, an expression that can backtrack without end.

import { Script } from 'node:vm';

const WORK = Symbol.for('lastgood.time-bound');

let script: Script | null = null;

/** What the work gives back, or `late()` when it does not end in time: no signal and no deadline reaches code that never yields. */
export function timeBound<T>(work: () => T, timeoutMs: number, late: () => T): T {
  script ??= new Script('globalThis[Symbol.for("lastgood.time-bound")]()');
  const shared = globalThis as unknown as Record<symbol, (() => T) | undefined>;
  const outer = shared[WORK];
  // Inside another bound the outer one holds.
  if (outer !== undefined) return work();
  shared[WORK] = work;
  try {
    return script.runInThisContext({ timeout: timeoutMs }) as T;
  } catch (error) {
    if ((error as { code?: unknown } | null)?.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return late();
    throw error;
  } finally {
    delete shared[WORK];
  }
}
