// What a candidate is measured against: the last good release run beside it today where that is still good, else what is stored of it.

import type { CaseResult, SnapshotResults } from '../core/index.ts';
import { examDifferences } from '../core/index.ts';
import { fisherLess, holm } from '../stats/index.ts';
import { CaseRates, caseRatePrior, MeanChange } from '../stats/mean-change.ts';
import { type NoiseMixture, type RunVariance, runDifference } from '../stats/run-variance.ts';
import { byId } from './regression.ts';

/** Graded trials of one case: how many, how many passed, and their scores; `passedScore` is the sum over the passed ones. */
export interface Counts {
  readonly x: number;
  readonly k: number;
  readonly scores: readonly number[];
  readonly passedScore: number;
}

export const NO_TRIALS: Counts = { x: 0, k: 0, scores: [], passedScore: 0 };

/** One case of the candidate with everything it is measured against. */
export interface MeasuredCase {
  readonly id: string;
  readonly tags: readonly string[];
  readonly critical: boolean;
  readonly candidate: Counts;
  /** Stored trials of the last good release. */
  readonly stored: Counts;
  /** Its trials of today; null without a control. */
  readonly control: Counts | null;
  /** Does the control still show what was good on this case? False = it fell, or there is none: the stored trials count alone. */
  readonly controlHolds: boolean;
}

interface World {
  /** Last good release today minus its stored runs, over all cases; null without a control. */
  readonly delta: number | null;
  /** One-sided p that it did not fall, session noise counted. */
  readonly p: number | null;
  /** Cases in which it fell. */
  readonly cases: readonly string[];
  /** It is no longer good as a whole. */
  readonly moved: boolean;
}

export interface Reference {
  readonly cases: readonly MeasuredCase[];
  readonly world: World;
  readonly rates: CaseRates;
  /** What sessions do to the mean change of these cases. */
  sessionsOf(cases: readonly MeasuredCase[]): SessionEffect;
}

export interface SessionEffect {
  /**
   * Part of the change that is none of the candidate's: today's session, as far as the control shows it, and the luck of the stored
   * trials, which are shrunk towards those of all cases (a case is often named because its stored trials were lucky).
   */
  readonly shift: number;
  /** What is not known of it; what carrying it over costs is added. */
  readonly noise: NoiseMixture;
}

export interface ReferenceInput {
  readonly candidate: readonly CaseResult[];
  readonly control: readonly CaseResult[] | null;
  /** The blessed run first. */
  readonly pool: readonly SnapshotResults[];
  readonly incident: SnapshotResults;
  /** Cases to be cured. */
  readonly regressed: readonly string[];
  /** How much runs of the last good release differ from each other. */
  readonly sessions: RunVariance;
}

/** One-sided p at which the last good release is called worse today than its stored runs. */
const WORLD_ALPHA = 0.05;
/** The same of a single case. Lenient enough that a broken case is not a yardstick; strict enough that bad luck is not set aside. */
const FELL_ALPHA = 0.01;
/** The same where the release behind the control is known to have regressed. */
const FELL_ALPHA_KNOWN = 0.04;
/** The same of a case that is named as regressed. */
const FELL_ALPHA_NAMED = 0.3;
const DAY_MS = 86_400_000;

export function countsOf(result: CaseResult | undefined): Counts {
  if (result === undefined) return NO_TRIALS;
  const graded = result.trials.filter((t) => t.pass !== null);
  return {
    x: graded.filter((t) => t.pass === true).length,
    k: graded.length,
    scores: graded.map((t) => t.score ?? Number(t.pass)),
    passedScore: graded.reduce((sum, t) => sum + (t.pass === true ? (t.score ?? 1) : 0), 0),
  };
}

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    x: a.x + b.x,
    k: a.k + b.k,
    scores: [...a.scores, ...b.scores],
    passedScore: a.passedScore + b.passedScore,
  };
}

/** Pairs every graded case of the candidate with its stored trials and those of the control. */
export function referenceOf(input: ReferenceInput): Reference {
  const pools = input.pool.map(byId);
  const control = input.control === null ? null : new Map(input.control.map((c) => [c.id, c]));
  const incident = byId(input.incident);
  const sameRelease = input.pool[0]?.summary.fingerprint === input.incident.summary.fingerprint;
  const regressed = new Set(input.regressed);
  const all = input.candidate.flatMap((c): Omit<MeasuredCase, 'controlHolds'>[] => {
    const same = (other: CaseResult | undefined): Counts =>
      other === undefined || examDifferences(other.exam, c.exam).length > 0 ? NO_TRIALS : countsOf(other);
    const stored = pools.map((pool) => same(pool.get(c.id))).reduce(addCounts, NO_TRIALS);
    const candidate = countsOf(c);
    if (candidate.k === 0 || stored.k === 0) return [];
    const today = control === null ? null : same(control.get(c.id));
    const { id, tags, critical } = c;
    return [{ id, tags, critical, candidate, stored, control: today?.k === 0 ? null : today }];
  });
  const rates = ratesOf(all);
  const noise = (cases: readonly Pick<MeasuredCase, 'stored'>[], of: number): NoiseMixture => {
    const sensitivity =
      cases.reduce((sum, c) => sum + rates.moments(c.stored.x, c.stored.k).variance, 0) / of;
    const days = input.pool.map((run) => Date.parse(run.summary.startedAt) / DAY_MS);
    return runDifference({ ...input.sessions, sensitivity }, 0, days);
  };
  // What the release did during the incident counts too where it is the same one.
  const lately = (c: Omit<MeasuredCase, 'controlHolds'>): Counts =>
    c.control === null
      ? NO_TRIALS
      : sameRelease
        ? addCounts(c.control, countsOf(incident.get(c.id)))
        : c.control;
  const fellP = all.map((c) => fall(c.stored, lately(c)));
  const world = worldOf(all, fellP, noise);
  const limit = (id: string): number =>
    !sameRelease ? FELL_ALPHA : regressed.has(id) ? FELL_ALPHA_NAMED : FELL_ALPHA_KNOWN;
  const cases = all.map((c, i) => ({
    ...c,
    controlHolds:
      c.control !== null && !(world.moved && world.cases.length === 0) && (fellP[i] ?? 1) > limit(c.id),
  }));
  const days = input.pool.map((run) => Date.parse(run.summary.startedAt) / DAY_MS);
  const good = new CaseRates(caseRatePrior(stored(all)));
  const session = runDifference({ ...input.sessions, sensitivity: 1 }, 0, days);
  return { cases, world, rates, sessionsOf: (of) => sessionEffect(of, { rates, good, session }) };
}

