// One sentence about the judge for every report: its measured agreement with people, or that it was not measured.

import { shortHash } from '../../base/index.ts';
import type { SnapshotStore } from '../../core/index.ts';
import { calibrationOf, type StoredCalibration } from './stored-calibration.ts';

/** The sentence for the judge with this fingerprint; null without a judge. */
export async function judgeNote(
  store: Pick<SnapshotStore, 'records'>,
  judge: string | null,
): Promise<string | null> {
  if (judge === null) return null;
  return judgeSentence(judge, await calibrationOf(store, judge));
}

/** `judge 3fa9c1d2e4b5: J 0.82 [0.70, 0.91], κ 0.81, AC1 0.83 on 120 labels, 2026-04-01`, or that it is uncalibrated. */
function judgeSentence(judge: string, found: StoredCalibration | null): string {
  const name = `judge ${shortHash(judge)}`;
  if (found === null)
    return `${name} uncalibrated: its verdicts were never compared with human labels (lastgood judge calibrate)`;
  const { calibration: c, at } = found;
  const two = (n: number): string => n.toFixed(2);
  const J =
    c.youden === null ? '' : `J ${two(c.youden.J)} [${two(c.youden.lower)}, ${two(c.youden.upper)}], `;
  const gate = c.mayGate ? '' : `; its verdicts should warn, not decide: ${c.whyNot ?? 'not good enough'}`;
  return `${name}: ${J}κ ${two(c.kappa)}, AC1 ${two(c.ac1)} on ${c.items} labels, ${at.slice(0, 10)}${gate}`;
}
