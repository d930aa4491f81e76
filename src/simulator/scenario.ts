// The scenario: which simulated models exist, how well each behaves, when that changes, and what the right answers are.

import { z } from 'zod';
import type { JsonObject } from '../base/json.ts';

const rate = z.number().min(0).max(1);
const text = z.string().min(1);
const date = z
  .string()
  .refine((value) => /^\d{4}-\d{2}-\d{2}(T.*)?$/.test(value) && !Number.isNaN(Date.parse(value)), {
    message: 'an ISO date such as 2026-04-01 or 2026-04-01T09:30:00Z',
  });
const oneOrMore = z.union([text, z.array(text).min(1)]);
const json = z.json();
const jsonObject = z.record(z.string(), json) as unknown as z.ZodType<JsonObject>;

const latency = z.strictObject({
  median: z.number().nonnegative().default(0).describe('milliseconds'),
  sigma: z.number().nonnegative().default(0.3).describe('spread of the logarithm of the latency'),
});

const judgeAccuracy = z.strictObject({
  sensitivity: rate.optional().describe('chance that a true "yes" is called yes (default 1)'),
  specificity: rate.optional().describe('chance that a true "no" is called no (default 1)'),
  noise: rate.optional().describe('chance of flipping any verdict once more (default 0)'),
});

const versionSchema = z.strictObject({
  skill: z
    .union([rate, z.record(z.string(), rate)])
    .default(1)
    .describe('chance that a reply is right: one number, or a number per tag with `default` for the rest'),
  verbosity: z
    .number()
    .positive()
    .default(1.5)
    .describe(
      'median reply length as a multiple of the right text; a reply is never shorter than its own text',
    ),
  verbositySpread: z
    .number()
    .nonnegative()
    .default(0.25)
    .describe('standard deviation of the log of the reply length'),
  refusal: rate.default(0).describe('chance that a request is refused'),
  latencyMs: latency.default({ median: 0, sigma: 0.3 }),
  judge: judgeAccuracy.optional().describe('how well this version judges, where it differs from `judge`'),
});

const updateSchema = z.strictObject({
  at: date.describe('in force from this moment on'),
  version: text,
  disclosed: z
    .boolean()
    .default(false)
    .describe('false: same requested id and same served id, other behaviour'),
  servedId: text.optional().describe('the id the API names from then on (disclosed updates only)'),
  systemFingerprint: text.optional().describe('the `system_fingerprint` of Chat Completions from then on'),
});

const modelSchema = z.strictObject({
  id: text,
  provider: z.enum(['openai', 'anthropic']),
  kind: z.enum(['chat', 'embedding']).default('chat'),
  version: text.optional().describe('behaviour at first; required for chat models'),
  created: date.optional().describe('unknown to the API before this date'),
  systemFingerprint: text.optional(),
  updates: z.array(updateSchema).default([]),
  deprecated: date.optional().describe('announced as deprecated from this date'),
  retires: date.optional().describe('answers 404 from this date'),
  refuses: z.array(text).default([]).describe('request parameters this model answers with a 400'),
  dimensions: z.number().int().positive().default(256).describe('length of an embedding'),
});

const aliasSchema = z.strictObject({
  id: text,
  provider: z.enum(['openai', 'anthropic']),
  targets: z.array(z.strictObject({ from: date, model: text })).min(1),
});

const toolCalls = z.array(z.strictObject({ name: text, arguments: jsonObject.default({}) })).min(1);
const thenCalls = z
  .array(toolCalls)
  .optional()
  .describe('calls of the replies that follow once their results are in, a list a reply; then the text');

const wrongSchema = z.union([
  text,
  z
    .strictObject({
      text: text.optional(),
      json: jsonObject.optional(),
      toolCalls: toolCalls.optional(),
      thenCalls,
      tag: text.optional().describe('preferred when the skill of this tag is what failed'),
      weight: z.number().positive().optional(),
    })
    .refine((w) => w.text !== undefined || w.json !== undefined || w.toolCalls !== undefined, {
      message: '`text`, `json` or `toolCalls`',
    }),
]);

