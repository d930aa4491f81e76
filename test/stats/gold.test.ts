// Every reference value of the gold file (computed in scipy, statsmodels, scikit-learn, R and by enumeration) against ours.
// LASTGOOD_STATS_GOLD names another file of the same form to check instead.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import * as stats from '../../src/stats/index.ts';

interface GoldRecord {
  readonly id: string;
  readonly test: string;
  // The file holds 51 shapes of input; each entry of the dispatch table reads its own.
  // biome-ignore lint/suspicious/noExplicitAny: untyped reference data
  readonly input: any;
  // biome-ignore lint/suspicious/noExplicitAny: untyped reference data
  readonly params: any;
  readonly expected: unknown;
  readonly tolerance: { readonly abs: number; readonly rel: number };
}

type Compute = (input: GoldRecord['input'], params: GoldRecord['params']) => unknown;

function range(pair: readonly [number, number] | undefined): number[] | undefined {
  return pair === undefined ? undefined : [...pair];
}

const DISPATCH: Record<string, Compute> = {
  normalCdf: ({ z }) => ({ p: stats.normalCdf(z) }),
  normalQuantile: ({ p }) => ({ z: stats.normalQuantile(p) }),
  lnGamma: ({ x }) => ({ y: stats.lnGamma(x) }),
  betaCdf: ({ x, a, b }) => ({ p: stats.betaCdf(x, a, b) }),
  betaQuantile: ({ p, a, b }) => ({ x: stats.betaQuantile(p, a, b) }),
  studentTCdf: ({ t, df }) => stats.studentTCdf(t, df),
  studentTQuantile: ({ p, df }) => ({ t: stats.studentTQuantile(p, df) }),
  binomCdf: ({ x, n, p }) => stats.binomCdf(x, n, p),
  hypergeomCdf: ({ x, N, K, n }) => stats.hypergeomCdf(x, N, K, n),
  mt19937: ({ seed }, { count }) => {
    const rng = new stats.Mt19937(seed);
    return { uint32: Array.from({ length: count }, () => rng.uint32()) };
  },
  shuffle: ({ seed, array }) => ({ array: new stats.Mt19937(seed).shuffle([...array]) }),
  quantile7: ({ x, p }) => ({ q: stats.quantile7(x, p) }),
  wilson: ({ x, n }, { conf }) => stats.wilson(x, n, conf),
  jeffreys: ({ x, n }, { conf }) => stats.jeffreys(x, n, conf),
  clopperPearson: ({ x, n }, { conf }) => stats.clopperPearson(x, n, conf),
  betaPosterior: ({ x, k }, { a, b, threshold }) => stats.betaPosterior(x, k, { a, b, threshold }),
  mcnemar: (counts) => stats.mcnemar(counts),
  fisherLess: (arms) => stats.fisherLess(arms),
  stratifiedExact: ({ strata }) => stats.stratifiedExact(strata),
  stratifiedPermutation: ({ A, B }) => stats.stratifiedPermutation(A, B),
  stratifiedPermutationMC: ({ A, B }, { B: replicates, seed }) =>
    stats.stratifiedPermutationMC(A, B, { seed, replicates }),
  signFlip: ({ d }) => stats.signFlip(d),
  westfallYoungMinP: ({ stats: rows }, { weights, tail }) => {
    const columns = weights.map((_: number, j: number) =>
      Float64Array.from(rows as number[][], (row) => row[j]!),
    );
    return stats.westfallYoungMinP(columns, weights, tail);
  },
  clusteredMean: ({ d, cluster }) => stats.clusteredMean(d, cluster),
  pairedAdjustedWald: ({ d }, { k, conf }) => stats.pairedAdjustedWald(d, k, conf),
  moverDelta: ({ A, B }, { conf }) => stats.moverDelta(A, B, conf),
  bh: ({ p }) => ({ adjusted: stats.bh(p) }),
  by: ({ p }) => ({ adjusted: stats.by(p) }),
  holm: ({ p }) => ({ adjusted: stats.holm(p) }),
  storey: ({ p }, { lambda_ }) => stats.storey(p, lambda_),
  ebNpmle: ({ observations, history, fresh }, { gridSize, iterations }) => {
    const prior = stats.ebNpmle(observations, { gridSize, iterations });
    return {
      mean: prior.mean,
      variance: prior.variance,
      logLik: prior.logLik,
      postMean: stats.ratePosterior(prior, history).mean,
      ...stats.ratePredictive(prior, history, fresh),
    };
  },
  shrinkDelta: ({ d, v }) => stats.shrinkDelta(d, v),
  mannWhitney: ({ x, y }) => stats.mannWhitney(x, y),
  ks2: ({ x, y }) => stats.ks2(x, y, 'exact'),
  mannKendall: ({ y }) => stats.mannKendall(y),
  cusumLower: ({ z }, { k, h }) => stats.cusumLower(z, { k, h }),
  changePointL2: ({ y }, { penalty, minSegment }) => stats.changePointL2(y, { penalty, minSegment }),
  bettingEProcess: ({ x }, { m, alternative, c, alpha }) =>
    stats.bettingEProcess(x, { m, alternative, c, alpha }),
  embeddingDrift: ({ A, B }) => stats.embeddingDrift(A, B, { enumerate: true }),
  mmdBlocked: ({ A, B }, { kernel, gamma }) => ({ mmd2: stats.mmdBlocked(A, B, { kernel, gamma }) }),
  energyDistance: ({ x, y }) => ({ energy: stats.energyDistance(x, y) }),
  cohenKappa: ({ r1, r2 }, { categories, weights }) => stats.cohenKappa(r1, r2, categories, weights),
  gwetAC1: ({ r1, r2 }, { categories }) => ({ ac1: stats.gwetAC1(r1, r2, categories) }),
  krippendorffAlpha: ({ units }, { level }) => ({ alpha: stats.krippendorffAlpha(units, level) }),
  roganGladen: (rate, { alpha }) => stats.roganGladen(rate, alpha),
  ppiMean: ({ y, f, F }, { conf }) => {
    const { ppi, ppipp } = stats.ppiMean(y, f, F, conf);
    return { ppi: { ...ppi, lambda_: ppi.lambda }, ppipp: { ...ppipp, lambda_: ppipp.lambda } };
  },
  positionBias: ({ firstWins, decided }) => ({ p: stats.positionBias(firstWins, decided) }),
  spearman: ({ x, y }) => ({ rho: stats.spearman(x, y) }),
  bootstrapCI: ({ d }, { statistic, B, seed, conf }) => {
    const ci = stats.bootstrapCI(d, statistic, { B, seed, conf });
    return { ...ci, percentile: range(ci.percentile), bca: range(ci.bca) };
  },
  designPower: (design) => stats.designPower(design),
  decideSnapshot: (input, { alphaAgg, alphaCase, delta }) =>
    stats.decideVerdict(
      {
        strata: input.nCases,
        pLess: input.pAggLess,
        pGreater: input.pAggGreater,
        pSingleMin: input.pCaseMin,
        flagged: input.mFlagged,
        lower: input.ciLower,
        upper: input.ciUpper,
        comparable: !(input.judgeMismatch || input.suiteMismatch),
      },
      { alphaAggregate: alphaAgg, alphaSingle: alphaCase, margin: delta },
    ),
};

