// Baseline × candidate → Comparison. Reads as the order in which a person would ask: comparable? what moved? beyond noise? whose change? gate?

import { count, percent, probability } from '../base/numbers.ts';
import type { CaseDelta, Cause, Comparison, Contrasts, OverallVerdict } from '../core/comparison.ts';
import type { Policy } from '../core/policy.ts';
import { asReason, reason, statistic } from '../core/reason.ts';
import type { SnapshotResults, SnapshotSummary } from '../core/snapshot.ts';
import { attribute, servedModelNotes } from './attribution.ts';
import type { Availability } from './availability.ts';
import { availabilityOf, availabilityVerdict, imputed } from './availability.ts';
import { caseDeltas } from './case-deltas.ts';
import { measureChannels } from './channels.ts';
import { confirmCases, sortTests } from './confirmation.ts';
import { causeOf, changeContrast, controlPairs, worldCases, worldContrast, worldStands } from './control.ts';
import { type ControlledRuling, decideControlled } from './controlled-verdict.ts';
import type { Evidence } from './evidence.ts';
import { tagMembers, weigh } from './evidence.ts';
import type { Findings } from './findings.ts';
import { gateOf } from './gate.ts';
import type { CompareOptions, Settings } from './options.ts';
import { settingsOf } from './options.ts';
import { overallOf } from './overall.ts';
import type { PairedCase, Pairing } from './pairing.ts';
import { byId, pairCases } from './pairing.ts';
import { changeUnseen, type Repeated, repeatedAnswers } from './repeated-answers.ts';
import { CasePrior, screenDrops } from './screen.ts';
import { sensitivityOf, sensitivityOfRepeated } from './sensitivity.ts';
import { sessionsOf } from './sessions.ts';
import { armRate, flipsOf, slicesOf } from './slices.ts';
import { armSummary, countsOf, coverageOf, poolingNotes, poolOf, snapshotNotes } from './tallies.ts';
import { runSummary } from './uncompared-cases.ts';
import { LOOKS_WORSE, noRegressionFound, stillSuspected } from './undecided.ts';
import type { Decided } from './verdict.ts';
import { decide, explain, type VerdictRule } from './verdict.ts';

/**
 * Compares two snapshots case by case. Pure and deterministic: the same snapshots, options and seed give the same object,
 * whatever the order of the cases. The result holds no NaN, Infinity or undefined and can be written as JSON as it is.
 */
export function compareSnapshots(
  baseline: SnapshotResults,
  candidate: SnapshotResults,
  options: CompareOptions,
): Comparison {
  return compareInDetail(baseline, candidate, options).comparison;
}

/** The comparison, and the findings it was made from: for who decides what to run next. `findings` is null when nothing was paired. */
export function compareInDetail(
  baseline: SnapshotResults,
  candidate: SnapshotResults,
  options: CompareOptions,
): { readonly comparison: Comparison; readonly findings: Findings | null } {
  const settings = settingsOf(baseline.summary, candidate.summary, options);
  const { policy } = settings;
  const pairing = pairCases(baseline, candidate, policy, options.pool);
  const availability = availabilityOf([...pairing.paired, ...pairing.withoutGrade], policy);
  const withheld = withheldReason(baseline.summary, candidate.summary);
  const findings =
    pairing.paired.length === 0 ? null : find({ baseline, candidate, pairing }, settings, options, withheld);
  const decided = overallVerdict(pairing, availability, findings, settings, withheld, options);
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
      contrasts: findings?.contrasts ?? NO_CONTRASTS,
      cases,
      coverage,
      metrics: channels.metrics,
      missingSuspicious: availability.suspicious,
      baselineCases: baseline.cases,
    },
    policy,
  );
  const comparison: Comparison = {
    schemaVersion: 1,
    kind: 'comparison',
    suite: candidate.summary.suite,
    baseline: {
      ...armSummary(baseline.summary, pairing.paired, 'baseline'),
      run: runSummary(baseline, policy),
    },
    candidate: {
      ...armSummary(candidate.summary, pairing.paired, 'candidate'),
      run: runSummary(candidate, policy),
    },
    verdict: decided.verdict,
    ...asReason(decided.reason),
    overall: overallOf(pairing, findings, decided.verdict, settings),
    flips: flipsOf(pairing.paired),
    counts: countsOf(cases),
    cases,
    slices,
    metrics: channels.metrics,
    attribution,
    contrasts: findings?.contrasts ?? NO_CONTRASTS,
    cause: decided.cause,
    betweenRuns:
      findings === null || findings.sessions === null
        ? null
        : {
            runs: findings.sessions.suite.runs,
            sd: findings.sessions.suite.sd,
            correlation: findings.sessions.suite.correlation,
            prior: findings.sessions.suite.prior,
          },
    ...(settings.together ? {} : { pool: poolOf(baseline, pairing, policy, options.leftOut) }),
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
      ...(availability.suspicious ? [availability.sentence.full] : []),
      ...servedModelNotes(attribution),
      ...channels.notes,
    ],
  };
  return { comparison, findings };
}

