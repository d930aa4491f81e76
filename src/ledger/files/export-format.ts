// The lines of an exported snapshot, as zod schemas: what is read back is checked to the last key.
//
// One JSON value a line, each canonical (RFC 8785): the snapshot; its blessings by time; its cases by id; its trials by case id and number, each long text of a
// request body on a line of its own before the trial that first uses it; an end line with the counts.

import { z } from 'zod';
import type { JsonObject, JsonValue } from '../../base/json.ts';
import { CUT_OFF_CODES } from '../../core/conversation.ts';
import { GRADER_TYPES } from '../../core/grader-catalogue.ts';
import type { GraderType } from '../../core/grader-spec.ts';
import { policySchema } from '../../core/policy-schema.ts';
import { LAYER_NAMES } from '../../core/release.ts';
import { SNAPSHOT_PURPOSES } from '../../core/snapshot.ts';

/** Version 2 added blessings, and says which layers and cases do not have their content any more. Version 1 is still read. */
export const EXPORT_VERSION = 2;

// The lines come out of JSON.parse, so any value in them is JSON. `z.json()` would look again, by recursion: its stack ends at some
// 1,500 levels, which arguments of a tool call may have.
const json = z
  .unknown()
  .refine((value) => value !== undefined, 'any JSON value') as unknown as z.ZodType<JsonValue>;
const object = z.record(z.string(), json) as unknown as z.ZodType<JsonObject>;
const count = z.number().int().nonnegative();
const isoTime = z.string().refine((text) => Number.isFinite(Date.parse(text)), 'an ISO time');
const strings = z.array(z.string());
const labels = z.record(z.string(), z.string());

const toolCall = z.strictObject({ id: z.string().optional(), name: z.string(), args: json });

const cache = z.union([z.literal(true), z.string()]).optional();
const mediaKind = { kind: z.enum(['image', 'file']), name: z.string().optional() };
const parts = z
  .array(
    z.union([
      z.strictObject({ text: z.string(), cache }),
      z.strictObject({
        media: z.union([
          z.strictObject({
            ...mediaKind,
            type: z.string(),
            bytes: count,
            sha256: z.string(),
            data: z.string(),
          }),
          z.strictObject({ ...mediaKind, url: z.string() }),
        ]),
        detail: z.string().optional(),
        cache,
      }),
    ]),
  )
  .optional();

const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.string(),
  parts,
  toolCalls: z.array(toolCall).optional(),
  toolCallId: z.string().optional(),
  name: z.string().optional(),
});

const release = z.strictObject({
  name: z.string(),
  file: z.string().nullable(),
  layers: z.partialRecord(z.enum(LAYER_NAMES), object),
  layerHashes: z.partialRecord(z.enum(LAYER_NAMES), z.string()),
  fingerprint: z.string(),
  pin: z.strictObject({ state: z.enum(['pinned', 'floating', 'unknown']), reason: z.string() }),
  dependents: z.array(
    z.strictObject({
      name: z.string(),
      builtFrom: z.enum(LAYER_NAMES),
      check: z.string().optional(),
      env: z.array(z.string()).optional(),
      rebuild: z.string().optional(),
    }),
  ),
  paths: labels,
  notes: z.string().optional(),
  /** Layers out of which a text was forgotten; all others must have their hash. */
  forgotten: z.array(z.enum(LAYER_NAMES)).min(1).optional(),
});

const grader = z.strictObject({
  id: z.string(),
  type: z.enum(GRADER_TYPES as [GraderType, ...GraderType[]]),
  negate: z.boolean(),
  weight: z.number(),
  required: z.boolean(),
  turn: count.optional(),
  options: object,
});

const where = z.strictObject({
  file: z.string().optional(),
  line: z.number().optional(),
  column: z.number().optional(),
  caseId: z.string().optional(),
  key: z.string().optional(),
});

const cannedAnswers = [z.strictObject({ result: json }), z.strictObject({ error: z.string() })] as const;
const cannedFor = { name: z.string(), when: object.optional() };

