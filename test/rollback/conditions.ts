// What a verification is judged by in tests where nothing else is said: default margins, calm sessions, no control, nothing settled.

import { estimateRunVariance } from '../../src/stats/run-variance.ts';

export const CONDITIONS = {
  control: null,
  settled: { candidate: [], control: [] },
  sessions: estimateRunVariance([], 0.1, { sd: 0.02, weight: 4 }),
  policy: { margin: 0.05, scoreMargin: 0.05, maxCostRatio: null, maxLatencyRatio: null },
};
