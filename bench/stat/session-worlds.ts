// Worlds whose runs are not independent: sessions, bad hours, moods of groups and of the judge. See docs/statistics.md for the model.
// logit P = case + session of the run + session of its group + session of the case in the run.

import type { CaseResult, SnapshotResults, TrialResult } from '../../src/core/index.ts';
import { type Mt19937, normalCdf, normalQuantile } from '../../src/stats/index.ts';
import { beta, choose, normal } from './draws.ts';
import { caseId } from './snapshots.ts';
import { breakSome, categoriesOf, JUDGE_SLOPE, uniformDrop } from './worlds.ts';

/** True pass rates over the cases of a suite. */
export type SuiteShape = 'typical' | 'mature' | 'u-shaped' | 'flaky' | 'mix97' | UnseenShape;

/** Shapes that no constant of the engine was tuned on: every rate alike, a half at .5, most cases weak, categories of 98% and 30%. */
export const UNSEEN_SHAPES = ['level', 'halves', 'weak', 'striped'] as const;
type UnseenShape = (typeof UNSEEN_SHAPES)[number];

export const SUITE_SHAPES: readonly SuiteShape[] = ['typical', 'mature', 'u-shaped', 'flaky', 'mix97'];
export const SUITE_SIZES = [5, 12, 42, 100, 500] as const;
export const TRIALS = [1, 3, 5] as const;

/** What two runs made at the same time share, and two runs made at different times do not. */
export type SessionProcess =
  | { readonly kind: 'independent' }
  /** Every session has a shift of its own. */
  | { readonly kind: 'session'; readonly sd: number }
  /** Sessions a day apart correlate by rho, a fraction of a day apart by rho to that power. */
  | { readonly kind: 'ar1'; readonly sd: number; readonly rho: number }
  /** A sine over seven days. */
  | { readonly kind: 'weekly'; readonly amplitude: number }
  /** In a bad hour 20% of the cases lose half of their passes. `chance`: that a session is one; 1 = every run but those within 12 h after one. */
  | { readonly kind: 'bad-hour'; readonly chance: number }
  /** Ten cases share a mood in each run. `icc`: correlation of the latent normals behind two of their outcomes; marginal rates stay. */
  | { readonly kind: 'groups'; readonly icc: number; readonly declared: boolean }
  /** Each case has a session of its own in each run (prompt caches, sticky routing). */
  | { readonly kind: 'case'; readonly sd: number }
  /** A judge grades; the logits of its sensitivity and its specificity move in each session. */
  | { readonly kind: 'judge'; readonly sd: number };

/** The processes that published figures name. */
export const SESSION_PROCESSES: Readonly<Record<string, SessionProcess>> = {
  independent: { kind: 'independent' },
  'session .15': { kind: 'session', sd: 0.15 },
  'session .3': { kind: 'session', sd: 0.3 },
  'session .5': { kind: 'session', sd: 0.5 },
  'AR(1) .3 rho .5': { kind: 'ar1', sd: 0.3, rho: 0.5 },
  'AR(1) .3 rho .8': { kind: 'ar1', sd: 0.3, rho: 0.8 },
  'weekly .3': { kind: 'weekly', amplitude: 0.3 },
  'bad hour 10%': { kind: 'bad-hour', chance: 0.1 },
  'groups ICC .5': { kind: 'groups', icc: 0.5, declared: false },
  'groups ICC 1': { kind: 'groups', icc: 1, declared: false },
  'groups ICC .5, declared': { kind: 'groups', icc: 0.5, declared: true },
  'groups ICC 1, declared': { kind: 'groups', icc: 1, declared: true },
  'judge .5': { kind: 'judge', sd: 0.5 },
};

const GROUP_SIZE = 10;
const BAD_HOUR_SHARE = 0.2;
/** Runs less than an hour apart share their session. */
const HOUR = 1 / 24;
/** A bad hour is followed by this many days without one. */
const AFTER_BAD_HOUR = 0.5;
const SENSITIVITY = 0.97;
const SPECIFICITY = 0.95;
/** Mean score of a passed trial while quality is good, and after it fell without a check failing. */
export const GOOD_SCORE = 0.93;
export const FALLEN_SCORE = 0.63;
const FAILED_SCORE = 0.2;
const SCORE_SPREAD = 0.04;
/** Day 0 of `at`. */
const FIRST_DAY = Date.parse('2026-01-05T02:00:00.000Z');
const DAY_MS = 86_400_000;

