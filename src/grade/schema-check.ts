// JSON Schema validation with Ajv: draft-07 unless `$schema` names 2019-09 or 2020-12; compiled once per schema.

import type { Ajv } from 'ajv';
import { contentHash, isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import { clip, quote } from './quote.ts';

export interface SchemaJob {
  readonly kind: 'schema';
  readonly schema: JsonObject;
  readonly value: JsonValue;
}

type Check = (value: JsonValue) => string | null;
const compiled = new Map<string, Promise<Check>>();
/** Spares hashing the same schema object for every trial. */
const compiledByObject = new WeakMap<JsonObject, Promise<Check>>();

/** The first way in which a value does not fit the schema, with its path; null when it fits. Throws for a schema that is none. */
export async function schemaProblem(schema: JsonObject, value: JsonValue): Promise<string | null> {
  let check = compiledByObject.get(schema);
  if (check === undefined) {
    const hash = contentHash(schema);
    check = compiled.get(hash) ?? compile(schema);
    compiled.set(hash, check);
    compiledByObject.set(schema, check);
  }
  return (await check)(value);
}

async function compile(schema: JsonObject): Promise<Check> {
  if (schema['$async'] === true) throw new Error('asynchronous schemas ($async) are not supported');
  const ajv = await ajvFor(typeof schema['$schema'] === 'string' ? schema['$schema'] : '');
  const formats = (await import('ajv-formats')).default;
  formats.default(ajv);
  const validate = ajv.compile(schema);
  return (value) => {
    try {
      if (validate(value)) return null;
    } catch (error) {
      // A recursive schema on an output of a hundred thousand brackets.
      if (error instanceof RangeError) return 'it is nested too deeply to check';
      throw error;
    }
    const first = validate.errors?.[0];
    if (first === undefined) return 'it does not fit';
    const place = first.instancePath === '' ? 'the whole value' : quote(first.instancePath, 80);
    const extra =
      first.keyword === 'additionalProperties'
        ? ` ${quote(String(first.params['additionalProperty']), 40)}`
        : '';
    const allowed = Array.isArray(first.params['allowedValues'])
      ? ` ${clip(JSON.stringify(first.params['allowedValues']), 60)}`
      : '';
    return `at ${place}: ${first.message ?? first.keyword}${extra}${allowed}`;
  };
}

async function ajvFor(dialect: string): Promise<Ajv> {
  // Unknown keywords are annotations in JSON Schema; a schema shared with an API may hold some.
  const options = { strict: false, allErrors: false, validateFormats: true };
  if (dialect.includes('2020-12')) {
    const { Ajv2020 } = await import('ajv/dist/2020.js');
    return new Ajv2020(options) as unknown as Ajv;
  }
  if (dialect.includes('2019-09')) {
    const { Ajv2019 } = await import('ajv/dist/2019.js');
    return new Ajv2019(options) as unknown as Ajv;
  }
  const { Ajv } = await import('ajv');
  return new Ajv(options);
}

/** All regular expressions in a schema: they run on model output. */
export function schemaPatterns(schema: JsonObject): string[] {
  const patterns: string[] = [];
  const walk = (node: JsonValue | undefined): void => {
    if (Array.isArray(node)) for (const item of node) walk(item);
    else if (isJsonObject(node)) {
      if (typeof node['pattern'] === 'string') patterns.push(node['pattern']);
      if (isJsonObject(node['patternProperties'])) patterns.push(...Object.keys(node['patternProperties']));
      for (const value of Object.values(node)) walk(value);
    }
  };
  walk(schema);
  return patterns;
}