/**
 * What today's session does to the mean change of these cases, and what is known of it. On the cases that the control holds for it says
 * how today differs from the stored runs. That is carried over to the cases that it does not hold for, as far as it lowers the variance.
 * (Stored runs never correct the control: a blessed run may have been an unlucky one, and its pool takes after it.)
 */
function sessionEffect(
  cases: readonly MeasuredCase[],
  { rates, good, session }: { rates: CaseRates; good: CaseRates; session: NoiseMixture },
): SessionEffect {
  const n = cases.length;
  let luck = 0;
  let change = 0;
  let controlNoise = 0;
  let storedNoise = 0;
  let sensitivityHeld = 0;
  let sensitivityStored = 0;
  for (const { control, controlHolds, stored: before } of cases) {
    if (control === null || !controlHolds) {
      const { rate, variance } = good.moments(before.x, before.k);
      luck += (before.x / before.k - rate) / n;
      sensitivityStored += variance / n;
      continue;
    }
    const { variance } = rates.moments(before.x + control.x, before.k + control.k);
    change += (control.x / control.k - before.x / before.k) / n;
    controlNoise += variance / control.k / (n * n);
    storedNoise += variance / before.k / (n * n);
    sensitivityHeld += variance / n;
  }
  const typical = session.variances.reduce((sum, v, i) => sum + v * (session.weights[i] ?? 0), 0);
  const all = controlNoise + storedNoise + typical * sensitivityHeld ** 2;
  const carried = all === 0 ? 0 : (-typical * sensitivityStored * sensitivityHeld) / all;
  // The control's own noise is counted with its trials already.
  const own = (1 - carried) ** 2 * controlNoise - controlNoise + carried ** 2 * storedNoise;
  return {
    shift: -luck - carried * change,
    noise: {
      ...session,
      variances: session.variances.map((v) => own + v * (sensitivityStored + carried * sensitivityHeld) ** 2),
    },
  };
}

function stored(cases: readonly Pick<MeasuredCase, 'stored'>[]): { x: number; k: number }[] {
  return cases.length === 0 ? [{ x: 0, k: 0 }] : cases.map((c) => ({ x: c.stored.x, k: c.stored.k }));
}

function ratesOf(cases: readonly Pick<MeasuredCase, 'stored' | 'candidate' | 'control'>[]): CaseRates {
  const seen = cases.map((c) => {
    const all = addCounts(addCounts(c.stored, c.candidate), c.control ?? NO_TRIALS);
    return { x: all.x, k: all.k };
  });
  return new CaseRates(caseRatePrior(seen.length === 0 ? [{ x: 0, k: 0 }] : seen));
}

/** One-sided exact p that `now` is no worse than `before`; 1 without trials. */
export function fall(before: Counts, now: Counts): number {
  if (before.k === 0 || now.k === 0) return 1;
  return fisherLess({ xA: before.x, kA: before.k, xB: now.x, kB: now.k }).p;
}

function worldOf(
  cases: readonly Omit<MeasuredCase, 'controlHolds'>[],
  fellP: readonly number[],
  noise: (cases: readonly Pick<MeasuredCase, 'stored'>[], of: number) => NoiseMixture,
): World {
  const tested = cases.filter((c) => c.control !== null);
  if (tested.length === 0) return { delta: null, p: null, cases: [], moved: false };
  const change = new MeanChange(
    tested.map((c) => ({ xA: c.stored.x, kA: c.stored.k, xB: c.control?.x ?? 0, kB: c.control?.k ?? 0 })),
    noise(tested, tested.length),
  );
  const p = change.pAtLeast(0);
  const adjusted = holm(fellP);
  const fell = cases.filter((_, i) => (adjusted[i] ?? 1) <= WORLD_ALPHA).map((c) => c.id);
  return { delta: change.delta, p, cases: fell, moved: p <= WORLD_ALPHA || fell.length > 0 };
}
