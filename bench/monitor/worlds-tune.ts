// Worlds that the method was tuned on. Nothing is judged on them.

import type { World } from './streams.ts';

const EVEN = { week: [1, 1, 1, 1, 1, 1, 1], quarters: [1, 1, 1, 1] };
const OFFICE = { week: [1.2, 1.2, 1.2, 1.2, 1.1, 0.5, 0.5], quarters: [0.4, 1.4, 1.6, 0.6] };
const MIX = [0.4, 0.3, 0.2, 0.1];

const calm: World = {
  name: 'independent days',
  answersPerDay: 2000,
  ...{ correlation: 0, scatter: 1, tails: Number.POSITIVE_INFINITY, badQuarters: 0 },
  ...{ week: [0, 0, 0, 0, 0, 0, 0], quarters: [0, 0, 0, 0], traffic: EVEN, growth: 1, mix: () => MIX },
};

export const TUNE_WORLDS: readonly World[] = [
  calm,
  {
    ...calm,
    name: 'office week',
    week: [0.5, 0.5, 0.5, 0.5, 0.5, -1.5, -1.5],
    quarters: [-1, 1, 1, -1],
    traffic: OFFICE,
  },
  { ...calm, name: 'correlation 0.5', correlation: 0.5 },
  { ...calm, name: 'correlation 0.8', correlation: 0.8 },
  { ...calm, name: 'traffic doubles', growth: 2, correlation: 0.5 },
];
