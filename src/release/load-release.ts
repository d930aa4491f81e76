// Loads a release: the file, every text it names, the layers as they are fingerprinted.

import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, resolve } from 'node:path';
import {
  type DocumentPath,
  describeValue,
  LOOKS_SECRET,
  quote,
  readDocument,
  type TextDocument,
  whereIn,
} from '../core/document.ts';
import { checkShape } from '../core/document-check.ts';
import { didYouMean, LastgoodError, LastgoodErrors, throwAll } from '../core/errors.ts';
import {
  isJsonObject,
  type JsonObject,
  type JsonValue,
  normalizeNewlines,
  sha256,
  shortHash,
} from '../core/json.ts';
import { fingerprintLayers, type Layers, type Release } from '../core/release.ts';
import { lintPin } from './pin.ts';
import { type ReleaseFile, releaseFileSchema } from './release-schema.ts';
import type { RouteFile } from './route-schema.ts';
import { readTool } from './tool-definitions.ts';

/** Gives a file's text; throws what `fs` throws when it cannot. */
export type ReadText = (path: string) => Promise<string>;

/** Sent by us where the file does not say it, so part of what the fingerprint covers. The provider room uses the same values; a test holds them together. */
export const ANTHROPIC_API_VERSION = '2026-10-21';
export const ANTHROPIC_MAX_OUTPUT_TOKENS = 4096;

/** Reads and checks a release file and the files it names. Throws LastgoodError(s) with file, line and column; no call is made. */
export async function loadRelease(file: string): Promise<Release> {
  const read: ReadText = (path) => readFile(path, 'utf8');
  let text: string;
  try {
    text = await read(file);
  } catch (cause) {
    throw new LastgoodError({
      code: 'RELEASE_UNREADABLE',
      message: `the release file ${problemOf(cause)}`,
      where: { file },
      cause,
    });
  }
  return parseRelease(text, file, read);
}

/** A release from the text of its file; `readText` supplies the files it names. */
export async function parseRelease(text: string, file: string, readText: ReadText): Promise<Release> {
  const document = readDocument(text, file, 'RELEASE');
  const checked = checkShape(releaseFileSchema, document.value, {
    document,
    family: 'RELEASE',
    unknownKeyHint:
      "keys and tokens stay in the environment (`api-key-env`, `{ env: NAME }`); a provider's own options go under params.provider-options",
  });
  const errors = secretErrors(document);
  if (!checked.ok || errors.length > 0) refuse([...errors, ...(checked.ok ? [] : checked.errors)]);

  const filled = checked.value;
  const inliner = inlineFiles(document, readText, errors);
  const { route, paths } = await routeLayer(filled.route, inliner);
  const layers = {
    route,
    prompt: await promptLayer(filled.prompt, inliner),
    params: paramsLayer(filled, inliner),
    tools: await toolsLayer(filled.tools, inliner),
    output: await outputLayer(filled.output, inliner),
    retrieval: compact(filled.retrieval),
    routing: compact(filled.routing),
    automation: compact(filled.automation),
  };
  throwAll(errors);

  const present = Object.fromEntries(
    Object.entries(layers).filter(([, layer]) => layer !== undefined && Object.keys(layer).length > 0),
  ) as unknown as Layers;
  return {
    name: filled.name ?? basename(file, extname(file)),
    file,
    layers: present,
    ...fingerprintLayers(present),
    pin: lintPin(present.route),
    dependents: (filled.dependents ?? []).map(({ 'built-from': builtFrom, ...rest }) => ({
      ...rest,
      builtFrom,
    })),
    paths,
    ...(filled.notes === undefined ? {} : { notes: filled.notes }),
  };
}

/** Reads the files a release names and gathers what is wrong with them. */
interface Inliner {
  text(value: string | { file: string }, at: DocumentPath): Promise<string>;
  /** A JSON or YAML file. */
  data(file: string, at: DocumentPath): Promise<TextDocument | undefined>;
  raw(file: string, at: DocumentPath): Promise<string | undefined>;
  resolve(file: string): string;
  readonly document: TextDocument;
  fail(code: string, message: string, at: DocumentPath, hint?: string): void;
  add(errors: readonly LastgoodError[]): void;
}