const cannedTool = z.union([
  z.strictObject({ ...cannedFor, result: json }),
  z.strictObject({ ...cannedFor, error: z.string() }),
  z.strictObject({ ...cannedFor, sequence: z.array(z.union(cannedAnswers)) }),
]);

const simulatedTurn = z.strictObject({
  simulate: z.strictObject({ name: z.string(), layers: object }),
  maxTurns: count,
});

const trajectoryEntry = z.strictObject({
  turn: count,
  role: z.enum(['user', 'assistant', 'tool']),
  content: z.string(),
  toolCalls: z.array(toolCall).optional(),
  refusal: z.string().optional(),
  toolCallId: z.string().optional(),
  name: z.string().optional(),
  error: z.literal(true).optional(),
});

const suiteCase = z.strictObject({
  id: z.string(),
  tags: strings,
  group: z.string().nullable(),
  critical: z.boolean(),
  vars: object,
  messages: z.array(message).nullable(),
  turns: z.array(z.union([z.strictObject({ user: z.string(), parts }), simulatedTurn])).optional(),
  tools: z.array(cannedTool).optional(),
  maxSteps: count.optional(),
  params: object.optional(),
  expected: json.optional(),
  graders: z.array(grader),
  trials: count,
  minPassRate: z.number().nullable(),
  source: z
    .strictObject({ kind: z.string(), ref: z.string().optional(), at: z.string().optional() })
    .nullable(),
  meta: object,
  contentHash: z.string(),
  gradersHash: z.string(),
  where,
});

const exam = z.strictObject({
  contentHash: z.string(),
  gradersHash: z.string(),
  judge: z.string().nullable(),
  embedder: z.string().nullable(),
  graderCode: z.number(),
});

const snapshotLine = z.strictObject({
  kind: z.literal('snapshot'),
  schemaVersion: z.union([z.literal(1), z.literal(EXPORT_VERSION)]),
  id: z.string().regex(/^s[0-9a-z]{3,31}$/),
  purpose: z.enum(SNAPSHOT_PURPOSES),
  startedAt: isoTime,
  plannedTrials: count,
  seed: z.number(),
  labels,
  environment: z.strictObject({
    lastgood: z.string(),
    node: z.string(),
    platform: z.string(),
    gitRevision: z.string().optional(),
    gitDirty: z.boolean().optional(),
  }),
  exam: z.string(),
  release,
  judge: release.nullable(),
  embedder: release.nullable(),
  suite: z.strictObject({
    name: z.string(),
    file: z.string().nullable(),
    description: z.string().nullable(),
    judgeFile: z.string().nullable(),
    panelFiles: strings.optional(),
    judgeVotes: count.optional(),
    embedderFile: z.string().nullable(),
    policy: policySchema,
    hash: z.string(),
  }),
  closing: z.strictObject({
    finishedAt: isoTime,
    state: z.enum(['finished', 'interrupted']),
    validity: z.enum(['valid', 'degraded', 'invalid']),
    validityReasons: strings,
    findings: z.array(z.strictObject({ code: z.string(), message: z.string() })),
    plannedTrialsPerCase: count.optional(),
  }),
});

/** `position`: place in the suite, from 0; the lines themselves are in order of id, so that a moved case is one changed line. */
const caseLine = z.strictObject({
  kind: z.literal('case'),
  position: count,
  case: suiteCase,
  exam,
  /** What of the case is not as it was asked (redacted, not stored, forgotten); all else must have its hash. */
  altered: z
    .array(z.enum(['content', 'graders']))
    .min(1)
    .optional(),
});

const blessingLine = z.strictObject({
  kind: z.literal('blessing'),
  suite: z.string(),
  fingerprint: z.string().regex(/^[0-9a-f]{64}$/),
  by: z.string().min(1),
  why: z.string().min(1),
  at: isoTime,
  overrode: strings,
});

const textLine = z.strictObject({ kind: z.literal('text'), sha256: z.string(), text: z.string() });

const attempt = z.strictObject({
  startedAt: z.string(),
  latencyMs: z.number(),
  firstTokenMs: z.number().optional(),
  outcome: z.string(),
  httpStatus: z.number().optional(),
  requestId: z.string().nullable().optional(),
  message: z.string().optional(),
});

