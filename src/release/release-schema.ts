// What a release file looks like, layer by layer.

import { z } from 'zod';
import { paramsSchema } from '../core/params-schema.ts';
import { cacheSchema, mediaPartSchema } from '../core/part-schema.ts';
import { LAYER_NAMES } from '../core/release.ts';
import { routeSchema } from './route-schema.ts';

const inFile = z.strictObject({ file: z.string().min(1).describe('relative to this file') });
/** A text here, or in a file of its own. */
const text = z.union([z.string(), inFile]);
const bag = z.record(z.string(), z.unknown());

const textPart = z.strictObject({ text, cache: cacheSchema });
const part = z.union([textPart, mediaPartSchema]);

const message = z.strictObject({
  role: z.enum(['system', 'developer', 'user', 'assistant']),
  content: z
    .union([text, z.array(part).min(1)])
    .describe(
      'a Liquid template: {{ name }} is filled with the variable of the case; or a list of { text }, { image } and { file }',
    ),
});

const example = z.union([
  z.strictObject({ user: z.union([text, z.array(part).min(1)]), assistant: text }),
  message,
]);

const promptSchema = z.strictObject({
  system: z
    .union([text, z.array(textPart).min(1)])
    .optional()
    .describe('system text, or a list of { text, cache }'),
  messages: z.array(message).optional().describe("the conversation's template"),
  examples: z.array(example).optional().describe('few-shot turns between system text and conversation'),
});

const toolsSchema = z.strictObject({
  definitions: z
    .union([inFile, z.array(bag)])
    .optional()
    .describe('tools as {name, description, parameters}; the shapes of OpenAI and Anthropic are read too'),
  choice: z
    .union([z.enum(['auto', 'none', 'required']), bag])
    .optional()
    .describe('auto, none, required, or { name: <tool> }'),
});

const versionLabel = z.union([z.string().min(1), z.number()]);

const outputSchema = z.strictObject({
  schema: z
    .union([inFile, bag])
    .optional()
    .describe('JSON Schema the answer must fit, here or as { file: … }'),
  version: versionLabel.optional(),
  parser: versionLabel.optional().describe('version of the code that reads the answer'),
});

const retrievalSchema = z.strictObject({
  index: z.string().min(1).optional().describe('build id of the index'),
  cutoff: z.string().optional().describe('date of the newest document'),
  embedding: z.string().nullable().optional().describe('embedding model'),
  reranker: z.string().nullable().optional(),
  filters: bag.optional(),
  settings: bag.optional().describe('anything else, e.g. { top-k: 8 }'),
});

const routingSchema = z.strictObject({
  rule: z.string().optional(),
  segment: z.string().optional(),
  percent: z.number().min(0).max(100).optional(),
  fallback: z.array(z.string()).optional(),
});

const automationSchema = z.strictObject({
  mode: z.enum(['auto', 'draft', 'queue', 'review']).optional(),
});

const dependentSchema = z.strictObject({
  name: z.string().min(1),
  'built-from': z.enum(LAYER_NAMES).describe('the layer it was built from'),
  check: z.string().min(1).optional().describe('command that exits 0 when the state fits the layer'),
  env: z
    .array(z.string().min(1))
    .optional()
    .describe('environment variables the check gets, beside PATH, HOME, locale and LASTGOOD_…'),
  rebuild: z.string().min(1).optional().describe('what to run or do to rebuild it'),
});

export const releaseFileSchema = z.strictObject({
  $schema: z.string().optional().describe('for editors'),
  name: z.string().min(1).optional().describe("default: the file's name"),
  route: routeSchema.describe('who answers'),
  prompt: promptSchema.optional(),
  params: paramsSchema.optional(),
  tools: toolsSchema.optional(),
  output: outputSchema.optional(),
  retrieval: retrievalSchema.optional(),
  routing: routingSchema.optional(),
  automation: automationSchema.optional(),
  dependents: z
    .array(dependentSchema)
    .optional()
    .describe('state built from a layer, to be checked or rebuilt when a rollback changes it'),
  notes: z.string().optional().describe('free text, not part of the fingerprint'),
});
export type ReleasePart = z.output<typeof part>;
export type ReleaseFile = z.output<typeof releaseFileSchema>;

/** `params` the file names itself; all others of a params layer came from `provider-options`. */
export const PARAM_NAMES: readonly string[] = Object.keys(paramsSchema.shape).filter(
  (name) => name !== 'provider-options',
);