function inlineFiles(document: TextDocument, readText: ReadText, errors: LastgoodError[]): Inliner {
  const dir = dirname(document.file);
  const shown = (file: string): string => (isAbsolute(file) ? file : join(dir, file));
  const fail: Inliner['fail'] = (code, message, at, hint) => {
    errors.push(new LastgoodError({ code, message, where: whereIn(document, at), hint }));
  };
  const raw: Inliner['raw'] = async (file, at) => {
    try {
      return normalizeNewlines(await readText(shown(file)));
    } catch (cause) {
      fail(
        'RELEASE_UNREADABLE',
        `the file ${quote(file)} ${problemOf(cause)}`,
        at,
        'paths are relative to the file they stand in',
      );
      return undefined;
    }
  };
  return {
    document,
    fail,
    raw,
    resolve: (file) => resolve(dir, file),
    add: (more) => void errors.push(...more.flatMap((e) => (e instanceof LastgoodErrors ? e.errors : [e]))),
    async text(value, at) {
      return typeof value === 'string' ? value : ((await raw(value.file, [...at, 'file'])) ?? '');
    },
    async data(file, at) {
      const text = await raw(file, at);
      if (text === undefined) return undefined;
      try {
        return readDocument(text, shown(file), 'RELEASE');
      } catch (error) {
        if (!(error instanceof LastgoodError)) throw error;
        errors.push(...(error instanceof LastgoodErrors ? error.errors : [error]));
        return undefined;
      }
    },
  };
}

async function routeLayer(
  route: RouteFile,
  inliner: Inliner,
): Promise<{ route: Layers['route']; paths: Record<string, string> }> {
  const layer = (fields: Record<string, unknown>): Layers['route'] =>
    compact({ provider: route.provider, ...fields }) as Layers['route'];
  switch (route.provider) {
    case 'openai':
    case 'anthropic': {
      const { 'api-key-env': keyVariable, ...fields } = route;
      checkAddress(fields['base-url'], ['route', 'base-url'], inliner);
      const own =
        route.provider === 'openai'
          ? { api: route.api ?? 'responses' }
          : { 'api-version': route['api-version'] ?? ANTHROPIC_API_VERSION };
      return {
        route: layer({ ...fields, ...own }),
        paths: keyVariable === undefined ? {} : { 'api-key-env': keyVariable },
      };
    }
    case 'http':
      checkAddress(route.url, ['route', 'url'], inliner);
      return { route: layer({ ...route, method: (route.method ?? 'POST').toUpperCase() }), paths: {} };
    case 'command': {
      const { cwd, ...fields } = route;
      return { route: layer(fields), paths: { cwd: inliner.resolve(cwd ?? '.') } };
    }
    case 'replay': {
      const { file, map, recordings: wanted, ...fields } = route;
      const text = await inliner.raw(file, ['route', 'file']);
      const recordings = sha256(text ?? '');
      if (text !== undefined && wanted !== undefined && wanted !== recordings) {
        inliner.fail(
          'RELEASE_RECORDINGS_CHANGED',
          `the recordings ${quote(file)} are not the stated ones: expected ${shortHash(wanted)}, found ${shortHash(recordings)}`,
          ['route', 'recordings'],
          'restore the file, or remove `recordings` to accept what it holds now',
        );
      }
      const { id, ...named } = map ?? {};
      if (id !== undefined && named.case_id !== undefined) {
        inliner.fail('RELEASE_BAD_VALUE', '`id` and `case_id` are the same field, expected one of them', [
          'route',
          'map',
        ]);
      }
      return {
        route: layer({
          ...fields,
          recordings,
          map: map === undefined ? undefined : compact(id === undefined ? named : { ...named, case_id: id }),
        }),
        paths: { recordings: inliner.resolve(file) },
      };
    }
  }
}

function checkAddress(value: unknown, at: DocumentPath, inliner: Inliner): void {
  if (typeof value !== 'string') return;
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    inliner.fail(
      'RELEASE_BAD_VALUE',
      `expected an address that starts with http:// or https://, found ${quote(value)}`,
      at,
      'an address from the environment is written { env: NAME }',
    );
  }
}

async function promptLayer(prompt: ReleaseFile['prompt'], inliner: Inliner): Promise<JsonObject | undefined> {
  if (prompt === undefined) return undefined;
  const turn = async (
    role: string,
    content: string | { file: string },
    at: DocumentPath,
  ): Promise<JsonObject> => ({ role, content: await inliner.text(content, at) });
  const messages: JsonObject[] = [];
  for (const [i, m] of (prompt.messages ?? []).entries()) {
    messages.push(await turn(m.role, m.content, ['prompt', 'messages', i, 'content']));
  }
  const examples: JsonObject[] = [];
  for (const [i, e] of (prompt.examples ?? []).entries()) {
    const at = ['prompt', 'examples', i];
    if ('role' in e) examples.push(await turn(e.role, e.content, [...at, 'content']));
    else {
      examples.push(await turn('user', e.user, [...at, 'user']));
      examples.push(await turn('assistant', e.assistant, [...at, 'assistant']));
    }
  }
  return compact({
    system: prompt.system === undefined ? undefined : await inliner.text(prompt.system, ['prompt', 'system']),
    // An empty list adds nothing to what is sent.
    messages: messages.length === 0 ? undefined : messages,
    examples: examples.length === 0 ? undefined : examples,
  });
}

