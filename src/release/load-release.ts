// Loads a release: the file, every text it names, the layers as they are fingerprinted.

import { readFile } from 'node:fs/promises';
import { basename, extname } from 'node:path';
import { readDocument } from '../base/document.ts';
import { checkShape } from '../base/document-check.ts';
import { LastgoodError, throwAll } from '../base/errors.ts';
import { normalizeNewlines, sha256 } from '../base/json.ts';
import { LARGEST_DOCUMENT, mustBeReadable } from '../base/trust.ts';
import { fingerprintLayers, type Layers, type Release } from '../core/release.ts';
import { type HashText, hashOfFile } from './hash-of-file.ts';
import { inlineFiles, problemOf, type ReadText } from './inline-files.ts';
import { lintPin } from './pin.ts';
import { promptLayer } from './prompt-layer.ts';
import { compact, outputLayer, paramsLayer, routeLayer, toolsLayer } from './release-layers.ts';
import { releaseFileSchema } from './release-schema.ts';
import { secretErrors } from './release-secrets.ts';
import { rememberCode } from './remember-code.ts';

/** Reads and checks a release file and the files it names. Throws LastgoodError(s) with file, line and column; no call is made. */
export async function loadRelease(file: string): Promise<Release> {
  const read: ReadText = (path) => {
    mustBeReadable(path, LARGEST_DOCUMENT);
    return readFile(path, 'utf8');
  };
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
  return parseRelease(text, file, read, hashOfFile);
}

/** A release from the text of its file; `readText` supplies the files it names, `hashText` the hash of such as are only hashed. */
export async function parseRelease(
  text: string,
  file: string,
  readText: ReadText,
  hashText: HashText = async (path) => sha256(normalizeNewlines(await readText(path))),
): Promise<Release> {
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
  const inliner = inlineFiles(document, { readText, hashText }, errors);
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
  rememberCode(present.route, paths, filled.dependents ?? []);
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

function refuse(errors: readonly LastgoodError[]): never {
  throwAll(errors);
  throw new TypeError('refused without a reason');
}
