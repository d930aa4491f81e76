// Checks a document against a zod schema and says every problem in one sentence: where, what was found, what was expected.

import type { z } from 'zod';
import {
  type DocumentPath,
  describeValue,
  type ErrorFamily,
  quote,
  type TextDocument,
  whereIn,
} from './document.ts';
import { didYouMean, LastgoodError } from './errors.ts';

type Issue = z.core.$ZodIssue;

/** A value inside a document, and who is asking. */
export interface Spot {
  readonly document: TextDocument;
  /** Of the value that is checked; top of the document when left out. */
  readonly path?: DocumentPath;
  readonly family: ErrorFamily;
  readonly caseId?: string | undefined;
  /** What to try when a key is unknown and no known one is near. */
  readonly unknownKeyHint?: string | undefined;
}

export type Checked<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly errors: readonly LastgoodError[] };

/** The value as the schema's output, or all its problems as errors with places. */
export function checkShape<S extends z.ZodType>(schema: S, value: unknown, spot: Spot): Checked<z.output<S>> {
  const result = schema.safeParse(value);
  if (result.success) return { ok: true, value: result.data };
  return { ok: false, errors: issueErrors(result.error.issues, schema, value, spot) };
}

/** One error per problem (per key, where keys are unknown), in the order they stand in. */
function issueErrors(
  issues: readonly Issue[],
  schema: z.ZodType,
  value: unknown,
  spot: Spot,
): LastgoodError[] {
  return issues.flatMap((issue) => {
    const plain = settle(issue);
    return plain.code === 'unrecognized_keys'
      ? plain.keys.map((key) => unknownKeyError(key, plain.path, schema, value, spot))
      : [valueError(plain, value, spot)];
  });
}

/** An error for an unknown key, with the nearest known one. */
function unknownKeyError(
  key: string,
  parent: readonly PropertyKey[],
  schema: z.ZodType,
  value: unknown,
  spot: Spot,
): LastgoodError {
  const known = knownKeys(schema, parent, value).filter((k) => k !== '$schema');
  const near = didYouMean(key, known);
  return new LastgoodError({
    code: `${spot.family}_UNKNOWN_KEY`,
    message: `unknown key ${quote(key)}${known.length === 0 ? '' : `, expected ${listOf(known)}`}`,
    where: whereIn(spot.document, fullPath(spot, [...parent, key]), 'key', spot.caseId),
    hint: near === undefined ? spot.unknownKeyHint : `did you mean ${quote(near)}?`,
  });
}

/** `"a", "b" or "c"` */
export function listOf(words: readonly string[], quoted = false): string {
  const shown = quoted ? words.map((w) => quote(w)) : words;
  return shown.length < 2 ? (shown[0] ?? '') : `${shown.slice(0, -1).join(', ')} or ${shown.at(-1)}`;
}

function valueError(issue: Issue, root: unknown, spot: Spot): LastgoodError {
  const path = fullPath(spot, issue.path);
  const found = valueAt(root, issue.path);
  const missing = found === undefined && issue.path.length > 0;
  const expected = expectation(issue, found);
  const near =
    typeof found === 'string' && 'values' in issue ? didYouMean(found, issue.values.map(String)) : undefined;
  const nearOption =
    typeof found === 'string' && issue.code === 'invalid_union' && 'options' in issue
      ? didYouMean(found, (issue.options ?? []).map(String))
      : undefined;
  const suggestion = near ?? nearOption;
  return new LastgoodError({
    code: missing ? `${spot.family}_MISSING_KEY` : `${spot.family}_BAD_VALUE`,
    message: missing
      ? `the key ${quote(String(issue.path.at(-1)))} is missing, expected ${expected}`
      : `expected ${expected}, found ${describeValue(found)}`,
    where: whereIn(spot.document, path, 'value', spot.caseId),
    hint:
      suggestion !== undefined
        ? `did you mean ${quote(suggestion)}?`
        : typeof found === 'number' && expected === 'text'
          ? `put it in quotes: "${found}"`
          : undefined,
  });
}

/** A union that failed is reported by the branch the writer most likely meant; deeper problems say more than "wrong type". */
function settle(issue: Issue): Issue {
  if (issue.code !== 'invalid_union' || issue.errors.length === 0) return issue;
  const meant = issue.errors
    .filter((branch) =>
      branch.some((i) => i.path.length > 0 || (i.code !== 'invalid_type' && i.code !== 'invalid_value')),
    )
    .sort((a, b) => a.length - b.length)[0];
  const first = meant?.find((i) => i.code === 'unrecognized_keys') ?? meant?.[0];
  return first === undefined ? issue : settle({ ...first, path: [...issue.path, ...first.path] });
}

