// The refund-bot: a small suite, its release and trials, with which the ledger's tests tell their stories.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonObject } from '../../src/base/json.ts';
import { caseExam, examFingerprint } from '../../src/core/exam.ts';
import type { Grade } from '../../src/core/grade.ts';
import { fingerprintLayers, type Layers, type Release } from '../../src/core/release.ts';
import type { GradedTrial, NewSnapshot, SnapshotClosing } from '../../src/core/snapshot.ts';
import type { Case, Suite } from '../../src/core/suite.ts';
import { caseContentHash, gradersHash, suiteHash } from '../../src/core/suite-hash.ts';
import type { AnsweredTrial, FailedTrial, SkipCause, SkippedTrial } from '../../src/core/trial.ts';

export const SYSTEM_PROMPT =
  'You are the refund desk of a small shop. Read the ticket, decide whether a refund is due, and answer in two friendly sentences.';

export function refundCase(id: string, patch: Partial<Case> = {}): Case {
  const vars = {
    ticket: `Ticket ${id}: the blue kettle arrived with a broken lid and I would like my money back, please.`,
  };
  const graders: Case['graders'] = [
    {
      id: 'names-refund',
      type: 'contains',
      negate: false,
      weight: 1,
      required: true,
      options: { value: 'refund' },
    },
    { id: 'short', type: 'max-length', negate: false, weight: 1, required: true, options: { value: 400 } },
  ];
  const merged = { vars, messages: null, expected: 'refund', graders, ...patch };
  return {
    id,
    tags: ['refund'],
    group: null,
    critical: false,
    trials: 1,
    minPassRate: null,
    source: null,
    meta: {},
    contentHash: caseContentHash(merged),
    gradersHash: gradersHash(merged.graders),
    where: { file: 'suites/refund-bot/cases.jsonl', line: 1 },
    ...merged,
  };
}

export function refundSuite(cases: readonly Case[], patch: Partial<Suite> = {}): Suite {
  const suite = {
    name: 'refund-bot',
    file: 'suites/refund-bot/suite.yaml',
    description: 'Tickets about refunds',
    cases,
    judgeFile: null,
    embedderFile: null,
    policy: { margin: 0.05 },
    ...patch,
  };
  return { hash: suiteHash(suite), ...suite };
}

export function refundRelease(model = 'gpt-4o-2024-11-20', patch: Partial<Release> = {}): Release {
  const layers: Layers = {
    route: { provider: 'openai', api: 'responses', model },
    prompt: { system: SYSTEM_PROMPT, messages: [{ role: 'user', content: '{{ ticket }}' }] },
    params: { temperature: 0 },
  };
  return {
    name: 'refund-bot',
    file: 'releases/refund-bot.yaml',
    layers,
    ...fingerprintLayers(layers),
    pin: { state: 'pinned', reason: 'a dated model id' },
    dependents: [{ name: 'kb-index', builtFrom: 'retrieval', check: 'node check.mjs' }],
    paths: { recordings: 'recordings/night.jsonl' },
    ...patch,
  };
}

export function newSnapshot(id: string, suite: Suite, patch: Partial<NewSnapshot> = {}): NewSnapshot {
  const release = patch.release ?? refundRelease();
  const examiner = {
    judge: patch.judge?.fingerprint ?? null,
    embedder: patch.embedder?.fingerprint ?? null,
  };
  return {
    id,
    purpose: 'run',
    suite,
    release,
    judge: null,
    embedder: null,
    exam: examFingerprint(suite, examiner),
    caseExam: (c) => caseExam(c, examiner),
    plannedTrials: suite.cases.reduce((sum, c) => sum + c.trials, 0),
    startedAt: '2026-03-15T02:00:00.000Z',
    seed: 7,
    labels: {},
    environment: { lastgood: '0.1.0', node: '24.21.0', platform: 'linux-x64' },
    ...patch,
  };
}

export const VALID: SnapshotClosing = {
  finishedAt: '2026-03-15T02:10:00.000Z',
  state: 'finished',
  validity: 'valid',
  validityReasons: [],
  findings: [],
};

export function closing(patch: Partial<SnapshotClosing>): SnapshotClosing {
  return { ...VALID, ...patch };
}

export function scored(graderId: string, pass: boolean, patch: Partial<Grade> = {}): Grade {
  return {
    graderId,
    graderType: graderId === 'short' ? 'max-length' : 'contains',
    required: true,
    weight: 1,
    status: 'scored',
    score: pass ? 1 : 0,
    pass,
    reason: pass ? 'the output contains "refund"' : 'the output does not contain "refund"',
    ...patch,
  } as Grade;
}

export function ungraded(graderId: string): Grade {
  return {
    graderId,
    graderType: 'rubric',
    required: true,
    weight: 1,
    status: 'ungraded',
    cause: 'judge_error',
    reason: 'the judge answered 500 three times',
  };
}

export function answered(caseId: string, trial = 0, patch: Partial<AnsweredTrial> = {}): AnsweredTrial {
  const text = 'A refund is on its way.';
  return {
    caseId,
    trial,
    status: 'answered',
    attempts: [
      {
        startedAt: '2026-03-15T02:00:01.250Z',
        latencyMs: 812.5,
        outcome: 'answered',
        httpStatus: 200,
        requestId: `req_${caseId}_${trial}`,
      },
    ],
    sent: {
      model: 'gpt-4o-2024-11-20',
      temperature: 0,
      messages: [
        { role: 'system', content: SYSTEM_PROMPT },
        { role: 'user', content: `Ticket ${caseId}` },
      ],
    } as JsonObject,
    output: { text, toolCalls: [] },
    stopReason: 'stop',
    served: {
      model: 'gpt-4o-2024-11-20',
      systemFingerprint: 'fp_1',
      serviceTier: 'default',
      region: null,
      requestId: `req_${caseId}_${trial}`,
    },
    usage: { inputTokens: 120, outputTokens: 9 },
    latencyMs: 812.5,
    costUsd: 0.0005,
    droppedParams: [],
    ...patch,
  };
}

export function failed(caseId: string, trial = 0, cause: FailedTrial['cause'] = 'infra_error'): FailedTrial {
  return {
    caseId,
    trial,
    status: 'failed',
    cause,
    code: 'server_error',
    message: 'the provider answered 500',
    sent: { model: 'gpt-4o-2024-11-20' },
    attempts: [
      { startedAt: '2026-03-15T02:00:01.000Z', latencyMs: 90, outcome: 'server_error', httpStatus: 500 },
      { startedAt: '2026-03-15T02:00:02.000Z', latencyMs: 95, outcome: 'server_error', httpStatus: 500 },
    ],
  };
}

export function skipped(caseId: string, trial = 0, cause: SkipCause = 'budget'): SkippedTrial {
  return {
    caseId,
    trial,
    status: 'skipped',
    cause,
    message: 'the budget was spent',
    sent: null,
    attempts: [],
  };
}

/** A trial with its grades; a failed or skipped one has none. */
export function graded(
  trial: GradedTrial['trial'],
  grades?: readonly Grade[],
  patch: Partial<GradedTrial> = {},
): GradedTrial {
  const isAnswered = trial.status === 'answered';
  return {
    trial,
    measures: isAnswered
      ? { length: [...trial.output.text].length, refusal: false }
      : { length: null, refusal: null },
    grades: grades ?? (isAnswered ? [scored('names-refund', true), scored('short', true)] : []),
    judgeCostUsd: 0,
    ...patch,
  };
}

/** A folder of its own that is gone when the test is. */
export async function temporaryFolder(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'lastgood-ledger-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}
