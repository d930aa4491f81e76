// What a calibration rests on, as a hash: equal keys have equal limits.

import { contentHash } from '../../base/index.ts';
import type { CalibratedSeries, CalibrationOptions } from './calibrate.ts';

/** Part of every key. Raise it when charts, models or resampling change: limits of another method are not used. */
const METHOD = 1;

export function calibrationKey(family: readonly CalibratedSeries[], options: CalibrationOptions): string {
  // A hole in the data is not a number, which JSON does not have.
  const plain = (values: ArrayLike<number>): (number | null)[] =>
    Array.from(values, (value) => (Number.isNaN(value) ? null : value));
  return contentHash({
    method: METHOD,
    ...options,
    family: family.map(({ model, direction }) => ({
      direction,
      period: model.season.period,
      used: plain(model.season.used),
      residual: plain(model.series.residual.subarray(0, options.reference)),
      variance: plain(model.series.variance.subarray(0, options.reference)),
    })),
  });
}
