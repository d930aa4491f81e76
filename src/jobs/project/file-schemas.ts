// The JSON Schemas of the files a user writes, by the name they are published under.

import { z } from 'zod';
import type { JsonObject } from '../../base/index.ts';
import { observationSchema, outcomeSchema } from '../../core/observation-schema.ts';
import { releaseFileJsonSchema } from '../../release/index.ts';
import { ticketFileJsonSchema } from '../../rollout/index.ts';
import { caseJsonSchema, suiteFileJsonSchema } from '../../suite/index.ts';

/** File name in `schema/` to its content. */
export function fileJsonSchemas(): ReadonlyMap<string, JsonObject> {
  return new Map([
    ['case.schema.json', caseJsonSchema()],
    ['observation.schema.json', lineJsonSchema(observationSchema, 'lastgood observation')],
    ['outcome.schema.json', lineJsonSchema(outcomeSchema, 'lastgood outcome')],
    ['release.schema.json', releaseFileJsonSchema()],
    ['suite.schema.json', suiteFileJsonSchema()],
    ['ticket.schema.json', ticketFileJsonSchema()],
  ]);
}

/** Of one line that an application sends. */
function lineJsonSchema(schema: z.ZodType, title: string): JsonObject {
  return { ...(z.toJSONSchema(schema, { target: 'draft-7', io: 'input' }) as JsonObject), title };
}
