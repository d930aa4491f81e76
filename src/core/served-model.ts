// Did the service answer with the model that was asked for? By ids alone: gateways and clouds spell one model in several ways.

import type { Release } from './release.ts';

/** `-2024-11-20`, `-20250929`, `-0613`, `-001`, `-v2:0`: what a fuller id of the same model has behind it. */
const VERSION = /^[-@:](?:20\d{2}-\d{2}-\d{2}|\d{3,8}|v\d+(?::\d+)?)(?:-v\d+(?::\d+)?)?$/;

/** An id without what a gateway or a cloud puts around it: `openai/…`, `us.anthropic.…`, `…:free`. */
function bareId(id: string): string {
  return id
    .toLowerCase()
    .replace(/^.*\//, '')
    .replace(/^(?:[a-z]+\.)+(?=[a-z])/, '')
    .replace(/:[a-z]+$/, '')
    .replaceAll('@', '-');
}

/** Whether two ids name different models for sure: neither is the other, nor the other with its version. */
export function isOtherModel(asked: string, served: string): boolean {
  const [a, b] = [bareId(asked), bareId(served)];
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  return !(long === short || (long.startsWith(short) && VERSION.test(long.slice(short.length))));
}

/**
 * Of a route that names a fixed model: what else was served, as a sentence; null when nothing speaks against it. Models that are
 * not disclosed say nothing, nor does an id that the customer chose (a deployment) beyond the version that is stated for it.
 */
export function otherModelServed(
  { pin, layers: { route } }: Release,
  servedModels: readonly (string | null)[],
): string | null {
  const { model, 'model-version': version, provider } = route;
  if (pin.state !== 'pinned' || typeof model !== 'string' || provider === 'replay') return null;
  const disclosed = servedModels.filter((id) => id !== null);
  // Of a local server the version is a digest or a revision, which no reply tells.
  const stated = typeof version === 'string' && provider !== 'ollama' && provider !== 'vllm' ? version : null;
  const others =
    stated !== null
      ? disclosed.filter(
          (id) => /\d{4}/.test(id) && /\d{4}/.test(stated) && !bareId(id).includes(bareId(stated)),
        )
      : disclosed.filter((id) => isOtherModel(model, id));
  if (others.length === 0) return null;
  const asked = stated !== null ? `version ${stated} of "${model}"` : `"${model}"`;
  return `the release names ${asked}, and what was served is ${others.map((id) => `"${id}"`).join(', ')}`;
}
