// What the route of a release file looks like, per provider.

import { z } from 'zod';

const variable = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "an environment variable's name, e.g. OPENAI_API_KEY");

/** A text, or the environment variable that holds it at run time. */
const envText = z.union([
  z.string().min(1),
  z.strictObject({
    env: variable.describe('environment variable that holds it at run time'),
    prefix: z.string().optional().describe('text in front of it, e.g. "Bearer "'),
  }),
]);

const model = z.string().min(1);
const named = model.optional().describe('name of the model behind it, for prices and reports');
const version = z
  .union([z.string().min(1), z.number()])
  .optional()
  .describe('build or version of your application; part of the fingerprint');
const region = z.string().min(1).optional();
const baseUrl = envText.optional().describe('another server that speaks the same API');
const keyVariable = variable
  .optional()
  .describe('environment variable that holds the API key; not part of the fingerprint');
const path = z.string().min(1).describe('dotted path in the JSON answer, e.g. reply.text');

const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** The fields of a recording. `id` is understood as `case_id`. */
const RECORDING_FIELDS = [
  'case_id',
  'output',
  'trial',
  'run',
  'latency_ms',
  'model',
  'usage',
  'cost_usd',
  'stop_reason',
  'error',
  'tool_calls',
] as const;

const recordingMap = z.strictObject({
  id: z.string().min(1).optional(),
  ...(Object.fromEntries(RECORDING_FIELDS.map((f) => [f, z.string().min(1).optional()])) as Record<
    (typeof RECORDING_FIELDS)[number],
    z.ZodOptional<z.ZodString>
  >),
});

export const routeSchema = z.discriminatedUnion('provider', [
  z.strictObject({
    provider: z.literal('openai').describe('OpenAI, or any server that speaks its API'),
    api: z.enum(['responses', 'chat']).optional().describe('default responses'),
    model,
    'model-version': z.string().min(1).optional().describe("the version behind an Azure deployment's name"),
    'base-url': baseUrl,
    'api-key-env': keyVariable,
    organization: z.string().min(1).optional(),
    region,
  }),
  z.strictObject({
    provider: z.literal('anthropic').describe('Anthropic Messages'),
    model,
    'base-url': baseUrl,
    'api-version': z
      .string()
      .regex(/^\d{4}-\d{2}-\d{2}$/, 'a date such as 2023-06-01')
      .optional()
      .describe('anthropic-version header'),
    'api-key-env': keyVariable,
    region,
  }),
  z.strictObject({
    provider: z.literal('http').describe('your own application'),
    url: envText,
    method: z
      .string()
      .regex(/^[A-Za-z]+$/, 'an HTTP method')
      .optional()
      .describe('default POST'),
    headers: z.record(z.string(), envText).optional().describe('secrets as { env: NAME }'),
    body: z.unknown().optional().describe('JSON whose texts are Liquid templates'),
    output: path
      .optional()
      .describe('dotted path of the output in the JSON answer (default: the whole text)'),
    'tool-calls': path.optional(),
    'served-model': path.optional(),
    usage: z
      .strictObject({
        'input-tokens': path.optional(),
        'output-tokens': path.optional(),
        'cached-input-tokens': path.optional(),
        'cache-write-tokens': path.optional(),
        'reasoning-tokens': path.optional(),
        'cost-usd': path.optional(),
      })
      .optional()
      .describe('dotted paths of the token counts'),
    model: named,
    version,
  }),
  z.strictObject({
    provider: z.literal('command').describe('a child process: JSON on its standard input, JSON or text back'),
    command: z.union([z.string().min(1), z.array(z.string()).min(1)]),
    cwd: z.string().min(1).optional().describe("where it runs (default: the release file's folder)"),
    env: z.array(variable).optional().describe('environment variables handed to it'),
    'timeout-ms': z.number().int().positive().optional(),
    model: named,
    version,
  }),
  z.strictObject({
    provider: z.literal('replay').describe('recorded outputs, by case id'),
    file: z.string().min(1).describe('JSON lines: {case_id, output, …}'),
    map: recordingMap
      .optional()
      .describe('field of a recording to its dotted path in a line of another shape'),
    where: z
      .record(z.string(), z.union([scalar, z.array(scalar).min(1)]))
      .optional()
      .describe('only lines with this value, or one of these, at this dotted path'),
    recordings: z
      .string()
      .regex(/^[0-9a-f]{64}$/, '64 hex digits')
      .optional()
      .describe('SHA-256 the file must have'),
    model: named,
  }),
]);
export type RouteFile = z.output<typeof routeSchema>;
