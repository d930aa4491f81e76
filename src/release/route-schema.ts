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
/** What the connection itself says, or another key of the route. */
const OWN_HEADERS = /^(host|connection|content-.*|transfer-encoding|expect|upgrade|anthropic-version)$/i;
const headers = z
  .record(
    z
      .string()
      .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, 'the name of a header, e.g. anthropic-beta')
      .refine((name) => !OWN_HEADERS.test(name), 'a header that the call sets itself'),
    envText,
  )
  .optional()
  .describe('sent with every call, e.g. { anthropic-beta: … }; secrets as { env: NAME }');
const tokenVariable = variable
  .optional()
  .describe('environment variable that holds an access token, instead of a key; not part of the fingerprint');
const modelVersion = z.string().min(1).optional();
const messagesVersion = z
  .string()
  .regex(/^([a-z]+-)?\d{4}-\d{2}-\d{2}$/, 'a date such as 2023-06-01')
  .optional()
  .describe('version of the Messages API');
/** Another address of a service that has one. */
const address = envText.optional().describe('address of the server, where it is not the usual one');
/** An address that only the user knows. */
const ownAddress = envText.describe('address of the server; { env: NAME } takes it from the environment');
const anyWire = z.enum(['chat', 'responses', 'messages']).optional().describe('default chat');
/** What names of services share. */
const service = { model, 'base-url': address, 'api-key-env': keyVariable, headers };

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
  'context',
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
    headers,
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
    headers,
    region,
  }),
  z.strictObject({
    provider: z.literal('azure').describe('Azure OpenAI'),
    api: z.enum(['chat', 'responses']).optional().describe('default chat'),
    ...service,
    model: model.describe('name of the deployment'),
    'model-version': modelVersion.describe('version that the deployment serves; not sent'),
    'base-url': ownAddress.describe('address of the resource, e.g. https://NAME.openai.azure.com'),
    'api-version': z
      .string()
      .regex(/^(v1|preview|\d{4}-\d{2}-\d{2}(-preview)?)$/, 'v1, preview, or a date such as 2024-10-21')
      .optional()
      .describe('default v1; a date calls the addresses of deployments'),
    'token-env': tokenVariable,
    region,
  }),
  z.strictObject({
    provider: z.literal('openrouter').describe('OpenRouter'),
    api: anyWire,
    ...service,
    'api-version': messagesVersion,
  }),
  z.strictObject({
    provider: z.literal('gemini').describe("Gemini's OpenAI-compatible endpoint"),
    ...service,
  }),
  z.strictObject({
    provider: z.literal('ollama').describe('Ollama'),
    api: anyWire,
    ...service,
    'model-version': modelVersion.describe('digest behind the tag; not sent'),
    'api-version': messagesVersion,
  }),
  z.strictObject({
    provider: z.literal('vllm').describe('vLLM'),
    api: anyWire,
    ...service,
    'model-version': modelVersion.describe('revision that the server was started with; not sent'),
    'api-version': messagesVersion,
  }),
  z.strictObject({
    provider: z.literal('litellm').describe('LiteLLM proxy'),
    api: anyWire,
    ...service,
    'model-version': modelVersion.describe('model behind the name in the proxy; not sent'),
    'base-url': ownAddress,
    'api-version': messagesVersion,
  }),
  z.strictObject({
    provider: z.literal('bedrock').describe('Claude on Amazon Bedrock'),
    ...service,
    'model-version': modelVersion.describe('model behind an inference profile; not sent'),
    'api-version': messagesVersion,
    region: z.string().min(1).describe('AWS region, e.g. us-east-1'),
  }),
  z.strictObject({
    provider: z.literal('vertex').describe('Claude on Vertex AI'),
    model,
    'base-url': address,
    'api-version': messagesVersion,
    'token-env': tokenVariable,
    headers,
    region: z.string().min(1).describe('region, e.g. us-east5 or global'),
    project: envText.optional().describe('project (default: that of the credentials)'),
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
    trajectory: path
      .optional()
      .describe('dotted path of the messages of its tool loop: calls, results and the answer'),
    error: path
      .optional()
      .describe(
        'dotted path at which the answer reports an error (default: error); one that is not empty fails',
      ),
    context: path
      .optional()
      .describe(
        'dotted path of the sources that the answer rests on, for judges (context: { from: answer })',
      ),
    'served-model': path.optional(),
    'stop-reason': path.optional().describe('where the reply says why the answer ended'),
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
    scripts: z
      .record(z.string(), z.string().regex(/^[0-9a-f]{64}$/, '64 hex digits'))
      .optional()
      .describe('SHA-256 that each script of the command must have; found out when left out'),
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
