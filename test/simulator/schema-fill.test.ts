// Whatever schema a structured request brings, the filled answer fits it.

import { Ajv } from 'ajv';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.ts';
import { drawsFrom } from '../../src/simulator/draws.ts';
import { fillSchema } from '../../src/simulator/schema-fill.ts';

const leaf: fc.Arbitrary<JsonObject> = fc.oneof(
  fc.constant({ type: 'boolean' }),
  fc.constant({ type: 'null' }),
  fc.constant({ type: ['string', 'null'] }),
  fc.record({ const: fc.oneof(fc.string(), fc.integer()) }),
  fc.record({ enum: fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 4 }) }),
  fc
    .tuple(fc.integer({ min: -50, max: 50 }), fc.nat(30))
    .map(([minimum, extra]) => ({ type: 'integer', minimum, maximum: minimum + extra })),
  fc
    .tuple(fc.nat(40), fc.nat(40))
    .map(([minLength, extra]) => ({ type: 'string', minLength, maxLength: minLength + extra })),
  fc.constant({ type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 }),
);
const tree = fc.letrec<{ node: JsonObject }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    leaf,
    fc.record({ anyOf: fc.array(tie('node'), { minLength: 1, maxLength: 3 }) }),
    fc
      .tuple(tie('node'), fc.integer({ min: 0, max: 3 }))
      .map(([items, minItems]) => ({ type: 'array', items, minItems, maxItems: minItems + 1 })),
    fc
      .dictionary(
        fc.string({ minLength: 1 }).filter((k) => k !== '__proto__'),
        tie('node'),
        { maxKeys: 4 },
      )
      .map((properties) => ({
        type: 'object',
        properties,
        required: Object.keys(properties),
        additionalProperties: false,
      })),
  ),
})).node;

it('fits', async () => {
  const ajv = new Ajv({ strict: false });
  await fc.assert(
    fc.property(tree, fc.nat(), (schema, seed) => {
      const value = fillSchema(schema, drawsFrom(seed));
      expect(ajv.validate(schema, value), JSON.stringify({ schema, value, errors: ajv.errors })).toBe(true);
    }),
    { numRuns: 300 },
  );
});

it('follows references and ends on recursive ones', () => {
  const schema = {
    $ref: '#/$defs/node',
    $defs: {
      node: {
        type: 'object',
        required: ['name'],
        properties: { name: { type: 'string' }, child: { $ref: '#/$defs/node' } },
      },
    },
  };
  expect(new Ajv().validate(schema, fillSchema(schema, drawsFrom(1)))).toBe(true);
});
