// What a case looks like in a file, before its graders are read.

import { z } from 'zod';
import { paramsSchema } from '../core/params-schema.ts';
import { partSchema } from '../core/part-schema.ts';

const bag = z.record(z.string(), z.unknown());

/** A label: some text, no control characters, no white space at its ends. */
const label = z
  .string()
  .regex(/^(?!\s)[^\p{Cc}]+(?<!\s)$/u, 'some text on one line, without white space at its ends');

const calledAs = { id: z.string().optional(), index: z.number().optional() } as const;

const toolCall = z.union([
  z.strictObject({ id: z.string().optional(), name: z.string().min(1), args: z.unknown() }),
  z.strictObject({
    ...calledAs,
    type: z.literal('function').optional(),
    function: z.strictObject({ name: z.string().min(1), arguments: z.unknown() }),
  }),
  z.strictObject({
    ...calledAs,
    type: z.literal('custom'),
    custom: z.strictObject({ name: z.string().min(1), input: z.string() }),
  }),
]);

const textPart = z.object({ type: z.enum(['text', 'input_text', 'output_text']), text: z.string() });
const refusalPart = z.object({ type: z.literal('refusal'), refusal: z.string() });

const fileData = { filename: z.string().optional(), file_data: z.string().optional() } as const;

/** Images and files as OpenAI's APIs write them. */
const apiPart = z.union([
  z.object({
    type: z.literal('image_url'),
    image_url: z.object({ url: z.string().min(1), detail: z.string().min(1).optional() }),
  }),
  z.object({
    type: z.literal('input_image'),
    image_url: z.string().min(1),
    detail: z.string().min(1).optional(),
  }),
  z.object({ type: z.literal('file'), file: z.object(fileData) }),
  z.object({ type: z.literal('input_file'), ...fileData, file_url: z.string().min(1).optional() }),
]);

const messagePart = z.union([textPart, refusalPart, partSchema, apiPart]);
export type MessagePart = z.output<typeof messagePart>;

const messageShape = {
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z
    .union([z.string(), z.null(), z.array(messagePart)])
    .optional()
    .describe('a text, or a list of { text }, { image } and { file }'),
  name: z.string().optional(),
  'tool-calls': z.array(toolCall).optional(),
  tool_calls: z.array(toolCall).nullable().optional(),
  'tool-call-id': z.string().optional(),
  tool_call_id: z.string().optional(),
  refusal: z.string().nullable().optional(),
  // What else a reply of an API carries beside its text; nothing of it is sent.
  id: z.string().optional(),
  type: z.literal('message').optional(),
  status: z.string().nullable().optional(),
  annotations: z.array(z.unknown()).nullable().optional(),
  audio: z.null().optional(),
  function_call: z.null().optional(),
  reasoning: z.string().nullable().optional(),
  reasoning_content: z.string().nullable().optional(),
} as const;

/** A turn of a conversation; the spelling of OpenAI's data files is understood too. */
const messageSchema = z.strictObject(messageShape);

const sourceSchema = z.strictObject({
  kind: z.string().min(1).describe('where the case came from, e.g. incident, production, written'),
  ref: z.string().optional().describe('ticket, trace or document it goes back to'),
  at: z
    .string()
    .regex(/^\d{4}-\d{2}-\d{2}([T ][0-9:.]+(Z|[+-]\d{2}:?\d{2})?)?$/, 'an ISO date such as 2026-03-15')
    .optional()
    .describe('ISO date'),
});

const caseShape = {
  id: label.describe('unique within the suite and stable over its life'),
  tags: z.array(label).optional().describe('categories; slices of every report'),
  group: label.nullable().optional().describe('cases that are not independent share a group'),
  critical: z.boolean().optional().describe('a regression here fails the gate on its own'),
  vars: bag.optional().describe("fill the release's prompt template"),
  expected: z.unknown().optional().describe('the reference that graders without a `value` compare with'),
  grade: z.array(z.unknown()).optional().describe("graders, beside the suite's default ones"),
  draft: z
    .boolean()
    .optional()
    .describe('true: no grader yet; the case is run and shown, and never decides anything'),
  trials: z.number().int().min(1).optional().describe("independent calls (default: the suite's)"),
  'min-pass-rate': z
    .number()
    .min(0)
    .max(1)
    .optional()
    .describe('least share of trials that must pass for the gate'),
  source: sourceSchema.optional().describe('where the case came from'),
  meta: bag.optional().describe('anything else; shown, never sent'),
} as const;

const messagesHelp =
  "a whole conversation, instead of the release's message templates; {{ name }} is filled with the case's variable";

const userText = z
  .string()
  .min(1)
  .describe("the user's message; {{ name }} is filled with the case's variable");
const userContent = z.union([userText, z.array(partSchema).min(1)]);
const turnGrade = z.array(z.unknown()).optional().describe('graders of this turn alone');

/** One turn of a conversation: what the user says, and how the reply is graded. */
const turnSchema = z.union([
  userText,
  z.strictObject({ user: userContent, grade: turnGrade }),
  z.strictObject({ role: z.literal('user').optional(), content: userContent, grade: turnGrade }),
  z.strictObject({
    simulate: z
      .union([z.string().min(1), bag])
      .describe('a release that plays the user: its file, or { route, prompt, params }'),
    'max-turns': z.number().int().min(1).max(100).optional().describe('most messages of it (default 5)'),
    grade: turnGrade,
  }),
]);
export type TurnFields = z.output<typeof turnSchema>;

const resultHelp = 'what the tool gives back: text, or JSON that is sent as text';
const cannedAnswer = z.union([
  z.strictObject({ result: z.unknown() }),
  z.strictObject({ error: z.string().min(1) }),
]);

/** A canned result of a tool. Exactly one of `result`, `error` and `sequence` is checked when it is read. */
export const cannedToolSchema = z.strictObject({
  name: z.string().min(1).describe('the tool'),
  when: bag.optional().describe('arguments that must be among those of the call (default: any call)'),
  result: z.unknown().optional().describe(resultHelp),
  error: z.string().min(1).optional().describe('the tool fails with this message'),
  sequence: z
    .array(z.union([cannedAnswer, z.unknown()]))
    .min(1)
    .optional()
    .describe('one answer a call, in order: { result }, { error } or the result itself'),
});
export type CannedToolFields = z.output<typeof cannedToolSchema>;

/** A case as it stands in a file. */
export const caseSchema = z.strictObject({
  ...caseShape,
  messages: z.array(messageSchema).min(1).optional().describe(messagesHelp),
  turns: z
    .array(turnSchema)
    .min(1)
    .optional()
    .describe("the user's turns, instead of messages; each reply becomes history for the next turn"),
  params: paramsSchema
    .optional()
    .describe("take the place of the release's params of the same name, in this case alone"),
  tools: z
    .array(cannedToolSchema)
    .optional()
    .describe('canned results of the tools that the release calls; a call without one fails the case'),
  'max-steps': z
    .number()
    .int()
    .min(1)
    .max(1000)
    .optional()
    .describe('most replies of the release to one turn (default 10)'),
});

/** A case put together by `map`: what its rows hold beside the mapped fields is none of our business. */
export const mappedCaseSchema = z.strictObject({
  ...caseShape,
  messages: z.array(z.object(messageShape)).min(1).optional().describe(messagesHelp),
});

export type CaseFields = z.output<typeof caseSchema>;
export type MessageFields = z.output<typeof messageSchema>;

/** The fields of a case that a column or a `map` may fill. A column of another name is a variable. */
export const CASE_KEYS = Object.keys(mappedCaseSchema.shape);