const knowledgeSchema = z
  .strictObject({
    match: text.describe(
      "a stretch of the user's last turn, or else of an earlier one, that names this case; the longest match wins",
    ),
    tags: z.array(text).default([]),
    ease: rate.default(1).describe('multiplies the skill: below 1 for hard cases'),
    right: text.optional(),
    rightJson: jsonObject.optional(),
    toolCalls: toolCalls.optional().describe('the right calls, when the request offers these tools'),
    thenCalls,
    wrong: z.array(wrongSchema).min(1),
  })
  .refine((k) => k.right !== undefined || k.rightJson !== undefined || k.toolCalls !== undefined, {
    message: '`right`, `rightJson` or `toolCalls`',
  });

const whenSchema = z
  .strictObject({
    promptContains: oneOrMore.optional().describe('all of these; white space and case do not matter'),
    promptLacks: oneOrMore.optional().describe('none of these'),
    caseContains: oneOrMore.optional().describe("all of these in the user's turns"),
    toolNamed: text.optional(),
    toolsAbsent: z.boolean().optional(),
    temperatureAbove: z.number().optional().describe('never met by a request that gives no temperature'),
    temperatureBelow: z.number().optional(),
    maxTokensBelow: z.number().optional(),
    schemaPresent: z.boolean().optional(),
    schemaHas: text.optional().describe('a top-level property of the output schema'),
    param: z
      .record(z.string(), json)
      .optional()
      .describe('dotted request key → value, e.g. reasoning.effort'),
    model: oneOrMore.optional().describe('requested or served id, any of these'),
    version: oneOrMore.optional().describe('behaviour in force, any of these'),
    from: date.optional(),
    until: date.optional(),
  })
  .refine((w) => Object.keys(w).length > 0, { message: 'at least one condition' });

const change = z.union([z.number().nonnegative(), z.strictObject({ set: z.number().nonnegative() })]);

const effectSchema = z
  .strictObject({
    name: text.optional(),
    when: whenSchema.describe('all conditions must hold'),
    tags: z.array(text).min(1).optional().describe('only cases with one of these tags (default: all)'),
    skill: change.optional().describe('a multiplier, or { set: rate }'),
    verbosity: change.optional().describe('a multiplier, or { set: multiple }'),
    refusal: rate.optional().describe('the refusal rate from here on'),
  })
  .refine((e) => e.skill !== undefined || e.verbosity !== undefined || e.refusal !== undefined, {
    message: '`skill`, `verbosity` or `refusal`',
  });

const factSchema = z
  .strictObject({
    textContains: oneOrMore.optional().describe('any of these, whatever their case'),
    textContainsAll: z.array(text).min(1).optional(),
    textLacks: oneOrMore.optional().describe('none of these'),
    regex: text.optional().describe("a JavaScript regular expression's source; flags iu"),
    regexLacks: text.optional(),
    maxChars: z.number().int().nonnegative().optional(),
    minChars: z.number().int().nonnegative().optional(),
  })
  .refine((w) => Object.keys(w).length > 0, { message: 'at least one condition' });

const judgeSchema = judgeAccuracy.extend({
  criteria: z
    .array(
      z.strictObject({
        ask: text.describe('a stretch of the question; the longest match wins'),
        yesWhen: factSchema,
        notApplicableWhen: factSchema.optional(),
      }),
    )
    .default([]),
  otherwise: z.enum(['yes', 'no']).default('no').describe('the verdict where no rule matches the question'),
});

/** In the order they are drawn: the first that strikes is the fault. */
export const FAULT_KINDS = [
  'rateLimit',
  'serverError',
  'overloaded',
  'quota',
  'hang',
  'reset',
  'truncated',
  'badJson',
  'slowDrip',
] as const;
/** What can go wrong on the wire. */
export type FaultKind = (typeof FAULT_KINDS)[number];

const faultRates = Object.fromEntries(FAULT_KINDS.map((kind) => [kind, rate.optional()])) as Record<
  FaultKind,
  z.ZodOptional<typeof rate>
>;

/** Rates in [0, 1], per attempt. */
export const faultsSchema = z.strictObject({
  ...faultRates,
  retryAfterSeconds: z.number().nonnegative().default(1).describe('what a 429 asks for'),
  dripMs: z.number().nonnegative().default(500).describe('how long a slow drip takes'),
  failFirst: z
    .number()
    .int()
    .nonnegative()
    .default(0)
    .describe('this many 500s before a distinct request is answered'),
  models: z.array(text).min(1).optional().describe('only requests for these ids'),
  from: date.optional(),
  until: date.optional(),
});

