// The published shapes of the JSON that `list` and `show` print. A field may be added within a schema version, none is renamed or removed.

import { z } from 'zod';
import { LAYER_NAMES, SNAPSHOT_PURPOSES } from '../../core/index.ts';

const whole = z.int().min(0);
const share = z.number().min(0).max(1);
const money = z.number().min(0);
const names = z.array(z.string().nullable()).describe('null = not disclosed');
const time = z.iso.datetime();
const hash = z.string().regex(/^[0-9a-f]{64}$/);

const summary = z.object({
  id: z.string(),
  purpose: z.enum(SNAPSHOT_PURPOSES),
  suite: z.string(),
  suiteHash: z.string(),
  release: z.string(),
  fingerprint: hash,
  layerHashes: z.partialRecord(z.enum(LAYER_NAMES), z.string()),
  exam: z.string(),
  judge: z.string().nullable(),
  embedder: z.string().nullable(),
  startedAt: time,
  finishedAt: time.nullable(),
  state: z.enum(['running', 'finished', 'interrupted']),
  validity: z.enum(['valid', 'degraded', 'invalid']).describe('`invalid` until the run has finished'),
  validityReasons: z.array(z.string()),
  findings: z.array(z.object({ code: z.string(), message: z.string() })),
  cases: whole,
  plannedTrials: whole,
  plannedTrialsPerCase: whole.optional(),
  trials: whole,
  answered: whole,
  failed: whole,
  appErrors: whole.optional().describe('of the failed: errors of the application'),
  skipped: whole,
  ungraded: whole.describe('answered but without a grade'),
  passRate: share.nullable().describe('mean over the graded cases; null = nothing was graded'),
  gradedCases: whole.optional(),
  meanScore: share.nullable(),
  calls: whole,
  costUsd: money.nullable().describe('null = unknown for at least one trial'),
  knownCostUsd: money.optional(),
  unpricedTrials: whole.optional(),
  judgeCostUsd: money.nullable().describe('null = unknown for at least one trial'),
  knownJudgeCostUsd: money.optional(),
  unpricedJudgings: whole.optional(),
  servedModels: names,
  systemFingerprints: names,
  simulated: z.boolean().describe('answers came from a simulator or a recording'),
  imported: z.boolean().optional(),
  pinned: z.boolean(),
  labels: z.record(z.string(), z.string()),
  seed: z.int(),
  environment: z.object({
    lastgood: z.string(),
    node: z.string(),
    platform: z.string(),
    gitRevision: z.string().optional(),
    gitDirty: z.boolean().optional(),
  }),
});

const text = z.string().nullable();
const number = z.number().nullable().describe('null = not known');
const trial = z.object({
  trial: whole,
  status: z.enum(['answered', 'failed', 'skipped']),
  cause: text.describe('why it failed or was skipped'),
  pass: z.boolean().nullable().describe('null = not graded'),
  score: number,
  ungraded: z.array(z.string()).describe('why it has no grade'),
  length: number,
  latencyMs: number,
  costUsd: number,
  outputTokens: number,
  refusal: z.boolean().nullable(),
  stopReason: text,
  servedModel: text,
  systemFingerprint: text,
  outputHash: text,
});

const caseResult = z.object({
  id: z.string(),
  tags: z.array(z.string()),
  group: text,
  critical: z.boolean(),
  minPassRate: share.nullable(),
  exam: z.object({
    contentHash: z.string(),
    gradersHash: z.string(),
    judge: text,
    embedder: text,
    graderCode: z.int(),
  }),
  plannedTrials: whole.describe('fewer in `trials` means that coverage was lost'),
  trials: z.array(trial),
});

export const snapshotsSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('list'),
  snapshots: z.array(summary).describe('newest first'),
  more: z.boolean().optional().describe('under /api: there are older ones'),
});

export const snapshotSchema = z.object({
  schemaVersion: z.literal(1),
  kind: z.literal('snapshot'),
  snapshot: summary,
  cases: z.array(caseResult),
});
