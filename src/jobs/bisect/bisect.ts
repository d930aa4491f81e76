// Which layers did it? Runs hybrids of a good and a bad release on the regressed cases, as few as the answer takes.

import { LastgoodError } from '../../base/index.ts';
import { compareSnapshots } from '../../compare/index.ts';
import {
  type BisectPlan,
  type BisectReport,
  type BisectTest,
  type Comparison,
  changedLayers,
  hybridRelease,
  type LayerName,
  type Release,
  resolvePolicy,
  type SnapshotResults,
  type Suite,
  wholeRelease,
} from '../../core/index.ts';
import { onlyCases } from '../../engine/arms/rollback-suite.ts';
import { type RunSettings, runSuite } from '../../engine/arms/run-suite.ts';
import { addSpent, NOTHING_SPENT, remaining, type Spent } from '../../engine/arms/spending.ts';
import { examinersOf } from '../../engine/examiners/graded-by.ts';
import { programsInTree } from '../../engine/examiners/known-programs.ts';
import { consentToGraders } from '../../engine/workplace/consent.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import {
  hybridOutcome,
  minimalSubset,
  type OracleOutcome,
  pooledTallies,
  regressedCases,
  rememberingOracle,
  type Tallies,
  worstCaseQuestions,
} from '../../rollback/index.ts';
import { callBounds } from '../../run/index.ts';
import { resultsOf } from '../rollback/rollback-context.ts';

export interface BisectRequest {
  readonly suite: string;
  /** References of the two snapshots. */
  readonly good: string;
  readonly bad: string;
  /** Only say what would be run. */
  readonly dryRun?: boolean | undefined;
  /** `trials` = per case and round; `maxCalls`, `maxCostUsd` = over the whole search. */
  readonly settings?: RunSettings;
}

/** Most regressed cases that are asked about, worst first, and trials of all of them together in one round. */
const MOST_CASES = 24;
const TRIALS_A_ROUND = 30;
const LEAST_TRIALS = 3;
const MOST_TRIALS = 12;
/** An undecided hybrid gets this many rounds of trials at most. */
const MAX_ROUNDS = 4;

interface Ends {
  readonly good: SnapshotResults;
  readonly bad: SnapshotResults;
  readonly goodRelease: Release;
  readonly badRelease: Release;
}

/** Thrown inside the search when the limit is reached or a call failed for good; the search ends there. */
class OutOfBudget extends Error {}

/** Names the smallest set of layers that causes the regression between two snapshots, and the smallest that cures it. */
export async function bisectLayers(work: Workplace, request: BisectRequest): Promise<BisectReport> {
  const good = await resultsOf(work, request.good, request.suite);
  const bad = await resultsOf(work, request.bad, request.suite);
  for (const s of [good, bad]) {
    if (s.summary.validity === 'invalid')
      throw new LastgoodError({
        code: 'BISECT_INVALID_SNAPSHOT',
        message: `${s.summary.id} is invalid (${s.summary.validityReasons.join('; ')}), so nothing can be compared with it`,
        hint: 'name another snapshot with --good or --bad',
        exitCode: 3,
      });
  }
  const ends: Ends = {
    good,
    bad,
    goodRelease: wholeRelease(await work.store.releaseOf(good.summary.id), 'bisected'),
    badRelease: wholeRelease(await work.store.releaseOf(bad.summary.id), 'bisected'),
  };
  const suite = await work.store.suiteOf(bad.summary.id);
  await consentToGraders(suite);
  const comparison = compareSnapshots(good, bad, { policy: resolvePolicy(suite.policy) });
  const layers = changedLayers(ends.goodRelease, ends.badRelease);
  const regressed = regressedCases(comparison);
  const base = {
    schemaVersion: 1 as const,
    kind: 'bisect' as const,
    suite: request.suite,
    good: briefly(good),
    bad: briefly(bad),
    layersChanged: layers,
    regressedCases: regressed,
    cause: null,
    cure: null,
    tests: [],
    callsSpent: 0,
  };
  const nothing = nothingToBisect(comparison, layers);
  if (nothing !== null) return { ...base, plan: null, outcome: 'nothing', reason: nothing };
  const plan = planOf(ends, layers, { suite, regressed }, request.settings ?? {});
  if (request.dryRun === true)
    return { ...base, plan, outcome: 'planned', reason: 'nothing was run: --dry-run' };
  const search = new HybridSearch(work, ends, layers, plan, request.settings ?? {});
  return { ...base, plan, ...(await search.run()) };
}

