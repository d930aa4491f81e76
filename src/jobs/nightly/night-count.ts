// How many nights may pass without a baseline.

import type { NightRecord } from '../../engine/records/night-records.ts';

/** The number of the night, where a scheduler counts and the ledger may not outlive the night. */
export const NIGHT_VARIABLE = 'LASTGOOD_NIGHT';

/** From this night on, a night without a baseline is no success. */
export const NIGHTS_TO_BLESS = 3;

/** Tonight's number among the nights in a row that had no baseline, from 1. */
export function nightsWithout(records: readonly NightRecord[], counted: string | undefined): number {
  const before = [...records].reverse().findIndex((r) => r.baseline !== null);
  const known = (before < 0 ? records.length : before) + 1;
  const number = Number(counted);
  return Number.isInteger(number) ? Math.max(known, number) : known;
}