const batchesSchema = z.strictObject({
  errored: rate.default(0).describe('share of the requests of a batch that end with an error of the service'),
  expired: rate.default(0).describe('share that the service does not run before the batch expires'),
  polls: z
    .number()
    .int()
    .nonnegative()
    .default(1)
    .describe('how often a batch is still running when its state is asked for'),
  mostRequests: z
    .number()
    .int()
    .positive()
    .optional()
    .describe('larger batches fail, as where too many tokens are waiting already (OpenAI)'),
});

const sd = z.number().nonnegative().default(0);

const sessionsSchema = z.strictObject({
  hours: z
    .number()
    .positive()
    .default(1)
    .describe('how long a session lasts in simulated time; requests of one session share its shifts'),
  sd: sd.describe(
    'standard deviation of the shift of every case in a session, on the logit scale of the skill',
  ),
  tagSd: sd.describe('the same of a mood that the cases of one (first) tag share in a session'),
  caseSd: sd.describe('the same of each case alone'),
  judgeSd: sd.describe("the same of the judge's sensitivity and specificity; a perfect judge does not move"),
  badHours: z
    .strictObject({
      chance: rate.describe('chance that a session is a bad hour'),
      cases: rate.default(0.2).describe('share of the cases it hits'),
      factor: rate.default(0.5).describe('what is left of their skill'),
    })
    .optional(),
});

/** The scenario file. Keys are checked strictly; cross-references are checked by `parseScenario`. */
export const scenarioSchema = z.strictObject({
  $schema: z.string().optional(),
  name: z
    .string()
    .regex(/^[a-z0-9][a-z0-9._-]*$/i, 'letters, digits, dot, dash and underscore')
    .describe('goes into the x-lastgood-simulator header of every reply'),
  about: text.optional(),
  seed: z.number().int().default(1),
  date: date.default('2026-01-01').describe('the simulated now at the start'),
  versions: z.record(z.string(), versionSchema),
  models: z.array(modelSchema).min(1),
  aliases: z.array(aliasSchema).default([]),
  knowledge: z.array(knowledgeSchema).default([]),
  effects: z.array(effectSchema).default([]),
  judge: judgeSchema.default({ criteria: [], otherwise: 'no' }),
  sessions: sessionsSchema
    .default({ hours: 1, sd: 0, tagSd: 0, caseSd: 0, judgeSd: 0 })
    .describe('good and bad hours: what all models share while a session lasts (default: none)'),
  faults: z.union([faultsSchema, z.array(faultsSchema)]).default([]),
  batches: batchesSchema
    .default({ errored: 0, expired: 0, polls: 1 })
    .describe('the batch APIs of both providers (default: all requests succeed)'),
  filler: z
    .strictObject({
      sentences: z.array(text).min(1).optional().describe('harmless sentences that pad a reply'),
      jsonKey: text.default('reply').describe('the text property of a JSON reply that is padded'),
    })
    .default({ jsonKey: 'reply' }),
  fallbackReply: text.default('There is no scripted answer for this message in the scenario.'),
  requestsPerMinute: z.number().int().positive().default(10_000).describe('told in the rate-limit headers'),
  tokensPerMinute: z.number().int().positive().default(2_000_000),
});

/** As a person writes it: every key with a default may be left out. */
export type ScenarioInput = z.input<typeof scenarioSchema>;
/** Checked, defaults filled in. */
export type Scenario = z.output<typeof scenarioSchema>;
/** One behaviour. */
export type ModelVersion = Scenario['versions'][string];
/** One id of the catalogue, and what happens to it when. */
export type SimulatedModel = Scenario['models'][number];
/** One scripted case. */
export type Knowledge = Scenario['knowledge'][number];
/** What some content of a request changes. */
type Effect = Scenario['effects'][number];
/** Conditions that must all hold. */
export type EffectCondition = Effect['when'];
/** Conditions on a text. */
export type Fact = z.output<typeof factSchema>;
/** How the simulated judge decides. */
export type JudgeRules = Scenario['judge'];
/** How batches go. */
export type BatchRules = Scenario['batches'];
/** When, where and how often faults strike. */
export type FaultRule = z.output<typeof faultsSchema>;
/** A fault rule as a person writes it. */
export type FaultRuleInput = z.input<typeof faultsSchema>;
