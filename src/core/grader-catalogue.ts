// What a suite file may say of every grader: its options, its shorthand, what it is about. Apart from the graders' normal form, because what
// only reads the ledger must not load the schemas.

import { z } from 'zod';
import type { GraderType } from './grader-spec.ts';
import type { JsonValue } from './json.ts';
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

/** Options every grader takes beside its own. */
export const COMMON_GRADER_OPTIONS = {
  id: z.string().min(1).optional().describe('name shown in reports; must be unique within a case'),
  weight: z.number().positive().optional().describe('share in the trial score (default 1)'),
  required: z.boolean().optional().describe('must pass for the trial to pass (default true)'),
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
      times: count.optional().describe('exactly this many calls of the tool (default: at least one)'),
    }),
    shorthand: 'name',
    negatable: true,
    about: 'the named tool was called, with at least these arguments',
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
      context: text
        .optional()
        .describe('the variable of the case that holds the sources the answer must rest on'),
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
