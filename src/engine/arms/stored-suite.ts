// The suite as it is kept with a snapshot.

import type { JsonObject } from '../../base/index.ts';
import { mapCases, type Suite } from '../../core/index.ts';
import type { Workplace } from '../workplace/workplace.ts';

/** Label of snapshots whose stored cases are not what was asked: how many. */
export const REDACTED_LABEL = 'redacted-cases';

/** Without the values of secrets. */
export function maskedSuite(work: Workplace, { cases, ...head }: Suite): Suite {
  const masked = <T>(value: T): T => work.mask.json(value as unknown as JsonObject) as unknown as T;
  return { ...masked(head), cases: mapCases(cases, masked) };
}