/** Where `got` differs from `expected` beyond |got - expected| <= abs + rel |expected|; null = undefined. */
function differences(
  expected: unknown,
  got: unknown,
  { abs, rel }: GoldRecord['tolerance'],
  path: string,
): string[] {
  if (expected === null)
    return got === null || got === undefined ? [] : [`${path}: expected no value, got ${String(got)}`];
  if (typeof expected === 'number') {
    const near = typeof got === 'number' && Math.abs(got - expected) <= abs + rel * Math.abs(expected);
    return near ? [] : [`${path}: expected ${expected}, got ${String(got)}`];
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(got) || got.length !== expected.length)
      return [`${path}: expected ${expected.length} values, got ${JSON.stringify(got)}`];
    return expected.flatMap((e, i) => differences(e, got[i], { abs, rel }, `${path}[${i}]`));
  }
  if (typeof expected === 'object') {
    if (typeof got !== 'object' || got === null) return [`${path}: expected an object, got ${String(got)}`];
    return Object.entries(expected as object).flatMap(([key, e]) =>
      differences(e, (got as Record<string, unknown>)[key], { abs, rel }, `${path}.${key}`),
    );
  }
  return got === expected ? [] : [`${path}: expected ${String(expected)}, got ${String(got)}`];
}

const file =
  process.env['LASTGOOD_STATS_GOLD'] ??
  fileURLToPath(new URL('../fixtures/stats-gold.json', import.meta.url));
const records = JSON.parse(readFileSync(file, 'utf8')) as GoldRecord[];

describe('gold file', () => {
  test('has records, and every one has a function here', () => {
    console.log(
      `${records.length} gold records of ${new Set(records.map((r) => r.test)).size} tests from ${file}`,
    );
    expect(records.length).toBeGreaterThan(0);
    expect([...new Set(records.map((r) => r.test))].filter((name) => !Object.hasOwn(DISPATCH, name))).toEqual(
      [],
    );
  });

  test.each(records.map((record) => [`${record.test} ${record.id}`, record] as const))('%s', (_, record) => {
    const compute = DISPATCH[record.test];
    if (compute === undefined) throw new Error(`no function for gold test "${record.test}"`);
    const got = compute(record.input, record.params);
    expect(differences(record.expected, got, record.tolerance, record.test)).toEqual([]);
  });

  test('the comparison itself rejects a value beyond tolerance, a missing key and an unexpected value', () => {
    const tolerance = { abs: 1e-9, rel: 0 };
    expect(differences({ p: 0.5 }, { p: 0.5000001 }, tolerance, '')).toHaveLength(1);
    expect(differences({ p: 0.5 }, {}, tolerance, '')).toHaveLength(1);
    expect(differences({ p: 0.5 }, { p: Number.NaN }, tolerance, '')).toHaveLength(1);
    expect(differences({ p: null }, { p: 1 }, tolerance, '')).toHaveLength(1);
    expect(differences({ p: [1, 2] }, { p: [1] }, tolerance, '')).toHaveLength(1);
    expect(differences({ p: 'a', q: null }, { p: 'a' }, tolerance, '')).toEqual([]);
  });
});
