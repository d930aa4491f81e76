// What a candidate, or the world, does to a suite whose runs share sessions, and what its policy asks for.

import type { CaseResult, PolicyFile } from '../../src/core/index.ts';
import type { Mt19937 } from '../../src/stats/index.ts';
import { choose } from './draws.ts';
import { CHANGES, type SessionProcess } from './session-worlds.ts';

/** What happens between the stored runs and today. */
export type Change =
  | 'none'
  | 'uniform-5'
  | 'uniform-10'
  /** Every case keeps a tenth, or a half, of its passes. */
  | 'collapse'
  | 'collapse-half'
  | 'at-margin'
  | 'broken'
  | 'one-broken'
  | 'category'
  | 'cancelling'
  | 'tag-of-5'
  /** Scores of passed trials fall from .93 to .63; passes do not. */
  | 'score'
  /** Both releases lose 10 points after the stored runs. */
  | 'world-10'
  /** Both: the world loses 10 points, and the candidate 3% of its cases. */
  | 'world-10-broken'
  /** Half of the cases fail half as often, and three healthy ones break. */
  | 'half-up'
  /** Two cases that failed 1 in 3 fail always. */
  | 'weak-pair'
  /** Nothing changes, and 60% of the cases always fail. */
  | 'none-mostly-failing'
  /** The same suite, and 3% of the healthy cases break. */
  | 'broken-mostly-failing';

/** True rates of both releases, stored and today. */
export interface Truth {
  readonly stored: Float64Array;
  readonly baseline: Float64Array;
  readonly candidate: Float64Array;
}

/** What a drop of the margin is in true rates that a judge then grades. */
export function truthOf(
  change: Change,
  rates: Float64Array,
  margin: number,
  process: SessionProcess,
  rng: Mt19937,
): Truth {
  const same = (stored: Float64Array, candidate = stored): Truth => ({ stored, baseline: stored, candidate });
  switch (change) {
    case 'none':
    case 'score':
      return same(rates);
    case 'uniform-5':
      return same(rates, CHANGES.uniform(rates, 0.05));
    case 'uniform-10':
      return same(rates, CHANGES.uniform(rates, 0.1));
    case 'collapse':
    case 'collapse-half':
      return same(
        rates,
        rates.map((p) => p * (change === 'collapse' ? 0.1 : 0.5)),
      );
    case 'at-margin':
      return same(rates, CHANGES.atMargin(rates, margin, process.kind === 'judge'));
    case 'broken':
      return same(rates, CHANGES.broken(rates, rng));
    case 'one-broken':
      return same(rates, CHANGES.oneBroken(rates, rng));
    case 'category':
      return same(rates, CHANGES.category(rates, rng));
    case 'cancelling': {
      const { before, after } = CHANGES.cancelling(rates, rng);
      return same(before, after);
    }
    case 'tag-of-5': {
      const healthy = rates.map((p, i) => (inTagOf5(i, rates.length) ? Math.max(p, 0.95) : p));
      return same(
        healthy,
        healthy.map((p, i) => (inTagOf5(i, rates.length) ? 0.5 : p)),
      );
    }
    case 'world-10': {
      const today = CHANGES.uniform(rates, 0.1);
      return { stored: rates, baseline: today, candidate: today };
    }
    case 'world-10-broken': {
      const today = CHANGES.uniform(rates, 0.1);
      return { stored: rates, baseline: today, candidate: CHANGES.broken(today, rng) };
    }
    case 'half-up': {
      const better = rates.slice();
      for (const i of choose(rates.length, Math.floor(rates.length / 2), rng))
        better[i] = 1 - (1 - (better[i] ?? 0)) / 2;
      const healthy = [...rates.keys()].filter((i) => (rates[i] ?? 0) >= 0.9);
      for (const at of choose(healthy.length, Math.min(3, healthy.length), rng)) better[healthy[at] ?? 0] = 0;
      return same(rates, better);
    }
    case 'weak-pair': {
      const [stored, after] = [rates.slice(), rates.slice()];
      for (const i of choose(rates.length, 2, rng)) [stored[i], after[i]] = [2 / 3, 0];
      return same(stored, after);
    }
    case 'none-mostly-failing':
    case 'broken-mostly-failing': {
      const poor = rates.slice();
      for (const i of choose(rates.length, Math.round(0.6 * rates.length), rng)) poor[i] = 0;
      return same(poor, change === 'none-mostly-failing' ? poor : CHANGES.broken(poor, rng));
    }
  }
}

/** What the suite and its policy ask of cases. */
export type Marks =
  | 'critical-all'
  | 'critical-tenth'
  /** A floor of .9 for every case (or a tenth of the cases) whose true rate is at least .95. */
  | 'floor-all'
  | 'floor-tenth'
  /** A floor of the suite equal to its true rate, and one point below it. */
  | 'suite-floor'
  | 'suite-floor-1'
  /** Five cases share a tag of their own. */
  | 'tag-of-5'
  /** One tag holds 80% of the cases; every five others have one of their own. */
  | 'unequal-tags'
  /** A fall of the mean score fails the gate. */
  | 'score-fails';

/** Five cases spread over the suite. */
function inTagOf5(index: number, cases: number): boolean {
  const step = Math.max(1, Math.floor(cases / 5));
  return index % step === 0 && index / step < 5;
}

/** A case with what the marks add to it. */
export function markOf(
  marks: Marks | undefined,
  c: CaseResult,
  index: number,
  rates: Float64Array,
): CaseResult {
  const good = (rates[index] ?? 0) >= 0.95;
  switch (marks) {
    case 'critical-all':
      return { ...c, critical: true };
    case 'critical-tenth':
      return { ...c, critical: index % 10 === 0 };
    case 'floor-all':
      return { ...c, minPassRate: good ? 0.9 : null };
    case 'floor-tenth':
      return { ...c, minPassRate: good && index % 10 === 0 ? 0.9 : null };
    case 'tag-of-5':
      return inTagOf5(index, rates.length) ? { ...c, tags: [...c.tags, 'five'] } : c;
    case 'unequal-tags':
      return { ...c, tags: [index < 0.8 * rates.length ? 'most' : `five-${Math.floor(index / 5)}`] };
    case 'suite-floor':
    case 'suite-floor-1':
    case 'score-fails':
    case undefined:
      return c;
  }
}

/** The policy with what the marks add to it. */
export function policyFileOf(
  marks: Marks | undefined,
  policy: PolicyFile | undefined,
  rates: Float64Array,
): PolicyFile | undefined {
  const mean = rates.reduce((sum, p) => sum + p, 0) / rates.length;
  if (marks === 'suite-floor') return { ...policy, 'min-pass-rate': mean };
  if (marks === 'suite-floor-1') return { ...policy, 'min-pass-rate': mean - 0.01 };
  if (marks === 'score-fails') return { ...policy, channels: { ...policy?.channels, score: 'fail' } };
  return policy;
}
