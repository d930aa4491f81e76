// Worlds in which everything that a report can warn of is there many times, in sentences longer than a screen.

import type {
  CheckResult,
  Comparison,
  IncidentReport,
  RollbackDecision,
  SuiteCheck,
  Verification,
} from '../../src/core/index.ts';
import type { NightlyFacts } from '../../src/report/text/nightly-text.ts';
import { snapshot } from '../compare/world.ts';
import { hostileCheck, hostileComparison } from './hostile-check.ts';

export const LONG =
  'a sentence that goes on for longer than the screen is wide, and then for a while more. '.repeat(8);
export const many = <T>(make: (i: number) => T, n = 40): T[] => Array.from({ length: n }, (_, i) => make(i));
const AT = '2026-03-01T03:15:00Z';

/** Everything a comparison can warn of, many times. */
function loudComparison(): Comparison {
  const c = hostileComparison();
  return {
    ...c,
    suite: LONG,
    reason: LONG,
    notes: many((i) => `note ${i}: ${LONG}`),
    attribution: { ...c.attribution, diagnosis: LONG, examChanged: many((i) => `exam ${i}`) },
    coverage: { ...c.coverage, sentence: LONG, added: many((i) => `new-${i}`) },
    gate: {
      outcome: 'fail',
      rules: (['fail', 'inconclusive', 'warn'] as const).flatMap((outcome) =>
        many((i) => ({
          rule: `${i % 2 === 0 ? 'channel:' : 'rule-'}${i}`,
          value: null,
          limit: null,
          outcome,
          message: LONG,
        })),
      ),
    },
  };
}

export const loud = loudComparison();
export const loudSnapshot = {
  ...snapshot(
    'after',
    many((i) => ({ id: `case-${i}`, trials: 'pf' })),
  ).summary,
  validity: 'degraded' as const,
  validityReasons: many((i) => `reason ${i}: ${LONG}`),
  findings: many((i) => ({ code: `FINDING-${i}`, level: 'warning' as const, message: LONG })),
  servedModels: many((i) => `model-${i}`),
};

export function loudCheck(suites: number, change: Partial<SuiteCheck>): CheckResult {
  const base = hostileCheck(suites);
  return {
    ...base,
    suites: base.suites.map((s, i) => ({
      ...s,
      comparison: loud,
      gate: (['fail', 'inconclusive', 'pass'] as const)[i % 3] ?? 'fail',
      firstRun: many((n) => ({ id: `new-${n}`, passed: 0, trials: 3, floor: 0.5, outcome: 'fail' as const })),
      exam: {
        from: 'base' as const,
        commit: 'a'.repeat(40),
        why: LONG,
        added: many((n) => `new-${n}`),
        edited: many((n) => `edited-${n}`),
        removed: many((n) => `old-${n}`),
        removedCritical: many((n) => `old-${n}`),
        changes: many((n) => ({ what: `change ${n}: ${LONG}`, weaker: n % 2 === 0 })),
        snapshot: null,
      },
      ...change,
    })),
  };
}

export function loudRollback(): RollbackDecision {
  const arm = { id: 's1', fingerprint: 'f'.repeat(64), release: LONG, passRate: 0.5 };
  const verification: Verification = {
    snapshot: 's2',
    outcome: 'inconclusive',
    nonInferiority: null,
    recovered: 1,
    stillFailing: many((i) => `case-${i}`),
    reason: LONG,
    conditions: many((i) => ({
      name: 'tags',
      state: i % 2 === 0 ? 'fails' : 'open',
      detail: `condition ${i}: ${LONG}`,
    })),
    trialsToSettle: 400,
    control: {
      ...arm,
      snapshot: 's3',
      delta: -0.2,
      p: 0.001,
      fell: many((i) => `case-${i}`),
      moved: true,
    },
    economy: {
      against: 'control',
      costUsd: { baseline: 1, target: 2, ratio: 2 },
      latencyMs: { baseline: 1, target: 2, ratio: 2 },
      length: { baseline: 1, target: 2, ratio: 2 },
    },
  };
  return {
    schemaVersion: 1,
    kind: 'rollback',
    suite: LONG,
    current: arm,
    baseline: {
      ...arm,
      pool: { runs: 40, passRate: 0.9, leftOut: many((i) => ({ snapshot: `s${i}`, reason: LONG })) },
    },
    regressedCases: many((i) => `case-${i}`),
    onset: { snapshot: 's1', at: AT, layersChanged: ['prompt', 'params'] },
    decision: 'unverified',
    reason: LONG,
    target: {
      fingerprint: arm.fingerprint,
      release: LONG,
      snapshot: null,
      layersRestored: ['prompt', 'params'],
      hybrid: true,
      dependents: [],
      dependentStates: many((i) => ({
        name: `index-${i}`,
        builtFrom: 'prompt',
        state: i === 0 ? 'fits' : 'not-checked',
        checkedAt: null,
        detail: LONG,
      })),
    },
    verification,
    rejected: many((i) => ({
      fingerprint: arm.fingerprint,
      release: `r${i}`,
      reason: 'budget',
      detail: LONG,
    })),
    callsSpent: 4000,
    steps: many((i) => `step ${i}: ${LONG}`),
    diagnosis: LONG,
    lastDrill: { at: AT, outcome: 'failed', ageDays: 400 },
  };
}

