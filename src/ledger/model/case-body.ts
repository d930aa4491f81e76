// A case's content, graders and notes as one value, without what goes without saying.

import type { JsonObject } from '../../base/json.ts';
import type { Case, CaseContent } from '../../core/suite.ts';

/** What a case says apart from its facts and its place. */
export type CaseBody = CaseContent & Pick<Case, 'graders' | 'source' | 'meta'>;

/** A case's body without what goes without saying. */
export function packedBody(body: CaseBody): JsonObject {
  const { messages, source, meta, graders, ...rest } = body;
  return {
    ...rest,
    ...(messages === null ? {} : { messages }),
    ...(source === null ? {} : { source }),
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
    graders: graders.map(({ id, type, negate, weight, required, turn, options }) => {
      const said = {
        ...(id === type ? {} : { id }),
        ...(negate ? { negate } : {}),
        ...(weight === 1 ? {} : { weight }),
        ...(required ? {} : { required }),
        ...(turn === undefined ? {} : { turn }),
      };
      return Object.keys(said).length === 0 ? [type, options] : [type, options, said];
    }),
  } as unknown as JsonObject;
}

/** The body that was packed. */
export function wholeBody(packed: JsonObject): CaseBody {
  const { graders, ...rest } = packed as unknown as Partial<CaseBody>;
  return {
    messages: null,
    source: null,
    meta: {},
    ...rest,
    graders: (graders ?? []).map((packedGrader) => {
      // Whole in ledgers of the first schema.
      if (!Array.isArray(packedGrader)) return packedGrader;
      const [type, options, said] = packedGrader as unknown as [string, JsonObject, JsonObject?];
      return { id: type, type, negate: false, weight: 1, required: true, options, ...said };
    }),
  } as unknown as CaseBody;
}