const trialBase = {
  caseId: z.string(),
  trial: count,
  attempts: z.array(attempt),
  /** Long texts stand as marks for `texts`, see lifting.ts. */
  sent: object.nullable(),
};

const trial = z.discriminatedUnion('status', [
  z.strictObject({
    ...trialBase,
    status: z.literal('answered'),
    output: z.strictObject({
      text: z.string(),
      toolCalls: z.array(toolCall),
      refusal: z.string().optional(),
      context: json.optional(),
      citations: z.array(json).optional(),
      logprobs: json.optional(),
      trajectory: z.array(trajectoryEntry).optional(),
      cutOff: z.strictObject({ code: z.enum(CUT_OFF_CODES), message: z.string() }).optional(),
    }),
    /** SHA-256 of an answer that the ledger did not have any more; `output` then stands for nothing. */
    removedOutputHash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    stopReason: z.union([
      z.enum(['stop', 'length', 'tool_calls', 'refusal', 'content_filter', 'unknown', ...CUT_OFF_CODES]),
      z.templateLiteral(['other:', z.string()]),
    ]),
    served: z.strictObject({
      model: z.string().nullable(),
      systemFingerprint: z.string().nullable(),
      serviceTier: z.string().nullable(),
      region: z.string().nullable(),
      requestId: z.string().nullable(),
      simulated: z.boolean().optional(),
    }),
    usage: z
      .strictObject({
        inputTokens: count.optional(),
        outputTokens: count.optional(),
        cachedInputTokens: count.optional(),
        cacheWriteTokens: count.optional(),
        reasoningTokens: count.optional(),
      })
      .nullable(),
    latencyMs: z.number().nullable(),
    costUsd: z.number().nullable(),
    droppedParams: strings,
  }),
  z.strictObject({
    ...trialBase,
    status: z.literal('failed'),
    cause: z.enum(['app_error', 'infra_error', 'timeout']),
    code: z.string(),
    message: z.string(),
    costUsd: z.number().nullable().optional(),
  }),
  z.strictObject({
    ...trialBase,
    status: z.literal('skipped'),
    cause: z.enum(['budget', 'cancelled', 'deadline']),
    message: z.string(),
    costUsd: z.number().nullable().optional(),
  }),
]);

const gradeBase = {
  graderId: z.string(),
  graderType: z.string(),
  required: z.boolean(),
  weight: z.number(),
  reason: z.string(),
  details: json.optional(),
};

const grade = z.discriminatedUnion('status', [
  z.strictObject({
    ...gradeBase,
    status: z.literal('scored'),
    score: z.number().min(0).max(1),
    pass: z.boolean(),
  }),
  z.strictObject({
    ...gradeBase,
    status: z.literal('ungraded'),
    cause: z.enum(['judge_error', 'judge_truncated', 'no_output', 'grader_error']),
  }),
]);

const trialLine = z.strictObject({
  kind: z.literal('trial'),
  trial,
  /** SHA-256 of the texts that the marks in `trial.sent` stand for, in order. */
  texts: strings,
  measures: z.strictObject({ length: count.nullable(), refusal: z.boolean().nullable() }),
  grades: z.array(grade),
  judgeCostUsd: z.number().nullable(),
});

const endLine = z.strictObject({
  kind: z.literal('end'),
  cases: count,
  trials: count,
  /** What does not have the hash the first line states, because an id, a tag or a group was forgotten. */
  altered: z
    .array(z.enum(['suite', 'exam']))
    .min(1)
    .optional(),
});

export const exportLine = z.discriminatedUnion('kind', [
  snapshotLine,
  blessingLine,
  caseLine,
  textLine,
  trialLine,
  endLine,
]);

export type ExportLine = z.output<typeof exportLine>;
export type SnapshotLine = z.output<typeof snapshotLine>;
export type EndLine = z.output<typeof endLine>;
export type BlessingLine = z.output<typeof blessingLine>;
export type CaseLine = z.output<typeof caseLine>;
export type TrialLine = z.output<typeof trialLine>;
