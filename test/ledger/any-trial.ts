// Trials as strange as they may come: whatever a model says, an API reports and a grader finds, for tests of what keeps and carries them.

import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import type { Message, ToolCall } from '../../src/core/conversation.ts';
import type { Grade } from '../../src/core/grade.ts';
import type { GradedTrial } from '../../src/core/snapshot.ts';
import type { Trial } from '../../src/core/trial.ts';
import { answered, graded } from './world.ts';

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'grapheme', minLength: 96, maxLength: 200 }),
  fc.constantFrom(
    '\u0001#0',
    '\u0001=x',
    `\u0001#0${'y'.repeat(120)}`,
    '\u0000',
    '\u2028\r\n\ufeff',
    '__proto__',
    '[removed from the ledger]',
    '{"text":"","toolCalls":[]}',
  ),
);
const number = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }).map((x) => x + 0),
);
const json = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    number,
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(text, tie('value'), { maxKeys: 3 }),
  ),
})).value;

export const anyObject = fc.dictionary(text, json, { maxKeys: 3 }) as fc.Arbitrary<JsonObject>;

const ms = fc.oneof(fc.double({ min: 0.001, max: 1e6, noNaN: true }), fc.constant(50));
const usd = fc.double({ min: 0, max: 10, noNaN: true }).map((x) => x + 0);
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });
const requestId = maybe(fc.constantFrom('req_1', 'req_2'));

const attempt = fc.record(
  {
    startedAt: fc.oneof(
      fc
        .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
        .map((d) => d.toISOString()),
      fc.constantFrom('2026-03-15T02:00:00Z', 'soon'),
    ),
    latencyMs: ms,
    outcome: fc.constantFrom('answered', 'rate_limited'),
    httpStatus: fc.constantFrom(200, 429),
    requestId,
    message: text,
  },
  { requiredKeys: ['startedAt', 'latencyMs', 'outcome'] },
);
const toolCall: fc.Arbitrary<ToolCall> = fc.record(
  { id: text, name: text, args: json },
  { requiredKeys: ['name', 'args'] },
);
const sent = {
  attempts: fc.array(attempt, { maxLength: 3 }),
  sent: maybe(anyObject),
};
const answer = {
  output: fc.record(
    { text, toolCalls: fc.array(toolCall, { maxLength: 2 }), refusal: text, context: json },
    { requiredKeys: ['text', 'toolCalls'] },
  ),
  latencyMs: maybe(ms),
  costUsd: maybe(usd),
};
const score = fc.double({ min: 0.01, max: 1, noNaN: true });

/** An answer with one grade. */
export const anyTrial: fc.Arbitrary<GradedTrial> = fc
  .record({ ...sent, ...answer, requestId, details: json, reason: text, score })
  .map(({ requestId, details, reason, score, ...rest }) =>
    graded(answered('ticket', 0, { ...rest, served: { ...answered('ticket').served, requestId } }), [
      {
        ...{ graderId: 'names-refund', graderType: 'contains', required: true, weight: 1 },
        ...{ status: 'scored', pass: true, details, reason, score },
      },
    ]),
  );

const gradeBase = {
  graderId: text,
  graderType: fc.constantFrom('rubric', 'contains', 'javascript'),
  required: fc.boolean(),
  weight: fc.double({ min: 0, max: 10, noNaN: true }).map((x) => x + 0),
  reason: text,
  details: json,
};
const requiredOfGrade = ['graderId', 'graderType', 'required', 'weight', 'reason', 'status'] as const;
const grade = fc.oneof(
  fc.record(
    { ...gradeBase, status: fc.constant('scored' as const), score, pass: fc.boolean() },
    { requiredKeys: [...requiredOfGrade, 'score', 'pass'] },
  ),
  fc.record(
    {
      ...gradeBase,
      status: fc.constant('ungraded' as const),
      cause: fc.constantFrom('judge_error', 'judge_truncated', 'no_output', 'grader_error'),
    },
    { requiredKeys: [...requiredOfGrade, 'cause'] },
  ),
) as fc.Arbitrary<Grade>;

const tokens = fc.nat({ max: 1_000_000 });

/** Any end a trial can have, its case and number aside; `removed` ones too, whose answer the ledger does not have. */
const ended = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      {
        ...sent,
        ...answer,
        status: fc.constant('answered' as const),
        removedOutputHash: fc.stringMatching(/^[0-9a-f]{64}$/),
        stopReason: fc.oneof(
          fc.constantFrom('stop', 'length', 'tool_calls', 'refusal', 'content_filter', 'unknown'),
          text.map((t) => `other:${t}`),
        ),
        served: fc.record(
          {
            model: maybe(text),
            systemFingerprint: maybe(text),
            serviceTier: maybe(text),
            region: maybe(text),
            requestId,
            simulated: fc.boolean(),
          },
          { requiredKeys: ['model', 'systemFingerprint', 'serviceTier', 'region', 'requestId'] },
        ),
        usage: maybe(
          fc.record(
            {
              inputTokens: tokens,
              outputTokens: tokens,
              cachedInputTokens: tokens,
              cacheWriteTokens: tokens,
              reasoningTokens: tokens,
            },
            { requiredKeys: [] },
          ),
        ),
        droppedParams: fc.array(text, { maxLength: 2 }),
      },
      {
        requiredKeys: [
          ...(['attempts', 'sent', 'status', 'output', 'stopReason', 'served', 'usage'] as const),
          ...(['latencyMs', 'costUsd', 'droppedParams'] as const),
        ],
      },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...sent,
      status: fc.constant('failed' as const),
      cause: fc.constantFrom('app_error', 'infra_error', 'timeout'),
      code: text,
      message: text,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      ...sent,
      status: fc.constant('skipped' as const),
      cause: fc.constantFrom('budget', 'cancelled', 'deadline'),
      message: text,
    }),
  },
);

/** A trial of any end, under any grades, as `caseId`'s number `trial`. */
export function anyEndedTrial(caseId: string, trial: number): fc.Arbitrary<GradedTrial> {
  return fc
    .record({
      ended,
      grades: fc.array(grade, { maxLength: 3 }),
      judgeCostUsd: maybe(usd),
      refusal: fc.boolean(),
    })
    .map(({ ended: end, grades, judgeCostUsd, refusal }): GradedTrial => {
      if (end.status !== 'answered')
        return { ...graded({ ...end, caseId, trial } as Trial, []), judgeCostUsd };
      const { text: said } = end.output;
      const gone = end.removedOutputHash !== undefined;
      const output = gone ? { text: '[removed from the ledger]', toolCalls: [] } : end.output;
      return {
        trial: { ...end, output, caseId, trial } as Trial,
        measures: { length: [...said].length, refusal },
        grades,
        judgeCostUsd,
      };
    });
}

/** A conversation that a case may hold. */
export const anyMessages: fc.Arbitrary<readonly Message[]> = fc.array(
  fc.record(
    {
      role: fc.constantFrom('system', 'developer', 'user', 'assistant', 'tool'),
      content: text,
      toolCalls: fc.array(toolCall, { maxLength: 2 }),
      toolCallId: text,
      name: text,
    },
    { requiredKeys: ['role', 'content'] },
  ) as fc.Arbitrary<Message>,
  { minLength: 1, maxLength: 4 },
);
export const anyText = text;
