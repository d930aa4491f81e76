// npm run bench:ledger -- [NIGHTS=365] [LISTED=1000]: what the ledger takes, row by row through the store: fresh cases, a tenth of them changed, a year of
// unchanged nights, lists over many snapshots, and the memory of exporting half a million trials.

import { createHash } from 'node:crypto';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { caseExam, examFingerprint } from '../../src/core/exam.ts';
import type { Grade } from '../../src/core/grade.ts';
import { contentHash, type JsonValue } from '../../src/core/json.ts';
import { fingerprintLayers, type Layers, type Release } from '../../src/core/release.ts';
import type { GradedTrial, SnapshotStore } from '../../src/core/snapshot.ts';
import type { Case, Suite } from '../../src/core/suite.ts';
import { exportSnapshot, ledgerStats, openLedger, withLedgerFile } from '../../src/snapshot/index.ts';
import { PAD } from '../kit/bench-suite.ts';
import { answerTo, seeded } from '../kit/mock-server.ts';

const nights = Number(process.argv[2] ?? 365);
const listed = Number(process.argv[3] ?? 1000);
const folder = await mkdtemp(join(tmpdir(), 'lastgood-ledger-bench-'));
const random = seeded(7);
const WORDS = (
  'refund order parcel kettle broken lid customer please money back late damaged return label invoice card address phone ' +
  'wrong size colour shipped never arrived twice charged cancel subscription account password email delivery courier ' +
  'yesterday monday morning support answer friendly manager complaint warranty month receipt store credit exchange item'
).split(' ');

/** Words in no order: compresses about as ordinary prose does, unlike one sentence said over and over. */
function prose(length: number): string {
  let text = '';
  while (text.length < length) text += `${WORDS[Math.floor(random() * WORDS.length)]} `;
  return text.trim();
}

const layers: Layers = {
  route: { provider: 'openai', api: 'chat', model: 'gpt-4o-2024-11-20' },
  prompt: { messages: [{ role: 'user', content: '{{ ticket }}' }] },
  params: { temperature: 0, 'max-output-tokens': 256 },
};
const release: Release = {
  ...{ name: 'bench', file: null, layers, ...fingerprintLayers(layers), dependents: [], paths: {} },
  pin: { state: 'pinned', reason: 'a dated model id' },
};

