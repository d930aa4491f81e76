// Worlds that the method is judged on: other shapes, strengths and sizes than those it was tuned on.

import type { Change, World } from './streams.ts';

const MIX = [0.4, 0.3, 0.2, 0.1];
const SHOP = { week: [0.8, 0.8, 0.9, 1, 1.3, 1.5, 0.7], quarters: [0.3, 0.9, 1.2, 1.6] };

const base: World = {
  name: 'daily and weekly season',
  answersPerDay: 2500,
  ...{ correlation: 0.4, scatter: 1, tails: Number.POSITIVE_INFINITY, badQuarters: 0 },
  week: [-1, -0.6, -0.2, 0.2, 0.6, 2, -1],
  quarters: [1.5, -0.5, -1.5, 0.5],
  ...{ traffic: SHOP, growth: 1, mix: () => MIX },
};

/** From one mix to another between two live days. */
function glide(to: readonly number[], from: number, until: number): World['mix'] {
  return (day) => {
    const part = Math.min(1, Math.max(0, (day - from) / (until - from)));
    return MIX.map((m, k) => m + part * ((to[k] ?? 0) - m));
  };
}

export const JUDGE_WORLDS: readonly World[] = [
  base,
  { ...base, name: 'AR(1) 0.3', correlation: 0.3, week: [0, 0, 0, 0, 0, 0, 0] },
  { ...base, name: 'AR(1) 0.65, scatter 1.5', correlation: 0.65, scatter: 1.5 },
  { ...base, name: 'AR(1) 0.85, scatter 1.5', correlation: 0.85, scatter: 1.5 },
  { ...base, name: 'traffic × 3.5', growth: 3.5 },
  { ...base, name: 'traffic falls to 0.6', growth: 0.6, answersPerDay: 1800 },
  { ...base, name: 'mix shifts over 40 days', mix: glide([0.15, 0.2, 0.5, 0.15], 10, 50) },
  { ...base, name: 'mix flips in a day', mix: glide([0.1, 0.2, 0.3, 0.4], 45, 46) },
  { ...base, name: 'heavy-tailed days', tails: 4, correlation: 0 },
  { ...base, name: 'bad quarters of days', badQuarters: 0.03 },
  { ...base, name: 'small: 400 answers a day', answersPerDay: 400 },
  {
    ...base,
    name: 'season, AR(1) 0.6, growth and mix together',
    ...{ correlation: 0.6, growth: 2.5, mix: glide([0.2, 0.2, 0.45, 0.15], 5, 70) },
  },
  // Added after the method was final: the worlds above had been seen with earlier settings.
  {
    ...base,
    name: 'unseen: tails of 5 degrees, quiet weekends, AR(1) 0.3',
    ...{ tails: 5, correlation: 0.3, week: [0.4, 0.4, 0.4, 0.4, 0.4, -1, -1], answersPerDay: 1200 },
  },
  {
    ...base,
    name: 'unseen: AR(1) 0.7, scatter 0.8, traffic × 2',
    ...{ correlation: 0.7, scatter: 0.8, growth: 2, answersPerDay: 900, week: [1, 0, -1, 0, 1, 0, -1] },
  },
];

/** Where changes are played. */
export const CHANGE_WORLDS: readonly World[] = [
  { ...base, name: 'season, AR(1) 0.5', correlation: 0.5 },
  { ...base, name: 'season, AR(1) 0.8', correlation: 0.8 },
];

const only =
  (signal: string, by: number): Change['effect'] =>
  (name) =>
    name === signal ? by : 0;

export const CHANGES: readonly Change[] = [
  { name: 'length +20%', signals: ['length'], effect: only('length', Math.log(1.2)) },
  { name: 'judge −5 points', signals: ['judge'], effect: only('judge', -0.05) },
  { name: 'refusals 1% → 3%', signals: ['refusals'], effect: only('refusals', 0.02) },
  { name: 'edits 20% → 26%', signals: ['edits'], effect: only('edits', 0.06) },
  {
    name: 'new template goes wrong (8% of traffic: judge 0.6, refusals 12%)',
    signals: ['judge', 'refusals'],
    effect: () => 0,
    added: { share: 0.08, levels: { judge: 0.6, refusals: 0.12 } },
  },
  {
    name: 'one template: refusals +10 points (10% of traffic)',
    signals: ['refusals'],
    effect: (name, template) => (name === 'refusals' && template === 3 ? 0.1 : 0),
  },
  {
    name: 'judge falls slowly, 8 points in 60 days',
    signals: ['judge'],
    effect: (name, _template, days) => (name === 'judge' ? (-0.08 * Math.min(60, days)) / 60 : 0),
  },
];

/** Judge falls by 5 points in every template while easy templates grow and hide it. */
export const HIDDEN: { readonly world: World; readonly change: Change } = {
  world: { ...base, name: 'easy templates grow', mix: glide([0.5, 0.15, 0, 0.35], 25, 35) },
  change: { name: 'judge −5 points, hidden by the mix', signals: ['judge'], effect: only('judge', -0.05) },
};