const TYPE_WORDS: Record<string, string> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list',
  object: 'a map (key: value)',
  record: 'a map (key: value)',
  null: 'null',
  never: 'nothing',
};

function expectation(issue: Issue, found: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPE_WORDS[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.length === 1
        ? literal(issue.values[0])
        : `one of ${listOf(issue.values.map(literal))}`;
    case 'invalid_union': {
      if ('options' in issue && issue.options) return `one of ${listOf(issue.options.map(literal))}`;
      const parts = issue.errors.flatMap((branch) => branch.slice(0, 1)).map((i) => expectation(i, found));
      return listOf([...new Set(parts)]) || 'another value';
    }
    case 'too_small':
      return `${sizeNoun(issue.origin)} ${issue.inclusive === false ? 'greater than' : 'of at least'} ${issue.minimum}${sizeUnit(issue.origin, issue.minimum)}`;
    case 'too_big':
      return `${sizeNoun(issue.origin)} ${issue.inclusive === false ? 'less than' : 'of at most'} ${issue.maximum}${sizeUnit(issue.origin, issue.maximum)}`;
    case 'invalid_format':
      return issue.message.startsWith('Invalid')
        ? `text of the form ${issue.pattern ?? issue.format}`
        : issue.message;
    case 'custom':
      return issue.message;
    default:
      return issue.message;
  }
}

function literal(value: unknown): string {
  return typeof value === 'string' ? quote(value) : String(value);
}

function sizeNoun(origin: string): string {
  return origin === 'string'
    ? 'a text'
    : origin === 'array'
      ? 'a list'
      : origin === 'int'
        ? 'a whole number'
        : 'a number';
}

function sizeUnit(origin: string, size: number | bigint): string {
  if (origin === 'string') return Number(size) === 1 ? ' character' : ' characters';
  if (origin === 'array') return Number(size) === 1 ? ' entry' : ' entries';
  return '';
}

function fullPath(spot: Spot, path: readonly PropertyKey[]): (string | number)[] {
  return [...(spot.path ?? []), ...path.map((step) => (typeof step === 'number' ? step : String(step)))];
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  let value: unknown = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}

/** Every key the schema knows in the map at `path`; where a discriminator tells, only those of the branch it names. */
function knownKeys(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  let schemas = branches(schema, value);
  let current = value;
  for (const step of path) {
    current = valueAt(current, [step]);
    schemas = schemas.flatMap((s) => {
      const inner = innerSchema(s, step);
      return inner === undefined ? [] : branches(inner, current);
    });
  }
  return [
    ...new Set(
      schemas.flatMap((s) => (s.def.type === 'object' ? Object.keys((s as z.ZodObject).shape) : [])),
    ),
  ];
}

function innerSchema(schema: z.ZodType, step: PropertyKey): z.ZodType | undefined {
  switch (schema.def.type) {
    case 'object':
      return (schema as z.ZodObject).shape[step as string] as z.ZodType | undefined;
    case 'array':
      return (schema as z.ZodArray).element as unknown as z.ZodType;
    case 'record':
      return (schema as z.ZodRecord).valueType as unknown as z.ZodType;
    default:
      return undefined;
  }
}

function branches(schema: z.ZodType, value: unknown): z.ZodType[] {
  switch (schema.def.type) {
    case 'optional':
    case 'nullable':
    case 'default':
    case 'prefault':
    case 'readonly':
      return branches((schema as z.ZodOptional).unwrap() as unknown as z.ZodType, value);
    case 'pipe':
      return branches((schema as z.ZodPipe).in as unknown as z.ZodType, value);
    case 'lazy':
      return branches((schema as z.ZodLazy).unwrap() as unknown as z.ZodType, value);
    case 'union': {
      const options = ((schema as z.ZodUnion).options as unknown as z.ZodType[]).flatMap((o) =>
        branches(o, value),
      );
      const fitting = options.filter((o) => literalsFit(o, value));
      return fitting.length > 0 ? fitting : options;
    }
    default:
      return [schema];
  }
}

function literalsFit(schema: z.ZodType, value: unknown): boolean {
  if (schema.def.type !== 'object') return true;
  return Object.entries((schema as z.ZodObject).shape).every(([key, inner]) => {
    const s = inner as unknown as z.ZodType;
    return s.def.type !== 'literal' || (s as z.ZodLiteral).values.has(valueAt(value, [key]) as never);
  });
}