function briefly({ summary }: SnapshotResults): BisectReport['good'] {
  return { id: summary.id, fingerprint: summary.fingerprint, release: summary.release };
}

function nothingToBisect(comparison: Comparison, layers: readonly LayerName[]): string | null {
  const regressed =
    comparison.verdict === 'regressed' || comparison.cases.some((c) => c.verdict === 'regressed');
  if (!regressed)
    return `no regression was shown between ${comparison.baseline.id} and ${comparison.candidate.id}: ${comparison.reason}`;
  if (layers.length > 0) return null;
  return `both snapshots have the same fingerprint, so no layer of yours did it: ${comparison.attribution.diagnosis}`;
}

function planOf(
  ends: Ends,
  layers: readonly LayerName[],
  of: { readonly suite: Suite; readonly regressed: readonly string[] },
  settings: RunSettings,
): BisectPlan {
  const cases = of.regressed.slice(0, MOST_CASES);
  const wanted = Math.ceil(TRIALS_A_ROUND / Math.max(1, cases.length));
  const trialsPerRound = settings.trials ?? Math.min(MOST_TRIALS, Math.max(LEAST_TRIALS, wanted));
  // A case with tools or turns takes several calls a trial.
  const bounds = cases.map((id) => {
    const found = of.suite.cases.find((c) => c.id === id);
    return found === undefined ? { least: 1, most: 1 } : callBounds(ends.badRelease, found);
  });
  const round = (which: 'least' | 'most'): number =>
    bounds.reduce((n, b) => n + b[which], 0) * trialsPerRound;
  // The two end points, then at best each layer alone until the first one answers; a single layer needs no hybrid.
  const configurations = {
    least: layers.length <= 1 ? 2 : 3,
    most: 2 + worstCaseQuestions(layers.length),
  };
  const calls = {
    least: configurations.least * round('least'),
    most: configurations.most * round('most') * MAX_ROUNDS,
  };
  const { costUsd, calls: paid } = ends.bad.summary;
  const each = costUsd === null || paid === 0 ? null : costUsd / paid;
  return {
    cases,
    trialsPerRound,
    maxRounds: MAX_ROUNDS,
    configurations,
    calls,
    costUsd: each === null ? null : { least: calls.least * each, most: calls.most * each },
    order: [
      `${ends.goodRelease.name} as it was (must still be good)`,
      `${ends.badRelease.name} as it is (must still be bad)`,
      ...(layers.length <= 1
        ? []
        : layers.map((l) => `${ends.goodRelease.name} with only ${l} of ${ends.badRelease.name}`)),
      ...(layers.length <= 1 ? [] : ['then larger sets, where no single layer answers']),
    ],
  };
}

type Findings = Pick<BisectReport, 'outcome' | 'reason' | 'cause' | 'cure' | 'tests' | 'callsSpent'>;

class HybridSearch {
  readonly #work: Workplace;
  readonly #ends: Ends;
  readonly #layers: readonly LayerName[];
  readonly #plan: BisectPlan;
  readonly #settings: RunSettings;
  readonly #tests: BisectTest[] = [];
  #spent: Spent = NOTHING_SPENT;
  #good: Tallies;
  #bad: Tallies;

  constructor(
    work: Workplace,
    ends: Ends,
    layers: readonly LayerName[],
    plan: BisectPlan,
    settings: RunSettings,
  ) {
    this.#work = work;
    this.#ends = ends;
    this.#layers = layers;
    this.#plan = plan;
    this.#settings = settings;
    this.#good = pooledTallies([ends.good.cases], plan.cases);
    this.#bad = pooledTallies([ends.bad.cases], plan.cases);
  }

