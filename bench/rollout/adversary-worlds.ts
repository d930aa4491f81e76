// Worlds that judge the evidence: shapes and seeds that the tuning did not see.

import { CALM, type World } from './traffic.ts';

const BACK = { users: 3000, heavy: 1, session: 3, sameOutcome: 0.3 };

export const ADVERSARY_WORLDS: readonly World[] = [
  { ...CALM, name: 'one call a user' },
  { ...CALM, name: 'sessions of 5 calls with one outcome', session: 5, sameOutcome: 1 },
  { ...CALM, name: '3,000 users come back, correlation 0.2', ...BACK, icc: 0.2 },
  { ...CALM, name: '3,000 users come back, correlation 0.5, heavy tail', ...BACK, heavy: 1.5, icc: 0.5 },
  { ...CALM, name: '1,000 users, correlation 1', ...BACK, users: 1000, icc: 1 },
  { ...CALM, name: 'one user makes 20% of the calls', ...BACK, icc: 0.3, whale: 0.2 },
  { ...CALM, name: 'bad hours of both arms', ...BACK, icc: 0.2, incidents: 1 / 1440 },
  { ...CALM, name: 'the task mix drifts: rates × 2, costs × 1.5', ...BACK, icc: 0.2, drift: 2 },
  { ...CALM, name: 'reviews 6 h late, failures asked again', ...BACK, icc: 0.2, reviewHours: 6, retry: 0.8 },
  { ...CALM, name: 'costs with a heavy tail (exponent 1.6)', ...BACK, heavy: 1.5, costTail: 1.6 },
  {
    ...CALM,
    name: 'observations name no user; sessions of 5 calls with one outcome',
    ...{ session: 5, sameOutcome: 1, named: false },
  },
];

/** Those in which faults are looked for. */
export const FAULT_WORLDS: readonly World[] = [0, 1, 2, 6, 10].map((i) => ADVERSARY_WORLDS[i] as World);
