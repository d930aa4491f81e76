// A small comparison of the refund bot before and after a change, made by the real engine from stored-looking trials.

import { compareSnapshots } from '../../src/compare/index.ts';
import {
  type CaseResult,
  type Comparison,
  fingerprintLayers,
  type Grade,
  type PairedDelta,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
  type StoredTrial,
  trialOutcome,
} from '../../src/core/index.ts';
import type { CaseTrials } from '../../src/report/index.ts';

export interface Answer {
  readonly text: string;
  readonly pass: boolean;
}

export interface RefundCase {
  readonly id: string;
  readonly tags?: readonly string[];
  readonly critical?: boolean;
  readonly before: readonly Answer[];
  readonly after: readonly Answer[];
}

/** The comparison of the given answers, and every trial behind it. */
export function refundComparison(
  cases: readonly RefundCase[],
  names: { readonly suite?: string; readonly reason?: string } = {},
): { comparison: Comparison; details: Map<string, CaseTrials> } {
  const details = new Map<string, CaseTrials>();
  for (const c of cases) {
    details.set(c.id, {
      baseline: c.before.map((a, i) => stored(c.id, i, a, names.reason)),
      candidate: c.after.map((a, i) => stored(c.id, i, a, names.reason)),
    });
  }
  const arm = (side: 'baseline' | 'candidate'): SnapshotResults => ({
    summary: summary(side, cases.length, names.suite ?? 'refund-bot'),
    cases: cases.map((c) => caseResult(c, details.get(c.id)?.[side] ?? [])),
  });
  const comparison = compareSnapshots(arm('baseline'), arm('candidate'), {
    policy: resolvePolicy({ 'min-pass-rate': 0.8 }),
  });
  const worst = comparison.cases
    .filter((d): d is PairedDelta => 'delta' in d && d.delta < 0)
    .slice(0, 5)
    .map((d) => d.id);
  const shown = new Map(cases.map((c) => [c.id, c]));
  return {
    details,
    comparison: {
      ...comparison,
      cases: comparison.cases.map((d) =>
        'delta' in d && worst.includes(d.id)
          ? {
              ...d,
              example: {
                trial: { baseline: 0, candidate: 0 },
                baseline: shown.get(d.id)?.before[0]?.text ?? '',
                candidate: shown.get(d.id)?.after[0]?.text ?? '',
                candidateReasons: [names.reason ?? 'contains: "refund" is not in the output'],
              },
            }
          : d,
      ),
    },
  };
}

/** One side as the snapshot that the ledger would give. */
export function refundResults(cases: readonly RefundCase[], side: 'baseline' | 'candidate'): SnapshotResults {
  const { details } = refundComparison(cases);
  return {
    summary: summary(side, cases.length, 'refund-bot'),
    cases: cases.map((c) => caseResult(c, details.get(c.id)?.[side] ?? [])),
  };
}

function stored(caseId: string, trial: number, answer: Answer, reason?: string): StoredTrial {
  const grades: Grade[] = [
    {
      graderId: 'contains',
      graderType: 'contains',
      required: true,
      weight: 1,
      status: 'scored',
      score: answer.pass ? 1 : 0,
      pass: answer.pass,
      reason: reason ?? (answer.pass ? '"refund" is in the output' : '"refund" is not in the output'),
    },
    {
      graderId: 'tone',
      graderType: 'rubric',
      required: false,
      weight: 1,
      status: 'scored',
      score: 1,
      pass: true,
      reason: '1 of 1 criteria met',
      details: {
        criteria: [
          {
            id: 'empathy',
            kind: 'ask',
            verdict: 'yes',
            reason: reason ?? 'it says sorry',
            weight: 1,
            agreement: 1,
          },
        ],
        votes: [
          {
            criteria: [{ id: 'empathy', verdict: 'yes', reason: reason ?? 'it says sorry' }],
            model: 'judge-1',
            cached: false,
          },
          { ungraded: 'judge_error', reason: reason ?? 'the reply was no JSON' },
        ],
      },
    },
  ];
  return {
    trial: {
      caseId,
      trial,
      attempts: [{ startedAt: '2026-03-02T03:15:00.000Z', latencyMs: 300 + trial, outcome: 'answered' }],
      sent: null,
      status: 'answered',
      output: { text: answer.text, toolCalls: [] },
      stopReason: 'stop',
      served: { model: 'm-1', systemFingerprint: null, serviceTier: null, region: null, requestId: null },
      usage: null,
      latencyMs: 300 + trial,
      costUsd: null,
      droppedParams: [],
    },
    measures: { length: answer.text.length, refusal: false },
    grades,
  };
}

function caseResult(c: RefundCase, trials: readonly StoredTrial[]): CaseResult {
  return {
    id: c.id,
    tags: c.tags ?? ['refund'],
    group: null,
    critical: c.critical ?? false,
    minPassRate: null,
    exam: { contentHash: c.id, gradersHash: 'g', judge: null, embedder: null, graderCode: 1 },
    plannedTrials: trials.length,
    trials: trials.map((t) => {
      const outcome = trialOutcome(t.grades);
      return {
        trial: t.trial.trial,
        status: t.trial.status,
        cause: null,
        pass: outcome.kind === 'graded' ? outcome.pass : null,
        score: outcome.kind === 'graded' ? outcome.score : null,
        ungraded: [],
        length: t.measures.length,
        latencyMs: 300 + t.trial.trial,
        costUsd: null,
        outputTokens: null,
        refusal: false,
        stopReason: 'stop',
        servedModel: 'm-1',
        systemFingerprint: null,
        outputHash: null,
      };
    }),
  };
}

function summary(side: 'baseline' | 'candidate', cases: number, suite: string): SnapshotSummary {
  const layers = fingerprintLayers({
    route: { provider: 'openai', model: side === 'baseline' ? 'm-1' : 'm-2' },
  });
  return {
    id: side === 'baseline' ? 'sgoodgoodgood' : 'sbadbadbadbad',
    purpose: 'run',
    suite,
    suiteHash: 'h',
    release: 'refund-bot',
    ...layers,
    exam: 'e',
    judge: null,
    embedder: null,
    startedAt: side === 'baseline' ? '2026-03-01T03:15:00.000Z' : '2026-03-02T03:15:00.000Z',
    finishedAt: '2026-03-02T03:20:00.000Z',
    state: 'finished',
    validity: 'valid',
    validityReasons: [],
    findings: [],
    cases,
    plannedTrials: cases,
    trials: cases,
    answered: cases,
    failed: 0,
    skipped: 0,
    ungraded: 0,
    passRate: null,
    meanScore: null,
    calls: cases,
    costUsd: null,
    judgeCostUsd: 0,
    servedModels: ['m-1'],
    systemFingerprints: [null],
    simulated: false,
    pinned: true,
    labels: {},
    seed: 1,
    environment: { lastgood: '0.1.0', node: '24', platform: 'linux-x64' },
  };
}