export function loudIncident(): IncidentReport {
  const arm = { ...loudSnapshot, simulated: true };
  const answer = { text: LONG, count: 30, of: 40 };
  return {
    schemaVersion: 1,
    kind: 'incident',
    suite: LONG,
    writtenAt: AT,
    good: arm,
    bad: arm,
    comparison: loud,
    behaviour: {
      templates: [],
      categories: many((i) => ({
        name: `tag-${i}`,
        cases: 3,
        before: { failed: 0, trials: 9 },
        after: { failed: 9, trials: 9 },
        verdict: 'regressed',
      })),
      graders: [],
      examples: many((i) => ({
        caseId: `case-${i} ${LONG}`,
        direction: 'worse',
        tags: [],
        input: LONG,
        expected: null,
        before: LONG,
        after: LONG,
        beforePassed: 3,
        beforeTrials: 3,
        afterPassed: 0,
        afterTrials: 3,
        reasons: [LONG],
      })),
      commonest: { before: answer, after: answer },
      gainsByCommonest: [],
      usualLength: null,
    },
    configuration: {
      since: AT,
      good: configuration('one'),
      bad: configuration('two'),
      difference: [],
      changes: [],
    },
    timeline: [],
    detection: {
      since: AT,
      detectedAt: AT,
      resolvedAt: AT,
      alertAt: AT,
      lastGood: { id: 's0', at: AT },
      firstBad: { id: 's1', at: AT },
      runsLookedAt: 9,
      signals: [],
      hoursToDetect: 4,
      hoursToResolve: 5,
      hoursBetweenRuns: 24,
    },
    coverage: { caught: true, sentence: LONG, cases: many((i) => `case-${i}`), drafts: [], draftNote: '' },
    rollback: { at: AT, decision: loudRollback() },
    followUps: many((i) => ({ action: `action ${i}: ${LONG}`, why: LONG, kind: 'learn' })),
    unknowns: many((i) => `unknown ${i}: ${LONG}`),
  };
}

function configuration(model: string): IncidentReport['configuration']['good'] {
  return {
    release: LONG,
    fingerprint: 'f'.repeat(64),
    provider: 'openai',
    model: `${model} ${LONG}`,
    params: {},
    pin: { state: 'floating', reason: LONG },
    servedModels: [],
    layers: [],
  };
}

export const loudNight: NightlyFacts = {
  state: 'still',
  reason: LONG,
  night: {
    summary: loudSnapshot,
    comparison: loud,
    rerun: { summary: loudSnapshot, comparison: loud },
    decision: {
      looks: [],
      cases: many((i) => ({
        id: `case-${i} ${LONG}`,
        baseline: { passed: 30, trials: 30 },
        tonight: { passed: 0, trials: 3 },
        fresh: { passed: 0, trials: 16 },
        p: 0.001,
        outcome: 'alarm',
      })),
      minimumDetectable: 0.1,
      notes: many((i) => `note ${i}: ${LONG}`),
    },
    fresh: [loudSnapshot],
    spent: { calls: 900, stoppedBy: 'deadline' },
  },
  record: { number: 12, series: 'main' },
  baseline: { id: 's0', at: AT, pooled: 2 },
  budget: { period: 3, spent: 0.01, limit: 0.05 },
  previous: { delta: -0.2, p: 0.01, servedModelChanged: true, layersChanged: ['prompt'] },
  trend: {
    nights: 40,
    per30Nights: -0.1,
    projected90: -0.3,
    p: 0.001,
    cusum: { value: 9, limit: 5, crossedAt: AT },
    changedAt: AT,
  },
  sentinel: { kind: 'judged', outputs: 40, agreed: 20, ungraded: 3, p: 0.001, drifted: true },
  model: { state: 'retired', retiresAt: AT },
  episode: { status: 'open', openedAt: AT, nights: 9, last: 'still' },
  alerts: many((i) => ({ alert: { event: `event-${i}` }, delivered: false, lastError: LONG })),
  webhook: true,
  events: many((i) => ({ at: AT, kind: 'deploy', text: `event ${i}: ${LONG}` })),
  missed: { nights: 4, since: AT },
  next: 'lastgood rollback refund-bot',
};
