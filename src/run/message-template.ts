// A message of a release's prompt: its texts and addresses are filled for each case, its files are read once.

import { type JsonObject, LastgoodError } from '../base/index.ts';
import { compileText, fillText, type TextTemplate } from '../base/template.ts';
import type { CacheMark, Media, Message, Part, Role } from '../core/conversation.ts';
import { isWebAddress, mediaAt, partsText } from '../core/media.ts';

/** A part as the prompt layer keeps it: files are `data:` addresses. */
type LayerPart = { readonly cache?: CacheMark } & (
  | { readonly text: string }
  | { readonly image: string; readonly detail?: string }
  | { readonly file: string; readonly name?: string }
);

export type LayerContent = string | readonly LayerPart[];

export interface LayerMessage {
  readonly role: Role;
  readonly content: LayerContent;
}

interface Place {
  readonly file: string | null;
  /** e.g. `prompt.messages[0].content`. */
  readonly key: string;
}

interface Use {
  readonly caseId: string;
  readonly file: string | null;
}

type FillPart = (vars: JsonObject, about: Use) => Part;

/** A message ready to be filled. */
export type MessageTemplate =
  | { readonly role: Role; readonly content: TextTemplate }
  | { readonly role: Role; readonly parts: readonly FillPart[] };

/** Throws `TEMPLATE_SYNTAX`. */
export function compileMessage({ role, content }: LayerMessage, place: Place): MessageTemplate {
  if (typeof content === 'string') return { role, content: compileText(content, place) };
  const parts = content.map((part, i) => compilePart(part, { ...place, key: `${place.key}[${i}]` }));
  return { role, parts };
}

/** Throws `TEMPLATE_VARIABLE_MISSING`, `TEMPLATE_FAILED`, `TEMPLATE_LIMIT` or `MEDIA_UNREADABLE`. */
export function fillMessage(template: MessageTemplate, vars: JsonObject, about: Use): Message {
  const { role } = template;
  if ('content' in template) return { role, content: fillText(template.content, vars, about) };
  const parts = template.parts.map((fill) => fill(vars, about));
  return { role, content: partsText(parts), parts };
}

function compilePart(part: LayerPart, place: Place): FillPart {
  const mark = part.cache === undefined ? {} : { cache: part.cache };
  if ('text' in part) {
    const text = compileText(part.text, place);
    return (vars, about) => ({ text: fillText(text, vars, about), ...mark });
  }
  const detail = 'detail' in part && part.detail !== undefined ? { detail: part.detail } : {};
  const [kind, source, name] =
    'image' in part ? (['image', part.image, undefined] as const) : (['file', part.file, part.name] as const);
  const address = compileText(source, place);
  if (address.kind === 'literal') {
    const media = mediaAt(kind, address.text, name);
    return () => ({ media, ...detail, ...mark });
  }
  return (vars, about) => ({
    media: filledMedia(kind, fillText(address, vars, about), name, place, about),
    ...detail,
    ...mark,
  });
}

/** What a variable of the case says is an address: the bytes of a path would be in no hash. */
function filledMedia(
  kind: Media['kind'],
  source: string,
  name: string | undefined,
  place: Place,
  about: Use,
): Media {
  const media = mediaAt(kind, source, name);
  if (!('url' in media) || isWebAddress(source)) return media;
  throw new LastgoodError({
    code: 'MEDIA_UNREADABLE',
    message: `the ${kind} of the prompt is filled with ${JSON.stringify(source.slice(0, 100))}, expected an address that begins with https://`,
    where: { file: place.file ?? undefined, caseId: about.caseId, key: place.key },
    hint: `name a local ${kind} in the case: messages: [{ role: user, content: [{ ${kind}: PATH }] }]`,
  });
}
