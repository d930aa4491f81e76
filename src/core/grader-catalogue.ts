// What a suite file may say of every grader: its options, its shorthand, what it is about. Apart from the graders' normal form, because what
// only reads the ledger must not load the schemas.

import { z } from 'zod';
import type { JsonValue } from '../base/json.ts';
import type { GraderType } from './grader-spec.ts';
import { READY_JUDGE_NAMES } from './ready-judges.ts';

const json: z.ZodType<JsonValue> = z.json() as z.ZodType<JsonValue>;
const pattern = z.string().min(1).describe("a JavaScript regular expression's source");
const flags = z
  .string()
  .regex(/^[dgimsuvy]*$/, 'JavaScript regular expression flags')
  .optional()
  .describe('JavaScript regular expression flags, e.g. "i"');
const ignoreCase = z.boolean().optional().describe('compare without regard to case');
const trim = z.boolean().optional().describe('ignore white space at both ends (default true)');
const text = z.string().min(1);
const count = z.number().int().nonnegative();
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "an environment variable's name");
const envText = z.union([
  text,
  z.strictObject({
    env: variable.describe('environment variable that holds it at run time'),
    prefix: z.string().optional().describe('text in front of it, e.g. "Bearer "'),
  }),
]);
const graderVersion = z
  .union([text, z.number()])
  .optional()
  .describe('part of the exam: raise it when the program behind the grader changes');
const graderTimeout = z
  .number()
  .int()
  .positive()
  .max(2 ** 31 - 1)
  .optional();

/** Options every grader takes beside its own. */
export const COMMON_GRADER_OPTIONS = {
  id: z.string().min(1).optional().describe('name shown in reports; must be unique within a case'),
  weight: z.number().positive().optional().describe('share in the trial score (default 1)'),
  required: z.boolean().optional().describe('must pass for the trial to pass (default true)'),
  turn: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe(
      "look at this turn of the case's conversation alone, from 1 (default: the last answer, and all calls)",
    ),
} as const;

interface GraderDefinition {
  readonly options: z.ZodObject;
  /** The option a bare value stands for, e.g. `contains: refund` = `contains: { value: refund }`; null where there is no shorthand. */
  readonly shorthand: string | null;
  /** True where the `not-` form makes sense. */
  readonly negatable: boolean;
  /** One line for docs and editors. */
  readonly about: string;
}

