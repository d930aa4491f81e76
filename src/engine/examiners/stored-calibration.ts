// What was found out about a judge, as the ledger keeps it.

import type { Calibration, SnapshotStore } from '../../core/index.ts';

/** The kind of the ledger's records of calibrations. */
export const CALIBRATION_RECORD = 'calibration';

/** A calibration and whose it is. */
export interface StoredCalibration {
  /** Fingerprint of the judge's release; for recorded verdicts without a release, `recorded:` and the column. */
  readonly judge: string;
  readonly suite: string;
  /** ISO time. */
  readonly at: string;
  readonly calibration: Calibration;
}

/** The newest calibration of a judge; null = uncalibrated. */
export async function calibrationOf(
  store: Pick<SnapshotStore, 'records'>,
  judge: string,
): Promise<StoredCalibration | null> {
  const records = await store.records(CALIBRATION_RECORD);
  const newest = records.findLast((r) => r.body['judge'] === judge);
  if (newest === undefined) return null;
  const { at, body, suite } = newest;
  return { judge, suite, at, calibration: body['calibration'] as unknown as Calibration };
}