/** True pass rates of a suite of `n` cases. */
export function shapedRates(shape: SuiteShape, n: number, rng: Mt19937): Float64Array {
  switch (shape) {
    case 'typical':
      return Float64Array.from({ length: n }, () => {
        const kind = rng.next();
        return kind < 0.55 ? 1 : kind < 0.85 ? beta(18, 2, rng) : beta(4, 2, rng);
      });
    case 'mature':
      return Float64Array.from({ length: n }, () => beta(2, 0.25, rng));
    case 'u-shaped':
      return Float64Array.from({ length: n }, () => beta(0.3, 0.2, rng));
    case 'flaky':
      return Float64Array.from({ length: n }, () => beta(4, 2, rng));
    case 'level':
      return Float64Array.from({ length: n }, () => beta(1, 1, rng));
    case 'halves':
      return Float64Array.from({ length: n }, (_, i) => (i % 2 === 0 ? 1 : 0.5));
    case 'weak':
      return Float64Array.from({ length: n }, () => beta(2, 3, rng));
    case 'striped': {
      const categories = categoriesOf(n);
      return Float64Array.from({ length: n }, (_, i) => ((categories[i] ?? 0) % 2 === 0 ? 0.98 : 0.3));
    }
    case 'mix97': {
      const rates = new Float64Array(n).fill(1);
      for (const i of choose(n, Math.max(1, Math.round(0.03 * n)), rng)) rates[i] = 0.6;
      return rates;
    }
  }
}

/** What one arm of a run does; left out = the suite as it was drawn. */
export interface Arm {
  readonly rates?: Float64Array | undefined;
  /** Mean score of a passed trial. */
  readonly score?: number | undefined;
  /** Name of the release; its fingerprint too. */
  readonly release?: string | undefined;
}

export interface SessionRun extends Arm {
  /** Days since the start; never earlier than the run before. */
  readonly at: number;
  readonly trials: number;
  /** Run only these cases (by index). */
  readonly cases?: readonly number[] | undefined;
  /** Is this run's session a bad hour, whatever the chance says? */
  readonly badHour?: boolean | undefined;
  /** Interleaved only: does each arm have its own mood of every group, for as long as the session lasts? */
  readonly moodsApart?: boolean | undefined;
  readonly labels?: Readonly<Record<string, string>> | undefined;
}

/** The hour that a run falls into. */
interface Session {
  readonly at: number;
  /** Shift of every case on the logit scale. */
  readonly shift: number;
  readonly moods: Float64Array;
  /** Of the candidate, where the arms do not share them. */
  readonly otherMoods: Float64Array;
  readonly caseShifts: Float64Array | null;
  /** Cases hit by a bad hour. */
  readonly hit: ReadonlySet<number>;
  readonly sensitivity: number;
  readonly specificity: number;
}

export interface SessionWorldPlan {
  readonly process: SessionProcess;
  readonly shape: SuiteShape;
  readonly cases: number;
}

const NO_CASES: ReadonlySet<number> = new Set();

