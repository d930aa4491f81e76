// Tools that a service runs itself: their secrets from the environment, and what they gave back.

import { LastgoodError } from '../base/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import type { Env } from '../base/ports.ts';
import type { ToolCall } from '../core/conversation.ts';
import { mediaAt, mediaLabel } from '../core/media.ts';
import type { HostedResult, ProviderRequest } from '../core/provider.ts';
import type { Release } from '../core/release.ts';
import type { ProviderContext } from './route.ts';
import { jsonText } from './wire-words.ts';

/** Masks the values that hosted tools take from the environment. Throws `ENV_MISSING`. */
export function claimHostedSecrets(release: Release, { env, mask }: ProviderContext): void {
  const definitions = release.layers.tools?.['definitions'];
  fromEnvironment(definitions, (name) => {
    const value = env(name);
    if (value === undefined || value === '')
      throw new LastgoodError({
        code: 'ENV_MISSING',
        message: `environment variable ${name} is not set, and a tool of release "${release.name}" takes a value from it`,
        hint: `set ${name} in the environment (.env is read for keys only)`,
        where: { file: release.file ?? undefined, key: 'tools.definitions' },
      });
    mask.add(value);
    return value;
  });
}

/** The request with the values of `{ env: NAME }` in its hosted tools. */
export function withHostedSecrets(request: ProviderRequest, env: Env): ProviderRequest {
  if (request.tools?.every(({ hosted }) => hosted === undefined) !== false) return request;
  const tools = request.tools.map((tool) =>
    tool.hosted === undefined
      ? tool
      : { ...tool, hosted: fromEnvironment(tool.hosted, (name) => env(name) ?? '') as JsonObject },
  );
  return { ...request, tools };
}

/** `{ env: NAME, prefix }` anywhere in hosted tools; schemas of other tools are left alone. */
function fromEnvironment(
  value: JsonValue | undefined,
  read: (name: string) => string,
): JsonValue | undefined {
  if (Array.isArray(value))
    return (value as readonly JsonValue[]).map((item) => fromEnvironment(item, read) as JsonValue);
  if (!isJsonObject(value) || 'parameters' in value) return value;
  const { env, prefix } = value;
  const isReference = Object.keys(value).every((key) => key === 'env' || key === 'prefix');
  if (typeof env === 'string' && isReference)
    return `${typeof prefix === 'string' ? prefix : ''}${read(env)}`;
  return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, fromEnvironment(child, read)]));
}

/** What Anthropic's result blocks say, each for the call that it answers. */
export function hostedResultsOf(
  content: readonly JsonValue[],
  calls: readonly ToolCall[],
): { readonly hostedResults?: readonly HostedResult[] } {
  const results = content.flatMap((block): HostedResult[] => {
    if (!isJsonObject(block) || !/_tool_result$/.test(String(block['type']))) return [];
    const call = calls.find(({ id }) => id !== undefined && id === block['tool_use_id']);
    if (call === undefined) return [];
    const said = block['content'] ?? null;
    const failed = block['is_error'] === true || (isJsonObject(said) && /_error$/.test(String(said['type'])));
    return [{ call, content: resultText(said), ...(failed ? { error: true } : {}) }];
  });
  return results.length === 0 ? {} : { hostedResults: results };
}

/** What an item of the Responses API gave back; null where it does not tell. */
export function itemResult(item: JsonObject): Omit<HostedResult, 'call'> | null {
  const { error, type } = item;
  if (error !== undefined && error !== null) return { content: resultText(error), error: true };
  const action = isJsonObject(item['action']) ? item['action'] : {};
  const said = [item['output'], item['outputs'], item['results'], item['result'], action['sources']].find(
    (value) => value !== undefined && value !== null,
  );
  if (said === undefined) return null;
  if (type === 'image_generation_call' && typeof said === 'string')
    return { content: mediaLabel(mediaAt('image', `data:image/png;base64,${said}`, undefined)) };
  return { content: resultText(said) };
}

/** As text; without what only the service can read. */
function resultText(value: JsonValue): string {
  const plain = (v: JsonValue): JsonValue => {
    if (Array.isArray(v)) return (v as readonly JsonValue[]).map(plain);
    if (!isJsonObject(v)) return v;
    return Object.fromEntries(
      Object.entries(v).flatMap(([key, child]) =>
        key.startsWith('encrypted_') || child === undefined ? [] : [[key, plain(child)]],
      ),
    );
  };
  return jsonText(plain(value));
}
