// The lines that applications send: observations and outcomes. schema/observation.schema.json and outcome.schema.json are made of these.

import { z } from 'zod';

const name = z.string().min(1).max(200);
const share = z.number().min(0).max(1);
const count = z.number().int().min(0).max(1e12);
const amount = z.number().min(0).max(1e12);
const numbers = (value: z.ZodNumber) =>
  z
    .record(z.string().min(1).max(60), value)
    .refine((map) => Object.keys(map).length <= 20, 'at most 20 names');

/** A time as ISO text with a zone, or as milliseconds since 1970. */
const time = z.union([z.string().min(10).max(40), z.number().min(0).max(8.64e15)]);

/** Token counts as providers name them. */
const usage = z.looseObject({
  input_tokens: count.optional(),
  output_tokens: count.optional(),
  cached_input_tokens: count.optional(),
  cache_write_tokens: count.optional(),
  reasoning_tokens: count.optional(),
});

/** One production answer. */
export const observationSchema = z.object({
  id: z.string().min(1).max(500).describe('unique; a second line with the same id changes nothing'),
  at: time.describe('when the answer was given: ISO time with zone, or milliseconds since 1970'),
  feature: name
    .optional()
    .describe('the feature that answered; may come from the command or the address instead'),
  release: name.optional().describe('fingerprint or name of the release'),
  variant: name.optional().describe('arm of a rollout or experiment'),
  session: name.optional().describe('stored as a keyed hash unless texts are stored'),
  user: name.optional().describe('stored as a keyed hash unless texts are stored'),
  template: name.optional().describe('prompt template or kind of task'),
  segment: name.optional().describe('group of users'),
  region: name.optional(),
  tags: z.array(z.string().max(200)).max(50).optional(),
  messages: z.array(z.json()).optional().describe('the conversation that was answered'),
  input: z.json().optional().describe('what was asked, where there is no conversation'),
  output: z.json().optional().describe('the answer'),
  tool_calls: z.array(z.json()).optional(),
  stop_reason: z.string().max(200).optional(),
  model: name.optional().describe('the model that was asked for'),
  served_model: name.optional().describe('the model that the provider says it used'),
  system_fingerprint: name.optional(),
  usage: usage.optional(),
  cost_usd: amount.optional().describe('US dollars; left out = unknown, never 0'),
  latency_ms: amount.optional(),
  error: z.union([z.string(), z.boolean()]).optional().describe('why there is no answer'),
  schema_valid: z.boolean().optional().describe('did the answer match the output schema'),
  blocked: z.boolean().optional().describe('was the answer held back by a filter'),
  refusal: z.boolean().optional().describe('left out = found out from the answer'),
  length: count.optional().describe('characters of the answer, where the answer itself is not sent'),
  action_mode: name.optional().describe('auto, draft, queue or review'),
});
export type ObservationLine = z.output<typeof observationSchema>;

/** What became of an answer; only the id is required. */
export const outcomeSchema = z.object({
  id: z.string().min(1).max(500).describe('id of the observation, which may come later'),
  at: time.optional().describe('of two values of one fact the later one counts; left out = now'),
  edited: share.optional().describe('share of the answer that the user changed'),
  final_text: z.string().optional().describe('what the user made of it; measured where texts are stored'),
  overridden: z.boolean().optional(),
  dismissed: z.boolean().optional(),
  retried: z.boolean().optional(),
  restarted: z.boolean().optional().describe('the session was started anew'),
  abandoned: z.boolean().optional(),
  manual_path: z.boolean().optional().describe('the user did the task without the feature'),
  review: z.enum(['accepted', 'rejected']).optional(),
  complaint: z.boolean().optional(),
  completed: z.boolean().optional().describe('the task was completed'),
  kpi: numbers(z.number().min(-1e12).max(1e12)).optional().describe('business numbers, which lag'),
  scores: numbers(share).optional().describe('scores of judges from 0 to 1, by judge'),
});
export type OutcomeLine = z.output<typeof outcomeSchema>;
