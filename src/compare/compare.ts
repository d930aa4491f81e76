// Baseline × candidate → Comparison. Reads as the order in which a person would ask: comparable? what moved? beyond noise? whose change? gate?

import type { CaseDelta, Comparison, OverallVerdict, Slice } from '../core/comparison.ts';
import type { SnapshotResults, SnapshotSummary } from '../core/snapshot.ts';
import { attribute, servedModelNotes } from './attribution.ts';
import type { Availability } from './availability.ts';
import { availabilityOf, availabilityVerdict, imputed } from './availability.ts';
import { caseDeltas } from './case-deltas.ts';
import { measureChannels } from './channels.ts';
import type { Confirmed } from './confirmation.ts';
import { confirmCases } from './confirmation.ts';
import type { Evidence, Sensitivity, TagMembers } from './evidence.ts';
import { sensitivity, tagMembers, weigh } from './evidence.ts';
import { gateOf } from './gate.ts';
import type { CompareOptions, Settings } from './options.ts';
import { settingsOf } from './options.ts';
import type { Pairing } from './pairing.ts';
import { byId, pairCases } from './pairing.ts';
import { isNoisy, poolNoise, weakened } from './pool-noise.ts';
import { CasePrior, type Flagged, screenDrops } from './screen.ts';
import { armRate, flipsOf, slicesOf } from './slices.ts';
import { armSummary, countsOf, coverageOf, generalise, poolingNotes, snapshotNotes } from './tallies.ts';
import type { Decided } from './verdict.ts';
import { decide, explain } from './verdict.ts';
import { plural, probability } from './wording.ts';

/**
 * Compares two snapshots case by case. Pure and deterministic: the same snapshots, options and seed give the same object,
 * whatever the order of the cases. The result holds no NaN, Infinity or undefined and can be written as JSON as it is.
 */
export function compareSnapshots(
  baseline: SnapshotResults,
  candidate: SnapshotResults,
  options: CompareOptions,
): Comparison {
  const settings = settingsOf(baseline.summary, candidate.summary, options);
  const { policy } = settings;
  const pairing = pairCases(baseline, candidate, policy, options.pool);
  const availability = availabilityOf([...pairing.paired, ...pairing.withoutGrade], policy);
  const withheld = withheldReason(baseline.summary, candidate.summary);
  const findings = pairing.paired.length === 0 ? null : find(baseline, pairing, settings, options, withheld);
  const decided = overallVerdict(pairing, availability, findings, settings, withheld);
  const channels = measureChannels(pairing.sameInput, pairing.paired, settings, options.vectors);
  const cases: CaseDelta[] = [
    ...(findings?.cases ?? []),
    ...pairing.unpaired.map(({ state, ...rest }) => ({ ...rest, verdict: state })),
  ].sort(byId);
  const slices = findings?.slices ?? [];
  const coverage = coverageOf(pairing, availability);
  const attribution = attribute(baseline.summary, candidate.summary, {
    verdict: decided.verdict,
    slices,
    metrics: channels.metrics,
    examChanged: pairing.examChanged,
    pairs: pairing.paired.length,
  });
  const gate = gateOf(
    {
      baseline: baseline.summary,
      candidate,
      ...decided,
      cases,
      coverage,
      metrics: channels.metrics,
      missingSuspicious: availability.suspicious,
    },
    policy,
  );
  return {
    schemaVersion: 1,
    kind: 'comparison',
    suite: candidate.summary.suite,
    baseline: armSummary(baseline.summary, pairing.paired, 'baseline'),
    candidate: armSummary(candidate.summary, pairing.paired, 'candidate'),
    verdict: decided.verdict,
    reason: decided.reason,
    overall: overallOf(pairing, findings, decided.verdict, settings),
    flips: flipsOf(pairing.paired),
    counts: countsOf(cases),
    cases,
    slices,
    metrics: channels.metrics,
    attribution,
    coverage,
    gate,
    engine: {
      seed: settings.seed,
      replicates: findings?.evidence.replicates ?? settings.replicates,
      margin: policy.margin,
      alphaAggregate: policy.alphaAggregate,
      alphaCase: policy.alphaCase,
      alphaList: policy.alphaList,
      tier: settings.tier,
      callsSpent: settings.callsSpent,
    },
    notes: [
      ...snapshotNotes(baseline.summary, candidate.summary),
      ...poolingNotes(pairing),
      ...(findings?.notes ?? []),
      ...(availability.suspicious ? [availability.sentence] : []),
      ...servedModelNotes(attribution),
      ...channels.notes,
    ],
  };
}

