// Drift of signals in production: windows in, verdicts out.

export { type Moments, momentsOf, type SignalScale } from './moments.ts';
export type { DriftWindow, WatchedSignal } from './standardise.ts';
export { type MonitorVerdict, watchFamily } from './watch-family.ts';
export { type CountedAnswers, watchSignal } from './watch-signal.ts';
