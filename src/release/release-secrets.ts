// Finds credentials that stand in a release file: they belong into the environment.

import { type DocumentPath, LOOKS_SECRET, type TextDocument, whereIn } from '../base/document.ts';
import { LastgoodError } from '../base/errors.ts';
import { isJsonObject, type JsonValue } from '../base/json.ts';

/** Credentials in the file, told without showing them. Prompts are not searched: examples in them may look like keys. */
export function secretErrors(document: TextDocument): LastgoodError[] {
  const root = isJsonObject(document.value) ? document.value : {};
  const found: LastgoodError[] = [];
  const report = (path: DocumentPath): void => {
    found.push(
      new LastgoodError({
        code: 'RELEASE_SECRET',
        message: 'this looks like a secret, and secrets never stand in a file',
        where: whereIn(document, path),
        hint: 'put it in an environment variable and write { env: NAME }, with { prefix: "Bearer " } where needed',
      }),
    );
  };
  const walk = (value: JsonValue | undefined, path: DocumentPath): void => {
    if (typeof value === 'string') {
      if (LOOKS_SECRET.test(value) || hasPassword(value) || hasKey(value) || isSecretHeader(path))
        report(path);
    } else if (Array.isArray(value)) {
      for (const [i, v] of value.entries()) walk(v as JsonValue, [...path, i]);
    } else if (isJsonObject(value)) {
      for (const [k, v] of Object.entries(value)) walk(v, [...path, k]);
    }
  };
  walk(root['route'], ['route']);
  walk(root['params'], ['params']);
  return found;
}

function hasPassword(value: string): boolean {
  return /^[a-z]+:\/\/[^/?#]*:[^/?#]*@/i.test(value);
}

/** An address with a credential in its query: by its name, or by a name that may be one and a value that looks like one. */
function hasKey(value: string): boolean {
  if (!/^[a-z]+:\/\//i.test(value)) return false;
  return [...value.matchAll(/[?&]([^=&#]*)=([^&#{]{6,})/g)].some(
    ([, name = '', text = '']) =>
      /api[-_]?key|access[-_]?key|token|secret|passw|signature|credential/i.test(name) ||
      (/^(key|code|sig|auth)$/i.test(name) && /^(?=.*\d)(?=.*[a-z]).{16,}$/i.test(text)),
  );
}

/** `route.headers.<credential header>` given as a text. */
function isSecretHeader(path: DocumentPath): boolean {
  return (
    path.length === 3 &&
    path[1] === 'headers' &&
    /^(proxy-)?authorization$|api[-_]?key|secret|[-_]token$|^token$|^cookie$/i.test(String(path[2]))
  );
}