/** What was found among the paired cases. */
interface Findings {
  readonly tags: readonly TagMembers[];
  readonly evidence: Evidence;
  readonly sensitivity: Sensitivity;
  readonly confirmed: Confirmed;
  readonly cases: readonly CaseDelta[];
  readonly slices: readonly Slice[];
  readonly notes: readonly string[];
}

function find(
  baseline: SnapshotResults,
  pairing: Pairing,
  settings: Settings,
  options: CompareOptions,
  withheld: string | null,
): Findings {
  const { policy } = settings;
  const pairs = pairing.paired;
  const tags = tagMembers(pairs);
  const noise = poolNoise([baseline, ...pairing.pooled], pairs, policy.appError);
  const weighed = weigh(pairs, tags, { ...settings, confidence: policy.confidence });
  const noisy = isNoisy(noise);
  const evidence = noisy ? weakened(weighed, noise) : weighed;
  const prior = new CasePrior(pairs);
  const flagged = screenDrops(pairs, prior, settings.seed);
  const confirmed = confirmCases(pairs, options.confirmation, prior, policy);
  const freshRun = options.confirmation !== undefined;
  const notes = [
    ...(noisy
      ? [
          `the baseline's own nights vary by more than their trials explain (p = ${probability(noise.p)}, φ = ${noise.phi.toFixed(2)}); the p-values are weakened by √φ`,
        ]
      : []),
    ...capNotes(flagged, freshRun),
  ];
  return {
    tags,
    evidence,
    sensitivity: sensitivity(pairs, policy),
    confirmed,
    cases: caseDeltas(pairs, {
      policy,
      prior,
      confirmed,
      freshRun,
      flagged: new Set(flagged.flagged),
      withheld,
    }),
    slices: slicesOf(pairs, tags, evidence, policy, withheld),
    notes,
  };
}

function capNotes({ flagged, exceeding }: Flagged, freshRun: boolean): string[] {
  if (!freshRun || exceeding === 0) return [];
  return [
    `${plural(exceeding, 'suspected case')} beyond the ${flagged.length} that are given fresh trials stayed unconfirmed`,
  ];
}

/** Why no verdict may be given although there are numbers; null = verdicts may be given. */
function withheldReason(baseline: SnapshotSummary, candidate: SnapshotSummary): string | null {
  if (baseline.suite !== candidate.suite)
    return `the snapshots are of two suites, ${baseline.suite} and ${candidate.suite}`;
  const bad = [['baseline', baseline] as const, ['candidate', candidate] as const].filter(
    ([, summary]) => summary.validity === 'invalid',
  );
  if (bad.length === 0) return null;
  return bad
    .map(([arm, { validityReasons }]) => {
      const why = validityReasons.length === 0 ? '' : ` (${validityReasons.join('; ')})`;
      return `the ${arm} snapshot is invalid${why}`;
    })
    .join('; ');
}