function logistic(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function shiftedRate(p: number, shift: number): number {
  // A rate of exactly 0 or 1 stays: no session fails a case that cannot fail.
  return shift === 0 || p <= 0 || p >= 1 ? p : logistic(Math.log(p / (1 - p)) + shift);
}

/** One suite and the hours it lives through. The same stream, called in the same order, gives the same outcomes. */
export class SessionWorld {
  readonly rates: Float64Array;
  /** Category of each case, 0 to 7. */
  readonly category: Int32Array;
  readonly process: SessionProcess;
  readonly #rng: Mt19937;
  readonly #phase: number;
  #session: Session | null = null;
  #badUntil = Number.NEGATIVE_INFINITY;
  #runs = 0;

  constructor({ process, shape, cases }: SessionWorldPlan, rng: Mt19937) {
    this.process = process;
    this.#rng = rng;
    this.rates = shapedRates(shape, cases, rng);
    this.category = categoriesOf(cases);
    this.#phase = 2 * Math.PI * rng.next();
  }

  /** Runs the suite (or some cases of it) once. */
  run(run: SessionRun): SnapshotResults {
    return this.#snapshot(this.#sessionAt(run), run, run);
  }

  /** Two arms in one session, trial by trial. */
  runInterleaved(
    run: Omit<SessionRun, keyof Arm>,
    baseline: Arm,
    candidate: Arm,
  ): { readonly baseline: SnapshotResults; readonly candidate: SnapshotResults } {
    const session = this.#sessionAt(run);
    const own = run.moodsApart === true ? { ...session, moods: session.otherMoods } : session;
    return {
      baseline: this.#snapshot(session, run, { release: 'release-a', ...baseline }),
      candidate: this.#snapshot(own, run, { release: 'release-b', ...candidate }),
    };
  }

  #sessionAt({ at, badHour }: Pick<SessionRun, 'at' | 'badHour'>): Session {
    const last = this.#session;
    if (last !== null && at < last.at) throw new RangeError('runs must come in the order of their time');
    // An autoregression moves on continuously; every other session lasts an hour.
    if (last !== null && badHour === undefined && this.process.kind !== 'ar1' && at - last.at < HOUR)
      return last;
    const session = this.#draw(at, last, badHour);
    this.#session = session;
    return session;
  }

  #draw(at: number, last: Session | null, badHour: boolean | undefined): Session {
    const { process } = this;
    const rng = this.#rng;
    const n = this.rates.length;
    let shift = 0;
    let hit = NO_CASES;
    let [sensitivity, specificity] = [1, 1];
    if (process.kind === 'session') shift = process.sd * normal(rng);
    if (process.kind === 'ar1') {
      const carry = last === null ? 0 : process.rho ** (at - last.at);
      shift = carry * (last?.shift ?? 0) + Math.sqrt(1 - carry * carry) * process.sd * normal(rng);
    }
    if (process.kind === 'weekly') shift = process.amplitude * Math.sin((2 * Math.PI * at) / 7 + this.#phase);
    if (process.kind === 'bad-hour') {
      const drawn = rng.next() < process.chance && at >= this.#badUntil;
      if (badHour ?? drawn) {
        hit = new Set(choose(n, Math.round(BAD_HOUR_SHARE * n), rng));
        this.#badUntil = at + AFTER_BAD_HOUR;
      }
    }
    if (process.kind === 'judge') {
      const moved = (p: number): number => logistic(Math.log(p / (1 - p)) + process.sd * normal(rng));
      [sensitivity, specificity] = [moved(SENSITIVITY), moved(SPECIFICITY)];
    }
    const drawMoods = (): Float64Array =>
      Float64Array.from({ length: process.kind === 'groups' ? Math.ceil(n / GROUP_SIZE) : 0 }, () =>
        normal(rng),
      );
    const moods = drawMoods();
    const otherMoods = drawMoods();
    const caseShifts =
      process.kind === 'case' ? Float64Array.from({ length: n }, () => process.sd * normal(rng)) : null;
    return { at, shift, moods, otherMoods, caseShifts, hit, sensitivity, specificity };
  }

  /** The rate at which a case passes in a session. */
  #rateIn(session: Session, index: number, p: number): number {
    const { process } = this;
    let rate = shiftedRate(p, session.shift + (session.caseShifts?.[index] ?? 0));
    if (process.kind === 'groups' && p > 0 && p < 1) {
      const mood = session.moods[Math.floor(index / GROUP_SIZE)] ?? 0;
      const over = normalQuantile(p) - Math.sqrt(process.icc) * mood;
      rate = process.icc >= 1 ? (over >= 0 ? 1 : 0) : normalCdf(over / Math.sqrt(1 - process.icc));
    }
    if (session.hit.has(index)) rate /= 2;
    return rate * session.sensitivity + (1 - rate) * (1 - session.specificity);
  }

  #snapshot(
    session: Session,
    { at, trials, cases, labels }: Omit<SessionRun, keyof Arm>,
    arm: Arm,
  ): SnapshotResults {
    const rates = arm.rates ?? this.rates;
    const score = arm.score ?? GOOD_SCORE;
    const rng = this.#rng;
    const indices = cases ?? [...rates.keys()];
    const results = indices.map((index): CaseResult => {
      const rate = this.#rateIn(session, index, rates[index] ?? 0);
      return this.#case(
        index,
        Array.from({ length: trials }, (_, trial) => {
          const pass = rng.next() < rate;
          // A score of a passed trial varies a little; mostly from its mean, so that one draw is enough.
          const spread = SCORE_SPREAD * (2 * rng.next() - 1);
          return trialOf(trial, pass, pass ? Math.min(1, score + spread) : FAILED_SCORE);
        }),
      );
    });
    this.#runs += 1;
    return {
      summary: summaryOf(`s${this.#runs}`, arm.release ?? 'release-a', at, results, labels ?? {}),
      cases: results,
    };
  }

  #case(index: number, trials: TrialResult[]): CaseResult {
    const { process } = this;
    const declared = process.kind === 'groups' && process.declared;
    return {
      id: caseId(index),
      tags: [`category-${this.category[index] ?? 0}`],
      group: declared ? `group-${Math.floor(index / GROUP_SIZE)}` : null,
      critical: false,
      minPassRate: null,
      exam: {
        contentHash: caseId(index),
        gradersHash: 'checks',
        judge: process.kind === 'judge' ? 'judge' : null,
        embedder: null,
        graderCode: 1,
      },
      plannedTrials: trials.length,
      trials,
    };
  }
}