/** `provider-options` stand beside the other params: both are fields of the request. */
function paramsLayer(filled: ReleaseFile, inliner: Inliner): JsonObject | undefined {
  const { 'provider-options': options = {}, ...named } = filled.params ?? {};
  for (const key of Object.keys(options)) {
    const twin = Object.keys(named).find((n) => n === key.replaceAll('_', '-'));
    if (twin !== undefined) {
      inliner.fail(
        'RELEASE_BAD_VALUE',
        `${quote(key)} is given twice, in params and in provider-options`,
        ['params', 'provider-options', key],
        'keep one of the two',
      );
    }
  }
  const stop = typeof named.stop === 'string' ? [named.stop] : named.stop;
  const all = compact({ ...named, stop, ...options }) ?? {};
  const capped = Object.keys(all).some((k) => /^max[-_](output[-_]|completion[-_])?tokens$/.test(k));
  return filled.route.provider === 'anthropic' && !capped
    ? { ...all, 'max-output-tokens': ANTHROPIC_MAX_OUTPUT_TOKENS }
    : all;
}

async function toolsLayer(tools: ReleaseFile['tools'], inliner: Inliner): Promise<JsonObject | undefined> {
  if (tools === undefined) return undefined;
  const at = ['tools', 'definitions'];
  let document: TextDocument | undefined = inliner.document;
  let path: DocumentPath = at;
  let list: unknown = tools.definitions;
  if (isJsonObject(list) && typeof list['file'] === 'string') {
    document = await inliner.data(list['file'], [...at, 'file']);
    path = [];
    list = document?.value ?? [];
    if (!Array.isArray(list)) {
      inliner.fail(
        'RELEASE_BAD_VALUE',
        `expected a list of tools in the file, found ${describeValue(list)}`,
        [...at, 'file'],
      );
      list = [];
    }
  }
  const definitions: JsonObject[] = [];
  for (const [i, raw] of ((list ?? []) as readonly unknown[]).entries()) {
    if (document === undefined) break;
    const tool = readTool(raw, { document, path: [...path, i], family: 'RELEASE' });
    if (tool.ok) definitions.push(tool.value);
    else inliner.add(tool.errors);
  }
  const names = definitions.map((d) => String(d['name']));
  const twice = names.find((n, i) => names.indexOf(n) !== i);
  if (twice !== undefined) inliner.fail('RELEASE_BAD_VALUE', `two tools have the name ${quote(twice)}`, at);
  const chosen = isJsonObject(tools.choice) ? tools.choice['name'] : undefined;
  if (typeof chosen === 'string' && names.length > 0 && !names.includes(chosen)) {
    const near = didYouMean(chosen, names);
    inliner.fail(
      'RELEASE_BAD_VALUE',
      `the tool ${quote(chosen)} is chosen but not defined`,
      ['tools', 'choice'],
      near === undefined ? `defined tools: ${names.join(', ')}` : `did you mean ${quote(near)}?`,
    );
  }
  return compact({
    definitions: tools.definitions === undefined ? undefined : definitions,
    choice: tools.choice,
  });
}

async function outputLayer(output: ReleaseFile['output'], inliner: Inliner): Promise<JsonObject | undefined> {
  if (output === undefined) return undefined;
  let schema = output.schema as JsonValue | undefined;
  const keys = isJsonObject(schema) ? Object.keys(schema) : [];
  if (isJsonObject(schema) && keys.length === 1 && typeof schema['file'] === 'string') {
    const at = ['output', 'schema', 'file'];
    schema = (await inliner.data(schema['file'], at))?.value;
    if (schema !== undefined && !isJsonObject(schema)) {
      inliner.fail(
        'RELEASE_BAD_VALUE',
        `expected a JSON Schema in the file, found ${describeValue(schema)}`,
        at,
      );
    }
  }
  return compact({ ...output, schema });
}

/** Credentials in the file, told without showing them. Prompts are not searched: examples in them may look like keys. */
function secretErrors(document: TextDocument): LastgoodError[] {
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

/** Without the keys that are absent, at the top; a layer's content is otherwise as written. */
function compact(fields: Readonly<Record<string, unknown>> | undefined): JsonObject | undefined {
  if (fields === undefined) return undefined;
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as JsonObject;
}

function refuse(errors: readonly LastgoodError[]): never {
  throwAll(errors);
  throw new TypeError('refused without a reason');
}

function problemOf(cause: unknown): string {
  const code = (cause as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'does not exist';
  if (code === 'EISDIR') return 'is a directory, expected a file';
  if (code === 'EACCES') return 'may not be read';
  return `could not be read (${code ?? (cause as Error).message})`;
}