/** The graders by name. `value` left out means: the case's `expected`. */
export const GRADERS = {
  equals: {
    options: z.strictObject({ value: json.optional(), 'ignore-case': ignoreCase, trim }),
    shorthand: 'value',
    negatable: true,
    about: 'the output is exactly this text (or, for a non-text value, parses to this JSON)',
  },
  'one-of': {
    options: z.strictObject({ values: z.array(z.string()).min(1), 'ignore-case': ignoreCase, trim }),
    shorthand: 'values',
    negatable: true,
    about: 'the output is exactly one of these texts',
  },
  contains: {
    options: z.strictObject({ value: text.optional(), 'ignore-case': ignoreCase }),
    shorthand: 'value',
    negatable: true,
    about: 'the output contains this text',
  },
  icontains: {
    options: z.strictObject({ value: text.optional() }),
    shorthand: 'value',
    negatable: true,
    about: 'the output contains this text, whatever its case',
  },
  'contains-all': {
    options: z.strictObject({ values: z.array(text).min(1), 'ignore-case': ignoreCase }),
    shorthand: 'values',
    negatable: true,
    about: 'the output contains every one of these texts; the score is the share found',
  },
  'contains-any': {
    options: z.strictObject({ values: z.array(text).min(1), 'ignore-case': ignoreCase }),
    shorthand: 'values',
    negatable: true,
    about: 'the output contains at least one of these texts',
  },
  'starts-with': {
    options: z.strictObject({ value: text.optional(), 'ignore-case': ignoreCase }),
    shorthand: 'value',
    negatable: true,
    about: 'the output starts with this text',
  },
  matches: {
    options: z.strictObject({ pattern, flags, 'ignore-case': ignoreCase }),
    shorthand: 'pattern',
    negatable: true,
    about: 'the regular expression matches somewhere in the output',
  },
  extract: {
    options: z.strictObject({
      pattern,
      flags,
      pick: z.enum(['first', 'last']).optional().describe('which match to take (default first)'),
      value: json.optional(),
      'ignore-case': ignoreCase,
    }),
    shorthand: 'pattern',
    negatable: true,
    about:
      'capture group 1 (or the whole match) of the first or last match equals `value` or the expected answer',
  },
  number: {
    options: z.strictObject({
      value: z.number().optional(),
      tolerance: z.number().nonnegative().optional().describe('absolute (default 0)'),
      'relative-tolerance': z
        .number()
        .nonnegative()
        .optional()
        .describe('as a share of the wanted number (default 0)'),
      pick: z
        .enum(['only', 'first', 'last'])
        .optional()
        .describe('which number in the output counts (default last)'),
    }),
    shorthand: 'value',
    negatable: true,
    about: 'a number in the output is within the tolerance of the wanted one',
  },
  json: {
    options: z.strictObject({ 'allow-fence': z.boolean().optional(), 'unique-keys': z.boolean().optional() }),
    shorthand: null,
    negatable: true,
    about: 'the output is one JSON value',
  },
  'json-schema': {
    options: z.strictObject({
      schema: z
        .union([z.string(), z.record(z.string(), json)])
        .describe('a JSON Schema, or the path of a file that holds one'),
      'allow-fence': z
        .boolean()
        .optional()
        .describe('accept a Markdown code fence around the JSON (default false)'),
    }),
    shorthand: 'schema',
    negatable: true,
    about: 'the output is JSON that fits the schema',
  },
  'max-length': {
    options: z.strictObject({ value: count }),
    shorthand: 'value',
    negatable: false,
    about: 'at most this many characters (Unicode code points)',
  },
  'min-length': {
    options: z.strictObject({ value: count }),
    shorthand: 'value',
    negatable: false,
    about: 'at least this many characters (Unicode code points)',
  },
  'max-words': {
    options: z.strictObject({ value: count }),
    shorthand: 'value',
    negatable: false,
    about: 'at most this many words',
  },
  'no-code-fence': {
    options: z.strictObject({ value: z.literal(true).optional() }),
    shorthand: 'value',
    negatable: false,
    about: 'no Markdown code fence anywhere',
  },
  refusal: {
    options: z.strictObject({ value: z.boolean() }),
    shorthand: 'value',
    negatable: false,
    about: 'the answer is (true) or is not (false) a refusal',
  },
  'tool-called': {
    options: z.strictObject({
      name: text,
      args: z.record(z.string(), json).optional().describe('arguments that must be among those of the call'),
      times: z
        .union([count, z.strictObject({ min: count.optional(), max: count.optional() })])
        .optional()
        .describe('exactly this many calls of the tool, or { min, max } (default: at least one)'),
    }),
    shorthand: 'name',
    negatable: true,
    about: 'the named tool was called, with at least these arguments',
  },
  'tool-not-called': {
    options: z.strictObject({
      name: text,
      args: z.record(z.string(), json).optional().describe('only calls with these arguments count'),
    }),
    shorthand: 'name',
    negatable: false,
    about: 'the named tool was not called (with these arguments)',
  },
  trajectory: {
    options: z.strictObject({
      calls: z
        .array(z.union([text, z.strictObject({ name: text, args: z.record(z.string(), json).optional() })]))
        .describe('the calls to compare with: a tool, or { name, args }'),
      match: z
        .enum(['strict', 'unordered', 'subset', 'superset', 'in-order'])
        .optional()
        .describe(
          'strict (default): these calls in this order and no other; unordered: in any order; subset: no other calls; superset: all of these, others too; in-order: all of these in this order, others too',
        ),
      args: z
        .enum(['exact', 'superset', 'subset', 'ignore'])
        .optional()
        .describe(
          "what the call's arguments must be: superset (default): at least these; exact: these; subset: no others; ignore: any",
        ),
    }),
    shorthand: 'calls',
    negatable: true,
    about: 'the calls of the conversation, in order, fit the given ones; the score is the share that fits',
  },
  'max-steps': {
    options: z.strictObject({ value: z.number().int().positive() }),
    shorthand: 'value',
    negatable: false,
    about: 'the release came to its end in at most this many replies',
  },
  similar: {
    options: z.strictObject({
      value: text.optional(),
      threshold: z.number().min(-1).max(1).optional().describe('cosine (default 0.8)'),
    }),
    shorthand: 'value',
    negatable: false,
    about: "the embedding of the output is close to that of the reference (needs the suite's `embedder`)",
  },
  latency: {
    options: z.strictObject({ 'max-ms': z.number().positive() }),
    shorthand: 'max-ms',
    negatable: false,
    about: 'the answer came within this many milliseconds',
  },
  cost: {
    options: z.strictObject({ 'max-usd': z.number().positive() }),
    shorthand: 'max-usd',
    negatable: false,
    about: 'the trial cost at most this many US dollars (ungraded when the price is unknown)',
  },
  javascript: {
    options: z.strictObject({
      file: text.describe('a .js, .mjs or .ts module'),
      export: text.optional().describe('name of the exported function (default `default`)'),
      config: json.optional().describe('handed to the function as it is'),
      'timeout-ms': z.number().int().positive().optional().describe('default 10000'),
    }),
    shorthand: 'file',
    negatable: false,
    about: 'your own function decides',
  },
  command: {
    options: z.strictObject({
      run: z
        .union([text, z.array(z.string()).min(1)])
        .describe('the program and its arguments; no shell takes part'),
      cwd: text.optional().describe('where it runs (default: the folder of the file this stands in)'),
      env: z.array(variable).optional().describe('environment variables handed to it'),
      config: json.optional().describe('handed to the program as it is'),
      version: graderVersion,
      'timeout-ms': graderTimeout.describe('default 30000'),
    }),
    shorthand: 'run',
    negatable: false,
    about: 'your own program decides: JSON on its standard input, JSON on its standard output',
  },
  http: {
    options: z.strictObject({
      url: envText,
      headers: z.record(z.string(), envText).optional().describe('secrets as { env: NAME }'),
      config: json.optional().describe('handed to the service as it is'),
      version: graderVersion,
      'timeout-ms': graderTimeout.describe('for one attempt, default 30000'),
    }),
    shorthand: 'url',
    negatable: false,
    about: 'your own service decides: JSON posted to it, JSON back',
  },
  rubric: {
    options: z.strictObject({
      criteria: z.array(z.unknown()).min(1),
      threshold: z
        .number()
        .min(0)
        .max(1)
        .optional()
        .describe('least weighted share of met criteria to pass (default 1)'),
    }),
    shorthand: 'criteria',
    negatable: false,
    about: 'yes/no criteria, each checked by a grader (`check`) or asked of the judge (`ask`)',
  },
  judge: {
    options: z.strictObject({
      use: z.enum(READY_JUDGE_NAMES).optional().describe('a ready-made question'),
      file: text.optional().describe('a question of your own: a YAML or JSON file'),
      context: z
        .union([text, z.strictObject({ from: z.literal('answer') })])
        .optional()
        .describe(
          'the variable of the case that holds the sources the answer must rest on, or { from: answer }: the sources that the application answered with',
        ),
      threshold: z.number().gt(0).max(1).optional().describe('least score to pass'),
    }),
    shorthand: 'use',
    negatable: false,
    about: 'one question to the judge whose answer is one of a few choices, each worth a score',
  },
} as const satisfies Record<string, GraderDefinition>;

export const GRADER_TYPES = Object.keys(GRADERS) as GraderType[];

/** One yes/no criterion of a rubric. */
export const criterionShape = {
  id: z.string().min(1),
  ask: z.string().min(1).optional().describe('a yes/no question about the output; yes is good'),
  check: z
    .record(z.string(), z.unknown())
    .optional()
    .describe('a deterministic grader, e.g. { max-length: 900 }'),
  weight: z.number().positive().optional(),
  must: z.boolean().optional().describe('when not met, the rubric fails whatever the rest says'),
} as const;
