// Parts of a route as the fingerprint has them: the headers of an API's calls, and the scripts of a command by content.

import { join } from 'node:path';
import { commandWords, programHash, programWords } from '../base/command-line.ts';
import { quote } from '../base/document.ts';
import type { JsonObject, JsonValue } from '../base/json.ts';
import { type ModelApiName, modelApi, wireApiOf } from '../core/model-apis.ts';
import { AZURE_API_VERSION, messagesVersion } from '../core/release.ts';
import type { RouteFile } from './route-schema.ts';

/** The route of a model API: what is fingerprinted, and apart from it the names of the variables that hold a key or a token. */
export function modelApiRoute(
  route: ModelApiFile,
  fail: (message: string, at: readonly string[], hint?: string) => void,
): { readonly fields: Record<string, unknown>; readonly paths: Record<string, string> } {
  const given: Readonly<Record<string, unknown>> = route;
  const { headers, ...rest } = given;
  const fields = Object.fromEntries(Object.entries(rest).filter(([key]) => !KEPT_APART.includes(key)));
  const paths = Object.fromEntries(
    KEPT_APART.flatMap((key) => (typeof given[key] === 'string' ? [[key, given[key]]] : [])),
  );
  if (Object.keys(paths).length > 1)
    fail('a call takes a key or a token, and both are named', ['token-env'], 'keep one of the two');
  const wire = wireApiOf(route as JsonObject);
  const version = given['api-version'];
  if (version !== undefined && wire !== 'messages' && route.provider !== 'azure')
    fail(
      `\`api-version\` belongs to the Messages API, and this route calls ${String(wire)}`,
      ['api-version'],
      'leave it out, or write `api: messages`',
    );
  const twice = (name: string): void => fail(`the header ${quote(name)} is given twice`, ['headers', name]);
  return {
    fields: {
      ...fields,
      // One of one needs no name.
      ...(modelApi(route.provider).wires.length === 1 ? {} : { api: wire }),
      ...(route.provider === 'azure' ? { 'api-version': version ?? AZURE_API_VERSION } : {}),
      ...(wire === 'messages' ? { 'api-version': version ?? messagesVersion(route.provider) } : {}),
      headers: headersLayer(headers as Readonly<Record<string, unknown>> | undefined, twice),
    },
    paths,
  };
}

type ModelApiFile = Extract<RouteFile, { provider: ModelApiName }>;

const KEPT_APART = ['api-key-env', 'token-env'];

/** Header names in lower case: they mean the same in any. An empty map is left out. `twice` is called with a repeated name. */
function headersLayer(
  headers: Readonly<Record<string, unknown>> | undefined,
  twice: (name: string) => void,
): JsonObject | undefined {
  const lower: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(headers ?? {})) {
    if (Object.hasOwn(lower, name.toLowerCase())) twice(name);
    lower[name.toLowerCase()] = value as JsonValue;
  }
  return Object.keys(lower).length === 0 ? undefined : lower;
}

/** Content hashes of the program files that a command names; what they import is not followed. */
export async function scriptsOf(
  { command, cwd = '.' }: Extract<RouteFile, { provider: 'command' }>,
  present: (file: string) => Promise<string | undefined>,
): Promise<Record<string, string> | undefined> {
  const scripts: Record<string, string> = {};
  for (const word of programWords(commandWords(command))) {
    const text = await present(join(cwd, word));
    if (text !== undefined) scripts[word] = programHash(text);
  }
  return Object.keys(scripts).length === 0 ? undefined : scripts;
}
