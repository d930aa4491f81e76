// Cases and trials as real ones weigh in a ledger, for its benchmarks.

import { createHash } from 'node:crypto';
import { contentHash, type JsonValue } from '../../src/base/json.ts';
import type { Grade } from '../../src/core/grade.ts';
import { fingerprintLayers, type Layers, type Release } from '../../src/core/release.ts';
import type { GradedTrial } from '../../src/core/snapshot.ts';
import type { Case, Suite } from '../../src/core/suite.ts';
import { answerTo, seeded } from '../kit/mock-server.ts';

const random = seeded(7);
const WORDS = (
  'refund order parcel kettle broken lid customer please money back late damaged return label invoice card address phone ' +
  'wrong size colour shipped never arrived twice charged cancel subscription account password email delivery courier ' +
  'yesterday monday morning support answer friendly manager complaint warranty month receipt store credit exchange item'
).split(' ');

/** Words in no order: compresses about as ordinary prose does, unlike one sentence said over and over. */
export function prose(length: number): string {
  let text = '';
  while (text.length < length) text += `${WORDS[Math.floor(random() * WORDS.length)]} `;
  return text.trim();
}

const layers: Layers = {
  route: { provider: 'openai', api: 'chat', model: 'gpt-4o-2024-11-20' },
  prompt: { messages: [{ role: 'user', content: '{{ ticket }}' }] },
  params: { temperature: 0, 'max-output-tokens': 256 },
};
export const release: Release = {
  ...{ name: 'bench', file: null, layers, ...fingerprintLayers(layers), dependents: [], paths: {} },
  pin: { state: 'pinned', reason: 'a dated model id' },
};

export function benchSuite(cases: number, words: () => string = () => prose(650)): Suite {
  const list = Array.from({ length: cases }, (_, i): Case => {
    const vars = { ticket: `case ${i} ${words()}` };
    const graders: Case['graders'] = [
      { ...common('contains'), type: 'contains', options: { value: `case ${i}` } },
      { ...common('matches'), type: 'matches', options: { pattern: 'ANSWER-[0-9a-f]{8} case \\d+' } },
    ];
    return {
      ...{
        id: `case-${i}`,
        tags: [],
        group: null,
        critical: false,
        vars,
        messages: null,
        expected: undefined,
      },
      ...{ graders, trials: 1, minPassRate: null, source: null, meta: {} },
      contentHash: contentHash({ vars, messages: null }),
      gradersHash: contentHash(graders as unknown as JsonValue),
      where: { file: '/project/suites/bench/cases.jsonl', line: i + 1 },
    };
  });
  return {
    ...{ name: 'bench', file: '/project/suites/bench/suite.yaml', description: null, cases: list },
    ...{ judgeFile: null, embedderFile: null, policy: {}, hash: contentHash(list.map((c) => c.contentHash)) },
  };
}

function common(id: string) {
  return { id, negate: false, weight: 1, required: true };
}

/** Moves on with every trial. */
export const clock = { now: Date.parse('2026-01-01T03:15:00Z') };

/** The trial of a case as a run writes it: times, latencies and request ids are never the same twice. */
export function trialOf(c: Case, variant: string): GradedTrial {
  clock.now += 137;
  const prompt = c.vars['ticket'] as string;
  const text = answerTo(prompt) + variant;
  const latencyMs = Math.round(random() * 2e6) / 1000;
  const requestId = `req_${createHash('md5').update(`${clock.now}`).digest('hex')}`;
  const grade = (graderId: string, reason: string): Grade => ({
    ...{ graderId, graderType: graderId, required: true, weight: 1 },
    ...{ status: 'scored', score: 1, pass: true, reason },
  });
  return {
    trial: {
      ...{ caseId: c.id, trial: 0, status: 'answered', latencyMs, costUsd: 0.000123, stopReason: 'stop' },
      attempts: [
        ...[{ startedAt: new Date(clock.now).toISOString(), latencyMs, outcome: 'answered' }].map((a) => ({
          ...a,
          httpStatus: 200,
          requestId,
        })),
      ],
      sent: {
        ...{ model: 'gpt-4o-2024-11-20', max_completion_tokens: 256, temperature: 0 },
        messages: [{ role: 'user', content: prompt }],
      },
      output: { text, toolCalls: [] },
      served: {
        ...{ model: 'gpt-4o-2024-11-20', systemFingerprint: 'fp_a1b2c3', serviceTier: 'default' },
        ...{ region: null, requestId },
      },
      usage: { inputTokens: 180, outputTokens: 64, cachedInputTokens: 0 },
      droppedParams: [],
    },
    measures: { length: text.length, refusal: false },
    grades: [
      grade('contains', `the output contains ${JSON.stringify(`case ${c.id.slice(5)}`)}`),
      grade('matches', 'the output matches /ANSWER-[0-9a-f]{8} case \\d+/'),
    ],
    judgeCostUsd: 0,
  };
}
