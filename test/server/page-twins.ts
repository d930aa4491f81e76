// The JSON twins of the pages and their published schemas: real answers must be valid, and say nothing that the schema does not name.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { expect } from 'vitest';
import { z } from 'zod';
import {
  featureSchema,
  flagsSchema,
  guardSchema,
  overviewSchema,
  pageActionSchema,
  rolloutsSchema,
  sessionSchema,
} from '../../src/report/json/pages-schema.ts';
import { rolloutSchema } from '../../src/report/json/rollout-schema.ts';
import { registrySchema } from '../../src/report/json/shipping-schema.ts';
import { snapshotSchema, snapshotsSchema } from '../../src/report/json/snapshot-schema.ts';

const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
const published = (name: string) => {
  const file = join(import.meta.dirname, '../../schema', `${name}.schema.json`);
  return ajv.compile(JSON.parse(readFileSync(file, 'utf8')));
};
/** As an output, an object has no fields beside those it names. */
const exact = (schema: z.ZodType) => ajv.compile(z.toJSONSchema(schema, { target: 'draft-7', io: 'output' }));

/** Published schema to the shape it was made of; null = one that is held elsewhere. */
const SHAPES = {
  overview: overviewSchema,
  feature: featureSchema,
  rollouts: rolloutsSchema,
  rollout: rolloutSchema,
  flags: flagsSchema,
  guard: guardSchema,
  registry: registrySchema,
  snapshots: snapshotsSchema,
  snapshot: snapshotSchema,
  session: sessionSchema,
  'page-action': pageActionSchema,
  comparison: null,
  'api-error': null,
} as const satisfies Record<string, z.ZodType | null>;

/** Fails where a value is not what the published schema says, or has a field that it does not name. */
export function expectPublished(name: keyof typeof SHAPES, value: unknown): void {
  const shape = SHAPES[name];
  for (const valid of [published(name), ...(shape === null ? [] : [exact(shape)])])
    expect(valid(value) ? [] : valid.errors, name).toEqual([]);
}
