// Ledgers of any size in seconds, written through the store: no model is called, every trial says what it was told to say.

import { contentHash, type JsonValue } from '../../src/base/index.ts';
import {
  type Case,
  caseExam,
  examFingerprint,
  fingerprintLayers,
  type Grade,
  type GradedTrial,
  type Layers,
  type Release,
  type SnapshotStore,
  type Suite,
} from '../../src/core/index.ts';
import { promptOf } from './bench-suite.ts';

const MODEL = 'gpt-4o-2024-11-20';
const BATCH = 2000;
const TOPICS = 12;

export interface StoredRun {
  readonly id: string;
  readonly startedAt: string;
  readonly trials: number;
  /** Does this trial of this case pass? */
  readonly passes: (caseNo: number, trial: number) => boolean;
  /** Default: finished, with every trial. */
  readonly state?: 'finished' | 'interrupted';
  /** Only the first so many cases have trials. */
  readonly answeredCases?: number;
}

/** A suite of so many cases under a dozen tags, as a suite file would give it. */
export function storedSuite(name: string, cases: number, trials: number): Suite {
  const graders: Case['graders'] = [
    {
      id: 'names-case',
      type: 'contains',
      negate: false,
      weight: 1,
      required: true,
      options: { value: 'ANSWER' },
    },
    { id: 'short', type: 'max-length', negate: false, weight: 1, required: true, options: { value: 1200 } },
  ];
  const gradersHash = contentHash(graders as unknown as JsonValue);
  const list = Array.from({ length: cases }, (_, i): Case => {
    const vars = { ticket: promptOf(i) };
    return {
      id: `case-${i}`,
      tags: [`topic-${i % TOPICS}`],
      group: null,
      critical: false,
      vars,
      messages: null,
      expected: undefined,
      graders,
      trials,
      minPassRate: null,
      source: null,
      meta: {},
      contentHash: contentHash({ vars, messages: null, expected: null }),
      gradersHash,
      where: { file: 'suites/bench/cases.jsonl', line: i + 1 },
    };
  });
  return {
    name,
    file: 'suites/bench/suite.yaml',
    description: null,
    cases: list,
    judgeFile: null,
    embedderFile: null,
    policy: {},
    hash: contentHash(list.map((c) => [c.id, c.contentHash, c.gradersHash, c.trials])),
  };
}

function storedRelease(): Release {
  const layers: Layers = {
    route: { provider: 'openai', api: 'chat', model: MODEL },
    prompt: { messages: [{ role: 'user', content: '{{ ticket }}' }] },
    params: { temperature: 0 },
  };
  return {
    name: 'bench',
    file: 'releases/bench.yaml',
    layers,
    ...fingerprintLayers(layers),
    pin: { state: 'pinned', reason: 'a dated model id' },
    dependents: [],
    paths: {},
  };
}

function gradedTrial(c: Case, caseNo: number, trial: number, startedAt: string, pass: boolean): GradedTrial {
  const said = pass ? 'ANSWER' : 'Sorry, no answer';
  const text = `${said} ${(caseNo * 2654435761 + trial).toString(16)} ${c.id} ${'lorem ipsum dolor sit amet '.repeat(6)}`;
  const latencyMs = 400 + ((caseNo * 7919 + trial * 104729) % 1000);
  const requestId = `req-${caseNo}-${trial}`;
  const base = { required: true, weight: 1, status: 'scored' } as const;
  const grades: Grade[] = [
    {
      ...base,
      graderId: 'names-case',
      graderType: 'contains',
      pass,
      score: pass ? 1 : 0,
      reason: `the output ${pass ? 'contains' : 'does not contain'} "ANSWER"`,
    },
    {
      ...base,
      graderId: 'short',
      graderType: 'max-length',
      pass: true,
      score: 1,
      reason: `${text.length} characters, at most 1200`,
    },
  ];
  return {
    trial: {
      caseId: c.id,
      trial,
      status: 'answered',
      attempts: [{ startedAt, latencyMs, outcome: 'answered', httpStatus: 200, requestId }],
      sent: { model: MODEL, temperature: 0, messages: [{ role: 'user', content: promptOf(caseNo) }] },
      output: { text, toolCalls: [] },
      stopReason: 'stop',
      served: { model: MODEL, systemFingerprint: 'fp_1', serviceTier: 'default', region: null, requestId },
      usage: { inputTokens: 160, outputTokens: 40 },
      latencyMs,
      costUsd: 0.0008,
      droppedParams: [],
    },
    measures: { length: text.length, refusal: false },
    grades,
    judgeCostUsd: 0,
  };
}

/** Writes a finished, valid run of the suite. */
export async function storeRun(store: SnapshotStore, suite: Suite, run: StoredRun): Promise<void> {
  const examiner = { judge: null, embedder: null };
  await store.begin({
    id: run.id,
    purpose: 'run',
    suite,
    release: storedRelease(),
    judge: null,
    embedder: null,
    exam: examFingerprint(suite, examiner),
    caseExam: (c) => caseExam(c, examiner),
    plannedTrials: suite.cases.length * run.trials,
    startedAt: run.startedAt,
    seed: 7,
    labels: {},
    environment: { lastgood: 'bench', node: process.versions.node, platform: 'bench' },
  });
  let batch: GradedTrial[] = [];
  let caseNo = -1;
  for (const c of suite.cases) {
    caseNo++;
    if (caseNo >= (run.answeredCases ?? suite.cases.length)) break;
    for (let trial = 0; trial < run.trials; trial++)
      batch.push(gradedTrial(c, caseNo, trial, run.startedAt, run.passes(caseNo, trial)));
    if (batch.length < BATCH) continue;
    await store.append(run.id, batch);
    batch = [];
  }
  if (batch.length > 0) await store.append(run.id, batch);
  await store.finish(run.id, {
    finishedAt: new Date(Date.parse(run.startedAt) + 600_000).toISOString(),
    state: run.state ?? 'finished',
    validity: 'valid',
    validityReasons: [],
    findings: [],
  });
}
