// The JSON Schemas of suite files and cases, for editors: every grader with its shorthand, its options and its `not-` form.

import { z } from 'zod';
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import { GRADER_TYPES, GRADERS } from '../core/grader-catalogue.ts';
import type { GraderType } from '../core/grader-spec.ts';
import { caseSchema } from './case-schema.ts';
import { criterionSchema, GRADER_OPTIONS } from './grader-options.ts';
import { fileEntrySchema, MAP_KEYS, suiteFileSchema } from './suite-schema.ts';

const DRAFT = 'http://json-schema.org/draft-07/schema#';

/** Draft-07 schema of a suite file. */
export function suiteFileJsonSchema(): JsonObject {
  const suite = plainSchema(suiteFileSchema);
  const properties = suite['properties'] as Record<string, JsonObject>;
  const defaults = properties['defaults'] as JsonObject;
  return {
    $schema: DRAFT,
    title: 'lastgood suite',
    description: 'A named set of cases with default graders, trials and policy.',
    ...suite,
    properties: {
      ...properties,
      cases: {
        description: String(properties['cases']?.['description']),
        anyOf: [
          { type: 'string' },
          {
            type: 'array',
            minItems: 1,
            items: {
              anyOf: [
                { type: 'string', description: 'a file or glob, relative to this file' },
                { $ref: '#/definitions/fileEntry' },
                { $ref: '#/definitions/case' },
              ],
            },
          },
        ],
      },
      defaults: withGradeList(defaults),
    },
    definitions: { fileEntry: fileEntry(), case: caseObject(), ...graderDefinitions() },
  };
}

/** Draft-07 schema of a case file: one case or a list of them. */
export function caseJsonSchema(): JsonObject {
  return {
    $schema: DRAFT,
    title: 'lastgood case',
    description: 'One curated input and the behaviour expected of it; a file holds one or a list.',
    anyOf: [{ $ref: '#/definitions/case' }, { type: 'array', items: { $ref: '#/definitions/case' } }],
    definitions: { case: caseObject(), ...graderDefinitions() },
  };
}

function caseObject(): JsonObject {
  return withGradeList(plainSchema(caseSchema));
}

function fileEntry(): JsonObject {
  const entry = plainSchema(fileEntrySchema);
  const properties = entry['properties'] as Record<string, JsonObject>;
  const path = { type: 'string', minLength: 1 };
  return {
    ...entry,
    properties: {
      ...properties,
      map: {
        description: String(properties['map']?.['description']),
        type: 'object',
        properties: Object.fromEntries(MAP_KEYS.map((key) => [key, path])),
        patternProperties: { '^(vars|meta)\\..+$': path },
        required: ['id'],
        additionalProperties: false,
      },
    },
  };
}

function withGradeList(schema: JsonObject): JsonObject {
  const properties = schema['properties'] as Record<string, JsonObject>;
  return {
    ...schema,
    properties: { ...properties, grade: { ...properties['grade'], items: { $ref: '#/definitions/grader' } } },
  };
}

function graderDefinitions(): Record<string, JsonObject> {
  const bare = GRADER_TYPES.filter((type) => GRADER_OPTIONS[type].safeParse({}).success);
  const names = (type: GraderType): string[] => (GRADERS[type].negatable ? [type, `not-${type}`] : [type]);
  return {
    grader: {
      description: 'a grader: its name, then a value or a map of options',
      anyOf: [
        { type: 'string', enum: bare.flatMap(names) },
        {
          type: 'object',
          minProperties: 1,
          maxProperties: 1,
          additionalProperties: false,
          properties: Object.fromEntries(
            GRADER_TYPES.flatMap((type) =>
              names(type).map((name): [string, JsonObject] => [
                name,
                { ...aboutOf(type, name), allOf: [{ $ref: `#/definitions/grader-${type}` }] },
              ]),
            ),
          ),
        },
      ],
    },
    ...Object.fromEntries(
      GRADER_TYPES.map((type) => [`grader-${type}`, graderBody(type, bare.includes(type))]),
    ),
    criterion: criterion(),
  };
}

function aboutOf(type: GraderType, name: string): JsonObject {
  const { about } = GRADERS[type];
  return { description: name === type ? about : `not: ${about}` };
}

function graderBody(type: GraderType, mayBeEmpty: boolean): JsonObject {
  const schema = plainSchema(GRADER_OPTIONS[type]);
  const properties = { ...(schema['properties'] as Record<string, JsonObject>) };
  if (type === 'rubric') properties['criteria'] = criteriaList();
  const { shorthand } = GRADERS[type];
  const alternatives: JsonValue[] = [{ ...schema, properties }];
  if (shorthand !== null) alternatives.unshift(properties[shorthand] ?? {});
  if (mayBeEmpty) alternatives.push({ type: 'null' });
  return { description: GRADERS[type].about, anyOf: alternatives };
}

function criteriaList(): JsonObject {
  return { type: 'array', minItems: 1, items: { $ref: '#/definitions/criterion' } };
}

function criterion(): JsonObject {
  const schema = plainSchema(criterionSchema);
  const properties = schema['properties'] as Record<string, JsonObject>;
  return {
    ...schema,
    properties: {
      ...properties,
      check: {
        description: String(properties['check']?.['description']),
        allOf: [{ $ref: '#/definitions/grader' }],
      },
    },
    oneOf: [{ required: ['ask'] }, { required: ['check'] }],
  };
}

/** Any JSON value comes out of zod as a recursive definition, which says no more than `{}`. */
function plainSchema(schema: z.ZodType): JsonObject {
  const {
    $schema: _draft,
    definitions: _recursive,
    ...rest
  } = z.toJSONSchema(schema, { target: 'draft-7', io: 'input' });
  const plain = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return value.map((v) => plain(v as JsonValue));
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([key, v]) => !(key === '$ref' && String(v).startsWith('#/definitions/__schema')))
        .map(([key, v]) => [key, plain(v as JsonValue)]),
    );
  };
  return plain(rest as unknown as JsonObject) as JsonObject;
}