function trialOf(trial: number, pass: boolean, score: number): TrialResult {
  return {
    trial,
    status: 'answered',
    cause: null,
    pass,
    score,
    ungraded: [],
    length: null,
    latencyMs: null,
    costUsd: null,
    outputTokens: null,
    refusal: null,
    stopReason: 'stop',
    servedModel: null,
    systemFingerprint: null,
    outputHash: null,
  };
}

function summaryOf(
  id: string,
  release: string,
  at: number,
  cases: readonly CaseResult[],
  labels: Readonly<Record<string, string>>,
): SnapshotResults['summary'] {
  const startedAt = new Date(FIRST_DAY + at * DAY_MS).toISOString();
  const trials = cases.reduce((sum, c) => sum + c.trials.length, 0);
  return {
    id,
    purpose: 'run',
    suite: 'bench',
    suiteHash: 'bench',
    release,
    fingerprint: release,
    layerHashes: { route: release },
    exam: 'bench',
    judge: cases[0]?.exam.judge ?? null,
    embedder: null,
    startedAt,
    finishedAt: new Date(Date.parse(startedAt) + 600_000).toISOString(),
    state: 'finished',
    validity: 'valid',
    validityReasons: [],
    findings: [],
    cases: cases.length,
    plannedTrials: trials,
    trials,
    answered: trials,
    failed: 0,
    skipped: 0,
    ungraded: 0,
    passRate: null,
    meanScore: null,
    calls: trials,
    costUsd: null,
    judgeCostUsd: null,
    servedModels: [null],
    systemFingerprints: [null],
    simulated: true,
    pinned: true,
    labels,
    seed: 1,
    environment: { lastgood: 'bench', node: 'bench', platform: 'bench' },
  };
}

/** Changes of a candidate, as functions of the true rates. */
export const CHANGES = {
  /** `points` less in the mean, the same share of every case's rate. */
  uniform: (rates: Float64Array, points: number): Float64Array => uniformDrop(rates, points),
  /** A drop of exactly the margin, as the world's grades show it. */
  atMargin: (rates: Float64Array, margin: number, judged: boolean): Float64Array =>
    uniformDrop(rates, judged ? margin / JUDGE_SLOPE : margin),
  /** max(2, 3%) of the healthy cases now fail 19 times in 20. */
  broken: (rates: Float64Array, rng: Mt19937): Float64Array => breakSome(rates, rates, rng),
  /** One case that passed at least 9 times in 10 fails always. */
  oneBroken: (rates: Float64Array, rng: Mt19937): Float64Array => {
    const healthy = [...rates.keys()].filter((i) => (rates[i] ?? 0) >= 0.9);
    const at = healthy[Math.floor(healthy.length * rng.next())];
    return rates.map((p, i) => (i === at ? 0 : p));
  },
  /** One category loses 40% of its passes. */
  category: (rates: Float64Array, rng: Mt19937): Float64Array => {
    const category = categoriesOf(rates.length);
    const hit = category[Math.floor(rates.length * rng.next())];
    return rates.map((p, i) => (category[i] === hit ? 0.6 * p : p));
  },
  /** 10% of the cases fall to .5 and as many rise from .5 to .9. Returns both sides, because the rising ones must start low. */
  cancelling: (rates: Float64Array, rng: Mt19937): { before: Float64Array; after: Float64Array } => {
    const n = rates.length;
    const count = Math.max(1, Math.round(0.1 * n));
    const chosen = choose(n, Math.min(n, 2 * count), rng);
    const [before, after] = [rates.slice(), rates.slice()];
    for (const [j, i] of chosen.entries()) {
      const falls = j < count;
      before[i] = falls ? 0.9 : 0.5;
      after[i] = falls ? 0.5 : 0.9;
    }
    return { before, after };
  },
  /** Loses `points` from this night on, and stays there. */
  step: (rates: Float64Array, points: number, night: number, from = 31): Float64Array =>
    night < from ? rates : uniformDrop(rates, points),
  /** Loses `share` of every rate evenly over `nights`. */
  decay: (rates: Float64Array, night: number, share = 0.15, nights = 90): Float64Array =>
    rates.map((p) => p * (1 - (share * night) / nights)),
} as const;
