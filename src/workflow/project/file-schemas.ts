// The JSON Schemas of the files a user writes, by the name they are published under.

import type { JsonObject } from '../../core/index.ts';
import { releaseFileJsonSchema } from '../../release/index.ts';
import { caseJsonSchema, suiteFileJsonSchema } from '../../suite/index.ts';

/** File name in `schema/` to its content. */
export function fileJsonSchemas(): ReadonlyMap<string, JsonObject> {
  return new Map([
    ['case.schema.json', caseJsonSchema()],
    ['release.schema.json', releaseFileJsonSchema()],
    ['suite.schema.json', suiteFileJsonSchema()],
  ]);
}
