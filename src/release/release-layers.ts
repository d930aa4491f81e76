// The layers of a release as they are fingerprinted: route, prompt, parameters, tools, output.

import { type DocumentPath, describeValue, quote, type TextDocument } from '../base/document.ts';
import { didYouMean } from '../base/errors.ts';
import {
  contentHash,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  sha256,
  shortHash,
} from '../base/json.ts';
import { wireApiOf } from '../core/model-apis.ts';
import { flatParams, isOutputCap } from '../core/params.ts';
import { ANTHROPIC_MAX_OUTPUT_TOKENS, type Layers } from '../core/release.ts';
import type { Inliner } from './inline-files.ts';
import type { ReleaseFile } from './release-schema.ts';
import { modelApiRoute, scriptsOf } from './route-layer.ts';
import type { RouteFile } from './route-schema.ts';
import { readTool, toolName } from './tool-definitions.ts';

export async function routeLayer(
  route: RouteFile,
  inliner: Inliner,
): Promise<{ route: Layers['route']; paths: Record<string, string> }> {
  const layer = (fields: Record<string, unknown>): Layers['route'] =>
    compact({ provider: route.provider, ...fields }) as Layers['route'];
  switch (route.provider) {
    case 'http':
      checkAddress(route.url, ['route', 'url'], inliner);
      return { route: layer({ ...route, method: (route.method ?? 'POST').toUpperCase() }), paths: {} };
    case 'command': {
      const { cwd, scripts: wanted, ...fields } = route;
      const paths = { cwd: inliner.resolve(cwd ?? '.') };
      inliner.mustBeInside(paths.cwd, ['route', 'cwd']);
      const scripts = await scriptsOf(route, (script) => inliner.present(script, ['route', 'command']));
      if (wanted !== undefined && contentHash(wanted) !== contentHash(scripts ?? {})) {
        inliner.fail(
          'RELEASE_SCRIPT_CHANGED',
          'the scripts that the command runs are not the stated ones',
          ['route', 'scripts'],
          'put them back as they were, or remove `scripts` to accept what they hold now',
        );
      }
      return { route: layer({ ...fields, scripts }), paths };
    }
    case 'replay': {
      const { file, map, recordings: wanted, ...fields } = route;
      const found = await inliner.hash(file, ['route', 'file']);
      const recordings = found ?? sha256('');
      if (found !== undefined && wanted !== undefined && wanted !== recordings) {
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
    default: {
      checkAddress(route['base-url'], ['route', 'base-url'], inliner);
      const { fields, paths } = modelApiRoute(route, (message, at, hint) =>
        inliner.fail('RELEASE_BAD_VALUE', message, ['route', ...at], hint),
      );
      return { route: layer(fields), paths };
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

/** `provider-options` stand beside the other params: both are fields of the request. */
export function paramsLayer(filled: ReleaseFile, inliner: Inliner): JsonObject | undefined {
  const { params: all, twins } = flatParams(filled.params ?? {});
  for (const key of twins)
    inliner.fail(
      'RELEASE_BAD_VALUE',
      `${quote(key)} is given twice, in params and in provider-options`,
      ['params', 'provider-options', key],
      'keep one of the two',
    );
  const capped = Object.keys(all).some(isOutputCap);
  return wireApiOf(filled.route as JsonObject) === 'messages' && !capped
    ? { ...all, 'max-output-tokens': ANTHROPIC_MAX_OUTPUT_TOKENS }
    : all;
}

export async function toolsLayer(
  tools: ReleaseFile['tools'],
  inliner: Inliner,
): Promise<JsonObject | undefined> {
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
  const names = definitions.map(toolName);
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

export async function outputLayer(
  output: ReleaseFile['output'],
  inliner: Inliner,
): Promise<JsonObject | undefined> {
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

/** Without the keys that are absent, at the top; a layer's content is otherwise as written. */
export function compact(fields: Readonly<Record<string, unknown>> | undefined): JsonObject | undefined {
  if (fields === undefined) return undefined;
  return Object.fromEntries(Object.entries(fields).filter(([, v]) => v !== undefined)) as JsonObject;
}