function benchSuite(cases: number, words: () => string = () => prose(650)): Suite {
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

let clock = Date.parse('2026-01-01T03:15:00Z');

/** The trial of a case as a run writes it: times, latencies and request ids are never the same twice. */
function trialOf(c: Case, variant: string): GradedTrial {
  clock += 137;
  const prompt = c.vars['ticket'] as string;
  const text = answerTo(prompt) + variant;
  const latencyMs = Math.round(random() * 2e6) / 1000;
  const requestId = `req_${createHash('md5').update(`${clock}`).digest('hex')}`;
  const grade = (graderId: string, reason: string): Grade => ({
    ...{ graderId, graderType: graderId, required: true, weight: 1 },
    ...{ status: 'scored', score: 1, pass: true, reason },
  });
  return {
    trial: {
      ...{ caseId: c.id, trial: 0, status: 'answered', latencyMs, costUsd: 0.000123, stopReason: 'stop' },
      attempts: [
        ...[{ startedAt: new Date(clock).toISOString(), latencyMs, outcome: 'answered' }].map((a) => ({
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

let made = 0;
async function night(store: SnapshotStore, suite: Suite, variantOf: (i: number) => string): Promise<string> {
  made++;
  const id = `s${String(made).padStart(6, '0')}`;
  const examiner = { judge: null, embedder: null };
  await store.begin({
    ...{ id, purpose: 'run', suite, release, judge: null, embedder: null, seed: made, labels: {} },
    exam: examFingerprint(suite, examiner),
    caseExam: (c) => caseExam(c, examiner),
    plannedTrials: suite.cases.length,
    startedAt: new Date(clock).toISOString(),
    environment: { lastgood: '0.1.0', node: '24.21.0', platform: 'linux-x64' },
  });
  for (let i = 0; i < suite.cases.length; i += 64)
    await store.append(
      id,
      suite.cases.slice(i, i + 64).map((c, n) => trialOf(c, variantOf(i + n))),
    );
  await store.finish(id, {
    ...{ finishedAt: new Date(clock).toISOString(), state: 'finished', validity: 'valid' },
    ...{ validityReasons: [], findings: [] },
  });
  clock += 86_000_000;
  return id;
}

const project = { root: '/project' };
const tell = (what: string, seen: string): void => console.log(`| ${what} | ${seen} |`);

async function open(name: string): Promise<{ store: SnapshotStore; path: string; bytes(): Promise<number> }> {
  const path = join(folder, name);
  const store = await openLedger(path, { project });
  const bytes = async (): Promise<number> => {
    // Every page in the file itself, as after a clean end.
    await withLedgerFile(path, {}, async (file) => file.db.pragma('wal_checkpoint(TRUNCATE)'));
    return (await stat(path)).size;
  };
  return { store, path, bytes };
}

try {
  console.log('| | seen |\n|---|---|');
  const kinds = [
    ['one sentence over and over', () => PAD],
    ['words in no order', undefined],
  ] as const;
  for (const [kind, words] of kinds) {
    const fresh = await open(`${kind}.db`);
    const suite = benchSuite(10_000, words);
    await night(fresh.store, suite, () => '');
    const first = await fresh.bytes();
    tell(
      `10,000 fresh cases, ~660 B prompt (${kind}), ~290 B answer`,
      `${(first / 10_000).toFixed(0)} bytes a case`,
    );
    for (const part of (await withLedgerFile(fresh.path, {}, ledgerStats)).parts.slice(0, 4))
      tell(`… ${part.part}`, `${(part.bytes / 10_000).toFixed(0)} bytes a case`);
    await night(fresh.store, suite, (i) => (i % 10 === 0 ? ' changed' : ''));
    const second = await fresh.bytes();
    tell(
      'a second snapshot, a tenth of the answers changed',
      `+${((100 * (second - first)) / first).toFixed(1)} %`,
    );
    await fresh.store.close();
  }

  const year = await open('year.db');
  const small = benchSuite(500);
  for (let n = 0; n < nights; n++) await night(year.store, small, () => '');
  const bytes = await year.bytes();
  tell(`${nights} nights of 500 unchanged cases`, `${(bytes / 1e6).toFixed(1)} MB`);
  for (const part of (await withLedgerFile(year.path, {}, ledgerStats)).parts.slice(0, 4))
    tell(`… ${part.part}`, `${(part.bytes / 1e6).toFixed(1)} MB`);
  for (let n = nights; n < listed; n++) await night(year.store, small, () => '');
  const times: number[] = [];
  for (let n = 0; n < 9; n++) {
    const started = performance.now();
    await year.store.list();
    times.push(performance.now() - started);
  }
  tell(
    `list of ${listed} snapshots × 500 cases`,
    `${times.sort((a, b) => a - b)[4]?.toFixed(0)} ms (median of 9)`,
  );
  await year.store.close();

  const large = await open('large.db');
  const trials = 500_000;
  const wide = benchSuite(50_000, () => PAD);
  const id = 'slarge01';
  const examiner = { judge: null, embedder: null };
  await large.store.begin({
    ...{ id, purpose: 'run', suite: wide, release, judge: null, embedder: null, seed: 1, labels: {} },
    exam: examFingerprint(wide, examiner),
    caseExam: (c) => caseExam(c, examiner),
    plannedTrials: trials,
    startedAt: new Date(clock).toISOString(),
    environment: { lastgood: '0.1.0', node: '24.21.0', platform: 'linux-x64' },
  });
  for (let t = 0; t < trials / 50_000; t++)
    for (let i = 0; i < 50_000; i += 500)
      await large.store.append(
        id,
        wide.cases.slice(i, i + 500).map((c) => {
          const row = trialOf(c, ` ${t % 5}`);
          return { ...row, trial: { ...row.trial, trial: t } };
        }),
      );
  await large.store.finish(id, {
    ...{ finishedAt: new Date(clock).toISOString(), state: 'finished', validity: 'valid' },
    ...{ validityReasons: [], findings: [] },
  });
  globalThis.gc?.();
  const before = process.memoryUsage().rss;
  let peak = before;
  let lines = 0;
  let characters = 0;
  for await (const line of exportSnapshot(large.store, id, project)) {
    characters += line.length + 1;
    if (++lines % 5000 === 0) peak = Math.max(peak, process.memoryUsage().rss);
  }
  tell(
    `export of ${trials.toLocaleString('en')} trials (${(characters / 1e6).toFixed(0)} MB)`,
    `+${((peak - before) / 1e6).toFixed(0)} MB of memory over the ${(before / 1e6).toFixed(0)} MB of the writing process`,
  );
  await large.store.close();
} finally {
  await rm(folder, { recursive: true, force: true });
}
