// Writes a release as a file that stands on its own and loads to the same fingerprint.

import { isAbsolute, relative, sep } from 'node:path';
import { parseDocument, stringify } from 'yaml';
import { LastgoodError } from '../base/errors.ts';
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue } from '../base/json.ts';
import type { Release } from '../core/release.ts';
import { PARAM_NAMES } from './release-schema.ts';

/**
 * The text of a release file with everything inlined. Recordings and the folder of a command stay where they are and are named from `folder`,
 * where the file will lie, or else by absolute path; recordings are named with their hash, so that a changed file is refused. Throws RELEASE_NO_RECORDINGS when a replay route's file is not known.
 */
export function releaseToYaml(release: Release, folder?: string): string {
  const content = fileContent(release, (path) => (folder === undefined ? path : pathFrom(folder, path)));
  const head = `# Release ${release.fingerprint.slice(0, 12)}, written by lastgood. Files it named are written out here.\n`;
  const yaml = head + stringify(content, { lineWidth: 0, aliasDuplicateObjects: false, version: '1.2' });
  // Texts with unusual white space or control characters are safer as JSON, which is YAML too.
  return readsBack(yaml, content) ? yaml : `${head}${JSON.stringify(content, null, 2)}\n`;
}

type Place = (path: string) => string;

function fileContent(release: Release, place: Place): JsonObject {
  const { route, params, ...others } = release.layers;
  return {
    name: release.name,
    route: routeOf(release, route, place),
    ...(params === undefined ? {} : { params: paramsOf(params) }),
    ...others,
    ...(release.dependents.length === 0
      ? {}
      : {
          dependents: release.dependents.map(
            ({ name, builtFrom, check, env, rebuild }): JsonObject => ({
              name,
              'built-from': builtFrom,
              ...(check === undefined ? {} : { check }),
              ...(env === undefined ? {} : { env: [...env] }),
              ...(rebuild === undefined ? {} : { rebuild }),
            }),
          ),
        }),
    ...(release.notes === undefined ? {} : { notes: release.notes }),
  };
}

/** With forward slashes, so that the file serves on every system; absolute where the two have nothing in common. */
function pathFrom(folder: string, path: string): string {
  if (!isAbsolute(path)) return path;
  const found = relative(folder, path);
  if (isAbsolute(found)) return path;
  const slashed = found.replaceAll(sep, '/');
  return slashed.startsWith('..') ? slashed : `./${slashed}`;
}

function routeOf(release: Release, route: JsonObject, place: Place): JsonObject {
  const { cwd, recordings, 'api-key-env': keyVariable, 'token-env': tokenVariable } = release.paths;
  switch (route['provider']) {
    case 'replay': {
      if (recordings === undefined) {
        throw new LastgoodError({
          code: 'RELEASE_NO_RECORDINGS',
          message: `where the recordings of release "${release.name}" are is not known, so it cannot be written as a file`,
          hint: 'load the release from its own file',
        });
      }
      return { ...route, file: place(recordings) };
    }
    case 'command':
      return cwd === undefined ? route : { ...route, cwd: place(cwd) };
    default:
      return {
        ...route,
        ...(keyVariable === undefined ? {} : { 'api-key-env': keyVariable }),
        ...(tokenVariable === undefined ? {} : { 'token-env': tokenVariable }),
      };
  }
}

function paramsOf(params: JsonObject): JsonObject {
  const named: Record<string, JsonValue | undefined> = {};
  const options: Record<string, JsonValue | undefined> = {};
  for (const [key, value] of Object.entries(params)) {
    if (PARAM_NAMES.includes(key)) named[key] = value;
    else options[key] = value;
  }
  return Object.keys(options).length === 0 ? named : { ...named, 'provider-options': options };
}

function readsBack(yaml: string, content: JsonObject): boolean {
  const document = parseDocument(yaml.replace(/\r\n?/g, '\n'), {
    merge: true,
    stringKeys: true,
    logLevel: 'error',
  });
  if (document.errors.length > 0 || document.warnings.length > 0) return false;
  try {
    const value: unknown = document.toJS({ maxAliasCount: 10_000 });
    return isJsonObject(value) && canonicalJson(value) === canonicalJson(content);
  } catch {
    // A key written `<<` is taken for a merge, and its value is none.
    return false;
  }
}
