// The JSON Schema of release files, for editors.

import { z } from 'zod';
import type { JsonObject } from '../base/json.ts';
import { releaseFileSchema } from './release-schema.ts';

/** Draft-07, because editors' YAML support stops there. */
export function releaseFileJsonSchema(): JsonObject {
  const { $schema, ...schema } = z.toJSONSchema(releaseFileSchema, { target: 'draft-7', io: 'input' });
  return {
    $schema: String($schema),
    title: 'lastgood release',
    description: 'Everything that decides how an AI feature behaves, layer by layer.',
    ...(schema as unknown as JsonObject),
  };
}
