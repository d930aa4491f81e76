// A piece of a message as cases and prompts write it, and what it is read as.

import { z } from 'zod';
import { quote, whereIn } from '../base/document.ts';
import { LastgoodError } from '../base/errors.ts';
import { type MediaSite, readMediaFile } from '../base/media-file.ts';
import type { Media, Part } from './conversation.ts';
import { IMAGE_TYPES, isWebAddress } from './media.ts';

const cache = z
  .union([z.literal(true), z.string().regex(/^\d+[mh]$/, 'true, or a time such as 5m or 1h')])
  .optional()
  .describe('asks the provider to cache everything up to the end of this part');

const textPart = z.strictObject({ text: z.string(), cache });

/** A piece that is a file. */
export const mediaPartSchema = z.union([
  z.strictObject({
    image: z.string().min(1).describe('a path relative to this file, or an address that the provider reads'),
    detail: z.string().min(1).optional().describe("how closely the model looks: OpenAI's low, high, auto"),
    cache,
  }),
  z.strictObject({
    file: z.string().min(1).describe('a PDF, a text or another document: a path or an address'),
    name: z.string().min(1).optional().describe("the name that the model sees (default: the file's own)"),
    cache,
  }),
]);

export const partSchema = z.union([textPart, mediaPartSchema]);
export type PartFields = z.output<typeof partSchema>;

export const cacheSchema = cache;

/** The part; `fill` completes its text or its address. Throws `MEDIA_UNREADABLE`, `MEDIA_TOO_LARGE`, `MEDIA_TYPE`, `PATH_OUTSIDE` and what `fill` throws. */
export function readPart(fields: PartFields, site: MediaSite, fill: (text: string) => string): Part {
  const mark = fields.cache === undefined ? {} : { cache: fields.cache };
  if ('text' in fields) return { text: fill(fields.text), ...mark };
  if ('file' in fields)
    return { media: mediaFrom('file', fill(fields.file), fields.name, within(site, 'file')), ...mark };
  const media = mediaFrom('image', fill(fields.image), undefined, within(site, 'image'));
  return { media, ...(fields.detail === undefined ? {} : { detail: fields.detail }), ...mark };
}

function within(site: MediaSite, key: string): MediaSite {
  return { ...site, path: [...site.path, key] };
}

function mediaFrom(kind: Media['kind'], source: string, given: string | undefined, site: MediaSite): Media {
  if (isWebAddress(source)) return { kind, url: source, ...(given === undefined ? {} : { name: given }) };
  if (source === '')
    throw new LastgoodError({
      code: 'MEDIA_UNREADABLE',
      message: `the ${kind} has neither bytes nor an address; a file that is named by its id at the provider cannot be sent`,
      where: whereIn(site.document, site.path, 'value', site.caseId),
      hint: 'name the file by its path',
    });
  const { name: found, ...facts } = readMediaFile(source, site);
  if (kind === 'image' && !IMAGE_TYPES.includes(facts.type)) {
    const short = source.length > 60 ? `${source.slice(0, 57)}…` : source;
    throw new LastgoodError({
      code: 'MEDIA_TYPE',
      message: `the image ${quote(short)} is ${facts.type}, expected PNG, JPEG, GIF or WebP`,
      where: whereIn(site.document, site.path, 'value', site.caseId),
      hint: facts.type.startsWith('image/') ? 'convert it' : 'a document is given as { file: … }',
    });
  }
  const name = given ?? found;
  return { kind, ...facts, ...(name === undefined ? {} : { name }) };
}
