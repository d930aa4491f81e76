// show_case: one case of a snapshot, with every trial, grade and reason, beside its baseline.

import { z } from 'zod';
import { type StoredTrial, trialOutcome } from '../../core/index.ts';
import { showCase as shown } from '../../jobs/ledger/show-case.ts';
import { refInput, suiteInput, textLimitInput } from '../parts/shapes.ts';
import { defineTool } from '../parts/tool.ts';
import { untrusted, untrustedJson, untrustedSchema } from '../parts/untrusted.ts';

const trialSchema = z.looseObject({
  trial: z.int(),
  status: z.string().describe('answered, failed (a failed measurement, no wrong answer) or skipped'),
  cause: z.string().nullable(),
  pass: z.boolean().nullable().describe('null = not graded'),
  score: z.number().nullable(),
  output: untrustedSchema.nullable(),
  toolCalls: untrustedSchema.nullable(),
  stopReason: z.string().nullable(),
  servedModel: z.string().nullable(),
  latencyMs: z.number().nullable(),
  costUsd: z.number().nullable(),
  grades: z.array(
    z.looseObject({
      grader: z.string(),
      type: z.string(),
      required: z.boolean(),
      status: z.string(),
      pass: z.boolean().nullable(),
      score: z.number().nullable(),
      reason: untrustedSchema,
    }),
  ),
});

export const showCase = defineTool({
  name: 'show_case',
  title: 'Show a case',
  description:
    'One case of a snapshot: what the model was shown, what is expected, every trial with its answer, grades and reasons, and the same case in the baseline.',
  input: z.strictObject({
    snapshot: refInput('latest'),
    case: z.string().min(1),
    suite: suiteInput,
    trials: z.int().min(1).max(50).default(5).describe('at most so many trials of each side'),
    maxCharacters: textLimitInput,
  }),
  output: z.looseObject({
    snapshot: z.string(),
    case: z.string(),
    input: z.looseObject({
      vars: untrustedSchema.nullable(),
      messages: untrustedSchema.nullable(),
      turns: untrustedSchema.nullable(),
      expected: untrustedSchema.nullable(),
    }),
    trials: z.array(trialSchema),
    moreTrials: z.int(),
    baseline: z.looseObject({ snapshot: z.string(), trials: z.array(trialSchema) }).nullable(),
  }),
  call: async (input, { place, signal }) =>
    place.withWork({ mustExist: true, signal }, async ({ work }) => {
      const { store, clock } = work;
      const snapshot = await store.resolve(input.snapshot, { suite: input.suite, now: clock.now() });
      const { content, trials, baseline } = await shown(store, snapshot, input.case);
      const most = input.maxCharacters;
      const shapes = (all: readonly StoredTrial[]) =>
        all.slice(0, input.trials).map((t) => trialShape(t, most));
      const passed = trials.filter((t) => outcomeOf(t).pass === true).length;
      return {
        headline: `${passed} of ${trials.length} trials passed`,
        data: {
          snapshot: snapshot.id,
          case: input.case,
          input: {
            vars: untrustedJson(content.vars, most),
            messages: untrustedJson(content.messages, most),
            turns: untrustedJson(content.turns, most),
            expected: untrustedJson(content.expected, most),
          },
          trials: shapes(trials),
          moreTrials: Math.max(0, trials.length - input.trials),
          baseline:
            baseline === null ? null : { snapshot: baseline.snapshot, trials: shapes(baseline.trials) },
        },
      };
    }),
});

function outcomeOf({ trial, grades }: StoredTrial): { pass: boolean | null; score: number | null } {
  const outcome = trial.status === 'answered' ? trialOutcome(grades) : null;
  return outcome?.kind === 'graded' ? outcome : { pass: null, score: null };
}

function trialShape(stored: StoredTrial, most: number): z.infer<typeof trialSchema> {
  const { trial, grades } = stored;
  const { pass, score } = outcomeOf(stored);
  const answered = trial.status === 'answered' ? trial : null;
  const removed = answered?.removedOutputHash !== undefined;
  return {
    trial: trial.trial,
    status: trial.status,
    cause: trial.status === 'answered' ? null : trial.cause,
    ...{ pass, score },
    // Of a failed or skipped trial there is its message, of a removed answer nothing.
    output: removed ? null : untrusted(trial.status === 'answered' ? trial.output.text : trial.message, most),
    toolCalls:
      answered === null || removed || answered.output.toolCalls.length === 0
        ? null
        : untrustedJson(answered.output.toolCalls, most),
    stopReason: answered?.stopReason ?? null,
    servedModel: answered?.served.model ?? null,
    latencyMs: answered?.latencyMs ?? null,
    costUsd: trial.costUsd ?? null,
    grades: grades.map((g) => ({
      grader: g.graderId,
      type: g.graderType,
      required: g.required,
      status: g.status,
      pass: g.status === 'scored' ? g.pass : null,
      score: g.status === 'scored' ? g.score : null,
      reason: untrusted(g.reason, most),
    })),
  };
}
