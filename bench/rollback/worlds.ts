// Seeded incidents with known truth: who is how good on which case, before and after the change, and what makes it so.

import { fingerprintLayers, type LayerName, type Layers, type Release } from '../../src/core/index.ts';
import type { Mt19937 } from '../../src/stats/index.ts';

export const CASES = 40;
/** The suite's margin: a target whose true mean is further below the baseline's is a wrong one. */
export const MARGIN = 0.05;

export const SHAPES = [
  'silent change, another route is good',
  'one of several changed layers',
  'two layers, only together',
  'two layers, each on its own',
  'the previous release had it already',
  'the baseline moved too, a third is good',
  'the old model is retired',
  'everything moved, nothing is good',
  'the only target is 8 points worse',
  'the only target is 6 points worse',
  'nothing regressed',
] as const;
export type Shape = (typeof SHAPES)[number];

/** How the baseline came to be blessed, of the nights that ran before. */
export type Blessed = 'last' | 'luckiest' | 'unluckiest';

/** Multiplies the pass rate of some cases while its condition holds. */
interface Defect {
  readonly cases: ReadonlySet<number>;
  readonly factor: number;
  readonly when: (release: Release, after: boolean) => boolean;
}

export interface Incident {
  readonly seed: number;
  readonly shape: string;
  readonly baseline: Release;
  readonly current: Release;
  /** Other releases, in the order in which they ran; the last one ran just before the current. */
  readonly earlier: readonly Release[];
  /** Cases the incident's own defect is about. */
  readonly hurt: ReadonlySet<number>;
  /** Chance that a case passes; null = the model is no longer served. */
  rate(release: Release, index: number, after: boolean): number | null;
  /** Mean score of a passed trial; 1 when left out. */
  readonly score?: ((release: Release) => number) | undefined;
  readonly critical?: ReadonlySet<number> | undefined;
  readonly blessed?: Blessed | undefined;
}

export const MODEL = 'gpt-bench-2026-01-10';
export const OTHER = 'claude-bench-4-6-20260101';
export const THIRD = 'gpt-third-2025-11-20';

export function release(name: string, more: Partial<Record<LayerName, object>> = {}, model = MODEL): Release {
  const layers = {
    route: { provider: 'openai', model },
    prompt: { system: 'Answer within the policy.', messages: [{ role: 'user', content: '{{ q }}' }] },
    params: { temperature: 0 },
    tools: { choice: 'auto' },
    output: { version: 1 },
    ...more,
  } as unknown as Layers;
  return {
    name,
    file: null,
    layers,
    ...fingerprintLayers(layers),
    pin: { state: 'pinned', reason: 'dated' },
    dependents: [],
    paths: {},
  };
}

const NEW: Partial<Record<LayerName, object>> = {
  prompt: {
    system: 'Answer within the policy, and be kind.',
    messages: [{ role: 'user', content: '{{ q }}' }],
  },
  params: { temperature: 0.4 },
  tools: { choice: 'none' },
  output: { version: 2 },
};
const NEWABLE = ['prompt', 'params', 'tools', 'output'] as const;

function isNew(r: Release, layer: (typeof NEWABLE)[number]): boolean {
  return JSON.stringify(r.layers[layer]) === JSON.stringify(NEW[layer]);
}

export function runs(r: Release, model: string): boolean {
  return r.layers.route['model'] === model;
}