  async run(): Promise<Findings> {
    try {
      return await this.#search();
    } catch (error) {
      if (!(error instanceof OutOfBudget)) throw error;
      return this.#result({
        outcome: 'inconclusive',
        reason: `the search ended before an answer: ${error.message}`,
        cause: null,
        cure: null,
      });
    }
  }

  async #search(): Promise<Findings> {
    const layers = this.#layers;
    // Before any layer is blamed both ends are run again: if one of them moved, something outside the release did it.
    const good = await this.#ask([]);
    const bad = await this.#ask(layers);
    if (good !== 'good' || bad !== 'bad') return this.#result(this.#moved(good, bad));
    const ask = rememberingOracle<LayerName>(layers, async (subset) =>
      subset.length === 0 ? 'good' : subset.length === layers.length ? 'bad' : this.#ask(subset),
    );
    const cause = await minimalSubset(layers, 'bad', ask);
    const cure = await this.#cheapestCure(cause.elements, ask);
    const causeFinding = {
      layers: cause.elements,
      minimal: cause.doubtful.length === 0,
      reason: this.#causeReason(cause.elements),
    };
    const without = layers.filter((l) => !cure.elements.includes(l));
    const cureFinding = {
      layers: cure.elements,
      minimal: cure.doubtful.length === 0,
      reason: `the bad release with ${listed(cure.elements)} put back is good on the regressed cases`,
      fingerprint: this.#hybrid(without).fingerprint,
    };
    return this.#result({
      outcome: 'found',
      reason: `${listed(cause.elements)} ${cause.elements.length === 1 ? 'causes' : 'together cause'} the regression; putting back ${listed(cure.elements)} cures it`,
      cause: causeFinding,
      cure: cureFinding,
    });
  }

  #causeReason(layers: readonly LayerName[]): string {
    if (layers.length === 1)
      return `the good release with nothing but the new ${layers[0]} is as bad as the bad one`;
    const alone = layers.map((l) => this.#tests.find((t) => t.fromBad.length === 1 && t.fromBad[0] === l));
    return alone.every((t) => t?.outcome === 'partly')
      ? `each of ${listed(layers)} breaks a part of the regressed cases; only with all of them is the good release as bad as the bad one`
      : `the good release turns bad only with ${listed(layers)} together: none of them can be left out`;
  }

  /** One layer of the cause put back is the likeliest cure; where other causes stand beside it, the smallest set that is. */
  async #cheapestCure(
    cause: readonly LayerName[],
    ask: (fromBad: readonly LayerName[]) => Promise<OracleOutcome>,
  ): Promise<{ elements: readonly LayerName[]; doubtful: readonly (readonly LayerName[])[] }> {
    const putBack = (set: readonly LayerName[]): Promise<OracleOutcome> =>
      ask(this.#layers.filter((l) => !set.includes(l)));
    for (const layer of cause)
      if ((await putBack([layer])) === 'good') return { elements: [layer], doubtful: [] };
    return minimalSubset(this.#layers, 'good', putBack);
  }

  #moved(good: OracleOutcome, bad: OracleOutcome): Pick<Findings, 'outcome' | 'reason' | 'cause' | 'cure'> {
    const none = { cause: null, cure: null };
    const said = (i: number): string => this.#tests[i]?.reason ?? '';
    if (good !== 'good' && good !== 'inconclusive') {
      return {
        ...none,
        outcome: 'moved',
        reason: `the good release is no longer good when run now (${said(0)}): something outside it changed, look at the provider before blaming a layer`,
      };
    }
    if (bad !== 'bad' && bad !== 'inconclusive') {
      return {
        ...none,
        outcome: 'moved',
        reason: `the bad release is not bad any more when run now (${said(1)}): something outside it changed, there is nothing to bisect`,
      };
    }
    return {
      ...none,
      outcome: 'inconclusive',
      reason: `the two ends cannot be distinguished on the regressed cases (good now: ${said(0)}; bad now: ${said(1)}); more trials may: --trials`,
    };
  }

  #result(found: Pick<Findings, 'outcome' | 'reason' | 'cause' | 'cure'>): Findings {
    return { ...found, tests: this.#tests, callsSpent: this.#spent.calls };
  }

  #hybrid(fromBad: readonly LayerName[]): Release {
    const { goodRelease, badRelease } = this.#ends;
    if (fromBad.length === 0) return goodRelease;
    if (fromBad.length === this.#layers.length) return badRelease;
    return hybridRelease(goodRelease, badRelease, fromBad, goodRelease.pin);
  }

  /** Runs one configuration, in rounds, until it can be called. */
  async #ask(fromBad: readonly LayerName[]): Promise<OracleOutcome> {
    const release = this.#hybrid(fromBad);
    const runs: SnapshotResults[] = [];
    const before = this.#spent.calls;
    let judged = hybridOutcome(new Map(), this.#good, this.#bad);
    while (runs.length < MAX_ROUNDS && judged.outcome === 'inconclusive') {
      runs.push(await this.#round(release, fromBad));
      judged = hybridOutcome(
        pooledTallies(
          runs.map((r) => r.cases),
          this.#plan.cases,
        ),
        this.#good,
        this.#bad,
      );
    }
    this.#tests.push({
      fromBad,
      putBack: this.#layers.filter((l) => !fromBad.includes(l)),
      fingerprint: release.fingerprint,
      snapshots: runs.map((r) => r.summary.id),
      outcome: judged.outcome,
      passed: judged.passed,
      trials: judged.trials,
      recovered: judged.recovered,
      pWorseThanGood: judged.pWorseThanGood,
      pBetterThanBad: judged.pBetterThanBad,
      calls: this.#spent.calls - before,
      reason: judged.reason,
    });
    // The ends are now known better than from their stored snapshots alone.
    const fresh = runs.map((r) => r.cases);
    if (fromBad.length === 0 && judged.outcome === 'good')
      this.#good = pooledTallies([this.#ends.good.cases, ...fresh], this.#plan.cases);
    if (fromBad.length === this.#layers.length && judged.outcome === 'bad')
      this.#bad = pooledTallies([this.#ends.bad.cases, ...fresh], this.#plan.cases);
    return judged.outcome;
  }

  async #round(release: Release, fromBad: readonly LayerName[]): Promise<SnapshotResults> {
    const settings = remaining(this.#settings, this.#spent);
    if (settings === null) throw new OutOfBudget('the limit of calls or cost is spent');
    const { id } = this.#ends.bad.summary;
    const suite = onlyCases(await this.#work.store.suiteOf(id), this.#plan.cases, this.#plan.trialsPerRound);
    const run = await runSuite(
      this.#work,
      {
        suite,
        release,
        ...(await examinersOf(this.#work, this.#ends.bad)),
        programs: await programsInTree(this.#work, suite),
      },
      {
        ...settings,
        trials: undefined,
        purpose: 'bisect',
        labels: { ...settings.labels, bisect: fromBad.length === 0 ? 'good' : `bad ${fromBad.join('+')}` },
      },
    );
    this.#spent = addSpent(this.#spent, run.report);
    const { fatal, stoppedBy } = run.report;
    if (fatal !== null)
      throw new OutOfBudget(`calls to ${release.name} fail for good (${fatal.code}): ${fatal.message}`);
    if (stoppedBy !== null) throw new OutOfBudget(`a run was cut short (${stoppedBy})`);
    if (run.summary.validity === 'invalid')
      throw new OutOfBudget(`a run was invalid: ${run.summary.validityReasons.join('; ')}`);
    return this.#work.store.results(run.summary.id);
  }
}

function listed(layers: readonly LayerName[]): string {
  return layers.length <= 2 ? layers.join(' and ') : `${layers.slice(0, -1).join(', ')} and ${layers.at(-1)}`;
}