function nothingComparable(pairing: Pairing): Decided {
  const { unpaired } = pairing;
  const edited = unpaired.filter((c) => c.state === 'edited').length;
  if (edited > 0) {
    const onlyExaminer = !pairing.examChanged.includes('case content');
    return {
      verdict: 'invalid',
      reason: `no case can be compared: ${plural(edited, 'case')} under another exam (${pairing.examChanged.join(', ')})${onlyExaminer ? `; re-grade the baseline with \`${pairing.regrade}\`` : ''}`,
    };
  }
  return {
    verdict: 'invalid',
    reason:
      unpaired.length === 0
        ? 'no case can be compared: both snapshots are empty'
        : 'no case can be compared: the snapshots have no case in common',
  };
}

function overallVerdict(
  pairing: Pairing,
  availability: Availability,
  findings: Findings | null,
  settings: Settings,
  withheld: string | null,
): Decided {
  if (withheld !== null) return { verdict: 'invalid', reason: withheld };
  const { policy } = settings;
  if (findings === null)
    return pairing.withoutGrade.length > 0
      ? {
          verdict: 'inconclusive',
          reason: `inconclusive (availability): none of ${plural(pairing.withoutGrade.length, 'comparable case')} was graded on both sides; ${availability.sentence}`,
        }
      : nothingComparable(pairing);
  const { evidence, confirmed } = findings;
  const pairs = pairing.paired;
  const decision = decide(pairs, evidence, confirmed, policy);
  const observed: Decided = {
    verdict: decision.verdict,
    tolerated: decision.tolerated,
    reason: explain(decision, {
      pairs,
      rates: {
        baseline: armRate(pairs, 'baseline').passRate,
        candidate: armRate(pairs, 'candidate').passRate,
      },
      evidence,
      sensitivity: findings.sensitivity,
      confirmed,
      policy,
    }),
  };
  if (!availability.suspicious) return observed;
  const comparable = [...pairs, ...pairing.withoutGrade].sort(byId);
  const extreme = (value: 0 | 1): OverallVerdict => {
    const filled = imputed(comparable, value).filter(
      (pair) => pair.baseline.graded > 0 && pair.candidate.graded > 0,
    );
    const weighed = weigh(filled, tagMembers(filled), { ...settings, confidence: policy.confidence });
    return decide(filled, weighed, confirmed, policy).verdict;
  };
  const checked = availabilityVerdict(
    observed.verdict,
    { asFailed: extreme(0), asPassed: extreme(1) },
    availability,
  );
  return { ...observed, verdict: checked.verdict, reason: checked.reason ?? observed.reason };
}

function overallOf(
  pairing: Pairing,
  findings: Findings | null,
  verdict: OverallVerdict,
  settings: Settings,
): Comparison['overall'] {
  const { confidence } = settings.policy;
  const pairs = pairing.paired;
  if (findings === null)
    return {
      delta: null,
      interval: null,
      confidence,
      p: null,
      log10p: null,
      pRegression: null,
      pImprovement: null,
      drivenBy: null,
      method: 'nothing compared',
      pairs: 0,
      baselineTrialsPerCase: null,
      candidateTrialsPerCase: null,
      minimumDetectable: null,
      trialsNeeded: null,
      generalisation: { interval: null, clusters: 0, note: null },
    };
  const { evidence, sensitivity: seen } = findings;
  const down =
    verdict === 'regressed' || (verdict !== 'improved' && evidence.pRegression <= evidence.pImprovement);
  return {
    delta: evidence.delta,
    interval: evidence.interval,
    confidence,
    p: evidence.suite.twoSided,
    log10p: evidence.suite.log10TwoSided,
    pRegression: evidence.pRegression,
    pImprovement: evidence.pImprovement,
    drivenBy: down ? evidence.drivenBy.less : evidence.drivenBy.greater,
    method:
      pairing.pooled.length === 0
        ? evidence.method
        : `${evidence.method}, against a pool of ${pairing.pooled.length + 1} snapshots`,
    pairs: pairs.length,
    baselineTrialsPerCase: armRate(pairs, 'baseline').trials / pairs.length,
    candidateTrialsPerCase: armRate(pairs, 'candidate').trials / pairs.length,
    minimumDetectable: seen.minimumDetectable,
    trialsNeeded: verdict === 'inconclusive' ? seen.trialsNeeded : null,
    generalisation: generalise(pairs, settings.seed),
  };
}
