// Drift of signals in production: windows in, verdicts out.

export { type ChartLimit, calibrate } from './calibrate.ts';
export { calibrationKey } from './calibration-key.ts';
export { findMoves, type SignalMove } from './find-moves.ts';
export { type Moments, momentsOf, type SignalScale } from './moments.ts';
export { refineOnset } from './refine-onset.ts';
export type { DriftWindow, WatchedSignal } from './standardise.ts';
export { type Calibrator, type MonitorVerdict, watchFamily } from './watch-family.ts';
export {
  type CountedAnswers,
  hasOtherBase,
  readsCount,
  type WatchedMonitor,
  watchSignal,
} from './watch-signal.ts';
