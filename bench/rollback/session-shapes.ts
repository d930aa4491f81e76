// Incidents that a proof can get wrong: a lost tone, one broken case, a lucky or unlucky baseline, flaky and critical cases, a retired target.

import type { Release } from '../../src/core/index.ts';
import type { Mt19937 } from '../../src/stats/index.ts';
import { beta } from '../stat/draws.ts';
import { CASES, type Incident, MODEL, OTHER, release, runs, shuffle, THIRD } from './worlds.ts';

export const SESSION_SHAPES = [
  'lost tone',
  'cures, and breaks one other case',
  'one of two broken',
  '5.5 points worse, unlucky baseline',
  'right target, luckiest baseline',
  'flaky suite',
  'one critical case at .95',
  'hybrid with the wrong route',
] as const;
export type SessionShape = (typeof SESSION_SHAPES)[number];

/** Standard deviation of a session on the logit scale. */
export const SESSION_SD = 0.3;

const NEW_PROMPT = {
  prompt: {
    system: 'Answer within the policy, and be kind.',
    messages: [{ role: 'user', content: '{{ q }}' }],
  },
};
const UNIFORM = 0.055;

/** More than half of the cases never fail, some seldom, some often; a flaky suite has only the last kind. */
function rates(shape: SessionShape, rng: Mt19937): number[] {
  return Array.from({ length: CASES }, () => {
    const kind = rng.next();
    if (shape === 'flaky suite') return beta(4, 2, rng);
    return kind < 0.55 ? 1 : kind < 0.85 ? beta(18, 2, rng) : beta(4, 2, rng);
  });
}

export function makeSessionIncident(seed: number, shape: SessionShape, rng: Mt19937): Incident {
  const base = rates(shape, rng);
  const able = shuffle([...base.keys()], rng).filter((i) => (base[i] ?? 0) > 0.7);
  const size = shape === 'one of two broken' ? 2 : 6 + Math.floor(10 * rng.next());
  const hurt = new Set(able.slice(0, size));
  const [elsewhere = 0] = able.slice(size);
  const [kept = 0] = able;
  const factor = 0.05 + 0.25 * rng.next();
  const mean = base.reduce((sum, p) => sum + p, 0) / CASES;
  const critical = shape === 'one critical case at .95' ? new Set([elsewhere]) : new Set<number>();
  for (const i of critical) base[i] = 0.95;
  const retired = shape === 'hybrid with the wrong route';
  const baseline = release('steady');
  const other = release('second-source', { params: { 'max-output-tokens': 300 } }, OTHER);
  const current = retired ? release('today', NEW_PROMPT, THIRD) : baseline;
  const isNewPrompt = (r: Release): boolean =>
    JSON.stringify(r.layers.prompt) === JSON.stringify(current.layers.prompt);
  return {
    seed,
    shape,
    baseline,
    current,
    earlier: [other],
    hurt,
    critical,
    blessed:
      shape === 'right target, luckiest baseline'
        ? 'luckiest'
        : shape === '5.5 points worse, unlucky baseline'
          ? 'unluckiest'
          : 'last',
    score: (r) => (runs(r, OTHER) && shape === 'lost tone' ? 0.63 : 0.93),
    rate: (r, i, after) => {
      const good = base[i] ?? 0;
      if (!after) return good;
      if (retired) {
        if (runs(r, MODEL)) return null;
        const uniform = runs(r, THIRD) ? 1 - UNIFORM / mean : 1;
        return good * uniform * (isNewPrompt(r) && hurt.has(i) ? factor : 1);
      }
      if (runs(r, MODEL)) return hurt.has(i) ? good * factor : good;
      if (shape === 'cures, and breaks one other case' && i === elsewhere) return good * factor;
      if (shape === 'one of two broken' && i === kept) return good * factor;
      if (shape === '5.5 points worse, unlucky baseline') return good * (1 - UNIFORM / mean);
      return good;
    },
  };
}