const NO_CONTRASTS: Contrasts = { change: null, world: null, worldCases: [] };

/** Two snapshots and how their cases pair. */
interface Compared {
  readonly baseline: SnapshotResults;
  readonly candidate: SnapshotResults;
  readonly pairing: Pairing;
}

/** The trials of a comparison, weighed. */
function find(
  { baseline, candidate, pairing }: Compared,
  settings: Settings,
  options: CompareOptions,
  withheld: string | null,
): Findings {
  const { policy } = settings;
  const pairs = pairing.paired;
  const tags = tagMembers(pairs);
  const sessions = settings.together
    ? null
    : sessionsOf([baseline, ...pairing.pooled], pairs, tags, policy, options.sameRelease);
  const how = { ...settings, confidence: policy.confidence };
  const repeated = repeatedAnswers(pairs, [baseline, ...pairing.pooled], candidate);
  const evidence = intervalOfRepeated(weigh(pairs, tags, { ...how, sessions }), repeated, policy);
  const prior = new CasePrior(pairs);
  const twoArms = options.control !== undefined;
  const confirmed = confirmCases(pairs, options.confirmation, prior, policy, twoArms);
  const sorted = sortTests(options.sorted ?? [], pairs, prior, policy);
  const freshRun = options.confirmation !== undefined;
  // How many cases are given fresh trials is the caller's choice; the trials say which of them were.
  const retried = new Set(
    [...(options.confirmation?.candidate ?? []), ...(options.sorted ?? [])].map((c) => c.id),
  );
  const suspects = screenDrops(pairs, prior, settings.seed, pairs.length).flagged;
  const todayPairs =
    options.control === undefined ? [] : controlPairs(pairs, options.control, policy.appError);
  const today =
    todayPairs.length === 0
      ? null
      : { pairs: todayPairs, evidence: weigh(todayPairs, tagMembers(todayPairs), how) };
  const contrasts: Contrasts = {
    change: today === null ? changeContrast(pairs, evidence) : changeContrast(today.pairs, today.evidence),
    world:
      sessions === null || today === null
        ? null
        : worldContrast(pairs, today.pairs, sessions, policy.confidence),
    worldCases: options.control === undefined ? [] : worldCases(pairs, confirmed, prior),
  };
  return {
    pairs,
    prior,
    cleared: new Set([...sorted].filter(([, test]) => test.cleared).map(([id]) => id)),
    tags,
    evidence,
    today,
    contrasts,
    sessions,
    sensitivity: sensitivityOfRepeated(
      sensitivityOf(
        { pairs, tags, evidence, today, sessions },
        options,
        policy,
        worldStands(contrasts.world),
      ),
      repeated,
    ),
    repeated,
    confirmed,
    cases: caseDeltas(pairs, {
      policy,
      prior,
      confirmed,
      sorted,
      freshRun,
      flagged: retried,
      withheld,
    }),
    slices: slicesOf(pairs, tags, evidence, policy, withheld),
    notes: freshRun ? notRetried(suspects, retried) : [],
  };
}

/** Where every answer repeats, the change cannot be larger than one that would have changed an answer. */
function intervalOfRepeated(evidence: Evidence, repeated: Repeated | null, { confidence }: Policy): Evidence {
  if (repeated === null) return evidence;
  const [lower, upper] = evidence.interval;
  const most = changeUnseen(repeated, (1 - confidence) / 2);
  return { ...evidence, interval: [Math.max(lower, -most), Math.min(upper, most)] };
}

