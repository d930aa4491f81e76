// The worlds that the evidence was tuned in. The worlds that judge it are in adversary-worlds.ts.

import { CALM, type World } from './traffic.ts';

export const TUNE_WORLDS: readonly World[] = [
  { ...CALM, name: 'tune: one call a user' },
  { ...CALM, name: 'tune: sessions of 4 with one outcome', session: 4, sameOutcome: 1 },
  {
    ...CALM,
    name: 'tune: 5,000 users, correlation 0.3',
    ...{ users: 5000, heavy: 1, icc: 0.3, session: 3, sameOutcome: 0.5 },
  },
];
