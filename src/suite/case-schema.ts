// What a case looks like in a file, before its graders are read.

import { z } from 'zod';

const bag = z.record(z.string(), z.unknown());

/** A label: some text, no control characters, no white space at its ends. */
const label = z
  .string()
  .regex(/^(?!\s)[^\p{Cc}]+(?<!\s)$/u, 'some text on one line, without white space at its ends');

const toolCall = z.union([
  z.strictObject({ id: z.string().optional(), name: z.string().min(1), args: z.unknown() }),
  z.strictObject({
    id: z.string().optional(),
    type: z.literal('function').optional(),
    function: z.strictObject({ name: z.string().min(1), arguments: z.unknown() }),
  }),
]);

const textPart = z.object({ type: z.enum(['text', 'input_text', 'output_text']), text: z.string() });

const messageShape = {
  role: z.enum(['system', 'developer', 'user', 'assistant', 'tool']),
  content: z.union([z.string(), z.null(), z.array(textPart)]).optional(),
  name: z.string().optional(),
  'tool-calls': z.array(toolCall).optional(),
  tool_calls: z.array(toolCall).nullable().optional(),
  'tool-call-id': z.string().optional(),
  tool_call_id: z.string().optional(),
} as const;

/** A turn of a conversation; the spelling of OpenAI's data files is understood too. */
export const messageSchema = z.strictObject(messageShape);

export const sourceSchema = z.strictObject({
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

const messagesHelp = "a whole conversation, instead of the release's message templates";

/** A case as it stands in a file. */
export const caseSchema = z.strictObject({
  ...caseShape,
  messages: z.array(messageSchema).min(1).optional().describe(messagesHelp),
});

/** A case put together by `map`: what its rows hold beside the mapped fields is none of our business. */
export const mappedCaseSchema = z.strictObject({
  ...caseShape,
  messages: z.array(z.object(messageShape)).min(1).optional().describe(messagesHelp),
});

export type CaseFields = z.output<typeof caseSchema>;
export type MessageFields = z.output<typeof messageSchema>;

/** The fields of a case that a column or a `map` may fill. */
export const CASE_KEYS = Object.keys(caseSchema.shape);