/** The incident of a seed; the shape is dealt round by round. */
export function makeIncident(seed: number, shape: Shape, rng: Mt19937): Incident {
  const base = Array.from({ length: CASES }, () => {
    const u = rng.next();
    return u < 0.65 ? 0.93 + 0.07 * rng.next() : u < 0.92 ? 0.7 + 0.25 * rng.next() : 0.2 + 0.5 * rng.next();
  });
  const shuffled = shuffle(
    base.map((_, i) => i),
    rng,
  );
  const size = 6 + Math.floor(10 * rng.next());
  // What is broken must have been good: a case that failed before cannot show it.
  const able = shuffled.filter((i) => (base[i] ?? 0) > 0.7);
  const hurt = new Set(able.slice(0, size));
  const elsewhere = new Set(able.slice(size, size + 8));
  const factor = 0.05 + 0.25 * rng.next();
  const picked = shuffle([...NEWABLE], rng).slice(0, 2 + Math.floor(3 * rng.next()));
  const [x = 'prompt', y = 'params'] = picked;
  const changed = (layers: readonly (typeof NEWABLE)[number][]): Partial<Record<LayerName, object>> =>
    Object.fromEntries(layers.map((l) => [l, NEW[l]])) as Partial<Record<LayerName, object>>;
  const baseline = release('steady');
  const other = release('second-source', { params: { 'max-output-tokens': 300 } }, OTHER);
  const third = release('third-source', { params: { 'max-output-tokens': 200 } }, THIRD);
  const broken = (when: Defect['when'], cases: ReadonlySet<number> = hurt): Defect => ({
    cases,
    factor,
    when,
  });
  const worse = (points: number): Defect => {
    // Spread over all cases alike: the shape that is hardest to see.
    const mean = base.reduce((s, p) => s + p, 0) / CASES;
    return {
      cases: new Set(base.keys()),
      factor: 1 - points / mean,
      when: (r, after) => after && runs(r, OTHER),
    };
  };
  const made = (
    defects: readonly Defect[],
    parts: Pick<Incident, 'current' | 'earlier'>,
    gone: (r: Release) => boolean = () => false,
  ): Incident => ({
    seed,
    shape,
    baseline,
    hurt,
    ...parts,
    rate: (r, i, after) => {
      if (after && gone(r)) return null;
      const p = defects
        .filter((d) => d.cases.has(i) && d.when(r, after))
        .reduce((rate, d) => rate * d.factor, base[i] ?? 0);
      return p;
    },
  });
  const silent = broken((r, after) => after && runs(r, MODEL));
  switch (shape) {
    case 'silent change, another route is good':
      return made([silent], { current: baseline, earlier: [other] });
    case 'one of several changed layers':
      return made([broken((r) => isNew(r, x))], {
        current: release('today', changed(picked)),
        earlier: [other],
      });
    case 'two layers, only together':
      return made([broken((r) => isNew(r, x) && isNew(r, y))], {
        current: release('today', changed(picked)),
        earlier: [],
      });
    case 'two layers, each on its own':
      return made([broken((r) => isNew(r, x)), broken((r) => isNew(r, y), elsewhere)], {
        current: release('today', changed(picked)),
        earlier: [],
      });
    case 'the previous release had it already':
      return made([broken((r) => isNew(r, x))], {
        current: release('today', changed([x, y])),
        earlier: [other, release('two-weeks-ago', changed([x]))],
      });
    case 'the baseline moved too, a third is good':
      return made([silent, broken((r, after) => after && runs(r, OTHER), elsewhere)], {
        current: baseline,
        earlier: [third, other],
      });
    case 'the old model is retired': {
      const current = release('today', {}, THIRD);
      return made([broken((r) => runs(r, THIRD))], { current, earlier: [other] }, (r) => runs(r, MODEL));
    }
    case 'everything moved, nothing is good':
      return made([broken((_, after) => after)], { current: baseline, earlier: [third, other] });
    case 'the only target is 8 points worse':
      return made([silent, worse(0.08)], { current: baseline, earlier: [other] });
    case 'the only target is 6 points worse':
      return made([silent, worse(0.06)], { current: baseline, earlier: [other] });
    case 'nothing regressed':
      return made([], { current: release('today', changed(picked)), earlier: [other] });
  }
}

/** A rate moved on the logit scale; 0 and 1 stay. */
export function shiftedRate(rate: number, shift: number): number {
  return rate <= 0 || rate >= 1 ? rate : 1 / (1 + Math.exp(-(Math.log(rate / (1 - rate)) + shift)));
}

/** The night that was blessed, by luck or because it was the last one. */
export function blessedOf<T>(incident: Incident, nights: readonly T[], rate: (night: T) => number): T {
  const byRate = [...nights].sort((a, b) => rate(a) - rate(b));
  const { blessed } = incident;
  const chosen =
    blessed === 'luckiest' ? byRate.at(-1) : blessed === 'unluckiest' ? byRate[0] : nights.at(-1);
  if (chosen === undefined) throw new RangeError('an incident needs nights before it');
  return chosen;
}

export function shuffle<T>(items: T[], rng: Mt19937): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(rng.next() * (i + 1));
    [items[i], items[j]] = [items[j] as T, items[i] as T];
  }
  return items;
}

/** A single case that fell by more than this is broken, and a target that breaks one is wrong. */
const BROKEN = 0.4;
/** Largest fall of the critical cases together in a right target. */
const CRITICAL_FALL = 0.1;

/** Is restoring it right? Pass rate and mean score lie within the margin of the baseline's as it was, the hurt cases are back, none is broken. */
export function isRight(incident: Incident, target: Release): boolean {
  const { baseline, hurt, critical } = incident;
  const scoreOf = incident.score ?? (() => 1);
  let fell = 0;
  let scoreFell = 0;
  let hurtThen = 0;
  let hurtNow = 0;
  let criticalFell = 0;
  for (let i = 0; i < CASES; i++) {
    const good = incident.rate(baseline, i, false) ?? 0;
    const rate = incident.rate(target, i, true);
    if (rate === null || good - rate > BROKEN) return false;
    fell += good - rate;
    scoreFell += good * scoreOf(baseline) - rate * scoreOf(target);
    if (critical?.has(i)) criticalFell += good - rate;
    if (hurt.has(i)) {
      hurtThen += good;
      hurtNow += rate;
    }
  }
  return (
    fell / CASES <= MARGIN &&
    scoreFell / CASES <= MARGIN &&
    criticalFell <= CRITICAL_FALL * Math.max(1, critical?.size ?? 0) &&
    hurtNow >= 0.8 * hurtThen
  );
}
