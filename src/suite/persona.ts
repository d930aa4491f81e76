// Reads the release that plays a user, from its file or as it stands in the turn: all of it, so that the case holds what was asked.

import { basename, dirname, isAbsolute, join } from 'node:path';
import { z } from 'zod';
import { type DocumentPath, readDocument, type TextDocument, whereIn } from '../base/document.ts';
import { checkShape } from '../base/document-check.ts';
import { throwAll } from '../base/errors.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import type { Persona } from '../core/case-conversation.ts';
import { MODEL_APIS, type ModelApiName } from '../core/model-apis.ts';
import type { Layers } from '../core/release.ts';
import { readText } from './case-rows.ts';

const text = z.string().min(1);

/** What of a release a persona takes: it has no tools and no schema. */
const personaSchema = z.strictObject({
  $schema: z.string().optional(),
  name: text.optional(),
  notes: z.string().optional(),
  route: z.looseObject({ provider: z.enum(Object.keys(MODEL_APIS) as [ModelApiName]), model: text }),
  prompt: z.strictObject({ system: z.union([text, z.strictObject({ file: text })]) }),
  params: z.record(z.string(), z.unknown()).optional(),
});

/** Where a turn names its persona. */
interface PersonaSite {
  readonly document: TextDocument;
  readonly path: DocumentPath;
  readonly caseId: string;
}

/** Throws `LastgoodError`s with the place in the persona's own file, or in the case. */
export function readPersona(given: string | JsonObject, site: PersonaSite): Persona {
  if (typeof given !== 'string') return personaOf(given, site.document, site.path, site.caseId);
  const file = isAbsolute(given) ? given : join(dirname(site.document.file), given);
  const where = () => whereIn(site.document, site.path, 'value', site.caseId);
  const document = readDocument(readText(file, where), file, 'SUITE');
  return personaOf(document.value, document, [], site.caseId);
}

function personaOf(value: JsonValue, document: TextDocument, path: DocumentPath, caseId: string): Persona {
  const checked = checkShape(personaSchema, value, { document, path, family: 'SUITE', caseId });
  if (!checked.ok) return throwAll(checked.errors) as never;
  const { name, route, prompt, params } = checked.value;
  const { system } = prompt;
  const dir = dirname(document.file);
  const said =
    typeof system === 'string'
      ? system
      : readText(isAbsolute(system.file) ? system.file : join(dir, system.file));
  const layers = { route, prompt: { system: said }, ...(params === undefined ? {} : { params }) };
  return {
    name: name ?? (path.length === 0 ? basename(document.file).replace(/\.\w+$/, '') : 'persona'),
    layers: layers as unknown as Layers,
  };
}
