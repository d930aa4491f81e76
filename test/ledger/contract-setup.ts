// What the parts of the store contract share: how a store is opened, a small suite, and reading a refusal.

import { afterEach, beforeEach } from 'vitest';
import type { LastgoodError } from '../../src/base/errors.ts';
import type { SnapshotStore } from '../../src/core/snapshot.ts';
import { refundCase, refundSuite } from './world.ts';

export interface OpenStore {
  readonly store: SnapshotStore;
  /** A second, independent way into the same store. */
  reopen(): Promise<SnapshotStore>;
  dispose(): Promise<void>;
}

export const suite = refundSuite([
  refundCase('kettle-01', { trials: 2 }),
  refundCase('kettle-02', {
    tags: ['refund', 'tone'],
    group: 'ticket-8812',
    critical: true,
    minPassRate: 0.8,
  }),
  refundCase('kettle-03'),
]);

/** What an action was refused with. */
export async function refusal(
  action: Promise<unknown>,
): Promise<Pick<LastgoodError, 'code' | 'exitCode' | 'message'>> {
  const error = await action.then(
    () => null,
    (e: unknown) => e as LastgoodError,
  );
  if (error === null) throw new Error('it was not refused');
  return { code: error.code, exitCode: error.exitCode, message: error.message };
}

/** Opens a fresh store before each test of the block it is called in. */
export function freshStore(open: () => Promise<OpenStore>): { current: OpenStore } {
  const held = {} as { current: OpenStore };
  beforeEach(async () => {
    held.current = await open();
  });
  afterEach(() => held.current.dispose());
  return held;
}