function notRetried(suspects: readonly string[], retried: ReadonlySet<string>): string[] {
  const without = suspects.filter((id) => !retried.has(id)).length;
  if (without === 0) return [];
  return [
    `${count(without, 'suspected case')} beyond the ${suspects.length - without} that were given fresh trials stayed unconfirmed`,
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
      reason: reason`no case can be compared: ${count(edited, 'case')} under another exam (${pairing.examChanged.join(', ')})${onlyExaminer ? `; re-grade the baseline with \`${pairing.regrade}\`` : ''}`,
    };
  }
  return {
    verdict: 'invalid',
    reason:
      unpaired.length === 0
        ? reason`no case can be compared: both snapshots are empty`
        : reason`no case can be compared: the snapshots have no case in common`,
  };
}

/** The verdict with its sentence and, where a control could be run, whose doing it is. */
interface Attributed extends Decided {
  readonly cause: Cause | null;
}

function overallVerdict(
  pairing: Pairing,
  availability: Availability,
  findings: Findings | null,
  settings: Settings,
  withheld: string | null,
  options: CompareOptions,
): Attributed {
  if (withheld !== null) return { verdict: 'invalid', reason: reason`${withheld}`, cause: null };
  if (findings === null)
    return pairing.withoutGrade.length > 0
      ? {
          verdict: 'inconclusive',
          cause: null,
          reason: reason`inconclusive (availability): none of ${count(pairing.withoutGrade.length, 'comparable case')} was graded on both sides; ${availability.sentence}`,
        }
      : { ...nothingComparable(pairing), cause: null };
  const observed = decideFindings(pairing.paired, findings, settings.policy, options);
  if (!availability.suspicious) return observed;
  const comparable = [...pairing.paired, ...pairing.withoutGrade].sort(byId);
  const extreme = (value: 0 | 1): OverallVerdict => {
    const filled = imputed(comparable, value).filter(
      (pair) => pair.baseline.graded > 0 && pair.candidate.graded > 0,
    );
    const { sessions } = findings;
    const how = { ...settings, confidence: settings.policy.confidence, sessions };
    const evidence = weigh(filled, tagMembers(filled), how);
    return decideFindings(filled, { ...findings, evidence }, settings.policy, options).verdict;
  };
  const checked = availabilityVerdict(
    observed.verdict,
    { asFailed: extreme(0), asPassed: extreme(1) },
    availability,
  );
  const cause = checked.verdict === observed.verdict ? observed.cause : null;
  return { ...observed, cause, verdict: checked.verdict, reason: checked.reason ?? observed.reason };
}

/** The decision on these findings, in words. */
function decideFindings(
  pairs: readonly PairedCase[],
  findings: Findings,
  policy: Policy,
  { control }: CompareOptions,
): Attributed {
  const { evidence, today, confirmed, contrasts } = findings;
  const ruling: VerdictRule & Partial<ControlledRuling> =
    control === undefined
      ? decide(pairs, evidence, confirmed, policy)
      : decideControlled({ stored: { pairs, evidence }, ...findings, control, policy });
  const shown = ruling.basis === 'today' && today !== null ? today : { pairs, evidence };
  const rates = {
    baseline: armRate(shown.pairs, 'baseline').passRate,
    candidate: armRate(shown.pairs, 'candidate').passRate,
  };
  const { repeated, sensitivity: seen } = findings;
  const stored = findings.sessions !== null;
  const weighed = { ...shown, rates, sensitivity: seen, stored, repeated, confirmed, policy };
  // A collapse without a control says nothing of whose doing it is.
  const cause =
    control === undefined || ruling.rule === 'collapse'
      ? null
      : causeOf(ruling.verdict === 'regressed', contrasts);
  const open = ruling.verdict === 'inconclusive';
  const passed = open
    ? noRegressionFound({
        p: ruling.pDrop ?? evidence.permuted.less,
        suspected: stillSuspected(findings.cases, policy, findings.cleared),
        sensitivity: seen,
        repeated,
        policy,
        rates,
        cases: shown.pairs.length,
      })
    : null;
  if (passed !== null) return { verdict: 'no-regression-found', reason: reason`${passed}`, cause };
  const suspected = open && control !== undefined && today === null && (ruling.pDrop ?? 1) <= LOOKS_WORSE;
  if (suspected && control.impossible !== null)
    return {
      verdict: 'inconclusive',
      cause: null,
      reason: reason`suspected, not proven: the pass rate looks lower than in the stored runs (${percent(rates.baseline)} → ${percent(rates.candidate)} over ${count(shown.pairs.length, 'case')}${statistic(`, p = ${probability(ruling.pDrop ?? 1)}`)}); ${control.impossible}`,
    };
  return {
    verdict: ruling.verdict,
    tolerated: ruling.tolerated,
    cause: suspected ? null : cause,
    reason:
      ruling.rule === 'collapse'
        ? reason`${explain(ruling, weighed)}; ${control?.impossible ?? ''}`
        : explain(ruling, weighed),
  };
}
