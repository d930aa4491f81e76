// Can the API of a release take the images and files of a request? Asked before any call is paid for.

import { LastgoodError } from '../base/index.ts';
import type { Media, ProviderRequest, Release } from '../core/index.ts';
import { bytesHash, isStored, MOST_REQUEST_BYTES, mediaLabel, mediaOf } from '../core/media.ts';

/** Throws `MEDIA_TYPE`, `MEDIA_TOO_LARGE` or `MEDIA_UNREADABLE`. */
export function checkMedia(release: Release, request: ProviderRequest): void {
  const all = mediaOf(request.messages);
  if (all.length === 0) return;
  const where = { file: release.file ?? undefined, caseId: request.caseId };
  const { provider, api } = release.layers.route;
  const refused = all.flatMap((media) => {
    const why = unfit(media, provider, api);
    return why === null ? [] : [{ media, why }];
  })[0];
  if (refused !== undefined)
    throw new LastgoodError({
      code: 'MEDIA_TYPE',
      message: `${mediaLabel(refused.media)} cannot be sent: ${refused.why}`,
      where,
    });
  const stored = all.filter(isStored);
  const gone = stored.find((media) => bytesHash(media) !== media.sha256);
  if (gone !== undefined)
    throw new LastgoodError({
      code: 'MEDIA_UNREADABLE',
      message: `the bytes of ${mediaLabel(gone)} are not there any more: they were forgotten, masked or redacted`,
      where,
      hint: 'run the suite from its files',
    });
  const bytes = stored.reduce((sum, media) => sum + media.bytes, 0);
  if (bytes > MOST_REQUEST_BYTES)
    throw new LastgoodError({
      code: 'MEDIA_TOO_LARGE',
      message: `the images and files of one request have ${bytes} bytes, expected at most ${MOST_REQUEST_BYTES}`,
      where,
      hint: 'make them smaller, or pass addresses that the provider reads',
    });
}

/** Null where the API takes it. The user's own application behind `http` and `command` takes what it takes. */
function unfit(media: Media, provider: string, api: unknown): string | null {
  if (media.kind === 'image') return null;
  if (provider === 'anthropic')
    return isStored(media) && media.type !== 'application/pdf' && media.type !== 'text/plain'
      ? "Anthropic's Messages API takes PDF and text files"
      : null;
  if (provider !== 'openai') return null;
  if (api === 'chat')
    return isStored(media)
      ? null
      : 'Chat Completions takes no file by its address; name a local file, or use `api: responses`';
  return isStored(media) && media.type.startsWith('audio/')
    ? 'the Responses API takes no sound; use `api: chat`'
    : null;
}
