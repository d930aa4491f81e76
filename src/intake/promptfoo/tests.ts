// promptfoo's tests as cases: defaults merged, variables multiplied, assertions read.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import { label } from '../parts/case-id.ts';
import type { FoundCase, FoundRecording } from '../parts/found.ts';
import { quoted } from '../parts/losses.ts';
import type { CaseNeeds } from './asked.ts';
import { readAssertions } from './assertions.ts';
import { combine } from './combine.ts';
import { csvTests } from './csv-tests.ts';
import { toLiquid } from './nunjucks.ts';
import { documentOf, filePathOf, readNamed, rendered, Site } from './site.ts';

const TEST_KEYS = new Set([
  'description',
  'vars',
  'assert',
  'threshold',
  'options',
  'metadata',
  'prompts',
  'provider',
  'providers',
  'providerOutput',
  'assertScoringFunction',
]);
const OPTION_KEYS = new Set([
  'prefix',
  'suffix',
  'provider',
  'rubricPrompt',
  'transform',
  'postprocess',
  'transformVars',
  'disableVarExpansion',
  'disableDefaultAsserts',
  'disableConversationVar',
  'runSerially',
  'storeOutputAs',
]);

/** What the whole configuration says about its tests. */
export interface TestFrame {
  readonly defaults: Site | null;
  /** Variables that prompts and bodies read. */
  readonly variables: ReadonlySet<string>;
  readonly trials: number | undefined;
  readonly disableVarExpansion?: boolean;
  /** Set where a case needs it. */
  readonly found: {
    judge: boolean;
    embedder: boolean;
    /** Where the provider of the judge stands. */
    judgeSite: Site | null;
    embedderSite: Site | null;
  };
}

/** Most combinations of list variables of one test. */
const MOST_COMBINATIONS = 100_000;

/** The tests that `tests` names, each where it stands. */
export function testSites(site: Site): { readonly site: Site; readonly csv: boolean }[] {
  const value = site.value;
  if (value === undefined || value === null) return [];
  if (typeof value === 'string') return testFiles(value, site);
  if (isJsonObject(value) && typeof value['path'] === 'string') return testFiles(value['path'], site);
  if (!Array.isArray(value)) {
    site.dropped('tests', 'they are not a list, file or glob');
    return [];
  }
  return (value as readonly JsonValue[]).flatMap((entry, i) => {
    const at = site.at(i);
    if (typeof entry === 'string') return testFiles(entry, at);
    if (isJsonObject(entry) && typeof entry['path'] === 'string') return testFiles(entry['path'], at);
    return [{ site: at, csv: false }];
  });
}

function testFiles(ref: string, site: Site): { readonly site: Site; readonly csv: boolean }[] {
  const what = `tests ${quoted(ref)}`;
  if (/^(https?|az|huggingface|sharepoint):\/\//i.test(ref)) {
    site.dropped(what, 'nothing is fetched; save the data in a file');
    return [];
  }
  const pattern = filePathOf(ref) ?? ref;
  if (/\.([cm]?[jt]s|py)(:\w+)?$/.test(pattern)) {
    site.dropped(what, 'the tests are made by code');
    return [];
  }
  const paths = /[*?[\]{}]/.test(pattern) ? site.reading.files.list(pattern) : [pattern];
  if (paths.length === 0) site.dropped(what, 'no file matches');
  return paths.flatMap((path) => testFile(path, site));
}

function testFile(path: string, site: Site): { readonly site: Site; readonly csv: boolean }[] {
  const what = `tests ${quoted(path)}`;
  if (/\.xlsx?(#.*)?$/i.test(path)) {
    site.dropped(what, 'spreadsheets are not read; save it as CSV');
    return [];
  }
  const file = readNamed(path, site, what);
  if (file === null) return [];
  if (/\.csv$/i.test(path))
    return csvTests(file.text, file.file, site).map((at) => ({ site: at, csv: true }));
  if (/\.jsonl$/i.test(path))
    return file.text.split('\n').flatMap((line, i) => {
      if (line.trim() === '') return [];
      const document = documentOf(line, `${file.file}`, site, `line ${i + 1} of ${what}`);
      if (document === null) return [];
      const fixed = { ...document, locate: () => ({ line: i + 1, column: 1 }) };
      return [{ site: new Site(site.reading, fixed), csv: false }];
    });
  if (!/\.(ya?ml|json)$/i.test(path)) {
    site.dropped(what, 'tests are taken from YAML, JSON, JSONL and CSV files');
    return [];
  }
  const document = documentOf(file.text, file.file, site, what);
  if (document === null) return [];
  const whole = new Site(site.reading, document);
  return Array.isArray(document.value)
    ? document.value.map((_: JsonValue, i: number) => ({ site: whole.at(i), csv: false }))
    : [{ site: whole, csv: false }];
}

/** The cases of one test; `over` is data of a scenario that the test's own overrides. */
export function readTest(
  { site, csv }: { readonly site: Site; readonly csv: boolean },
  frame: TestFrame,
  over: Site | null = null,
): FoundCase[] {
  const raw = site.value;
  if (!isJsonObject(raw)) {
    site.dropped('test', 'it is not a map');
    return [];
  }
  site.keys(raw, TEST_KEYS, 'test ');
  const layers = [frame.defaults, over, site].filter((layer) => layer !== null);
  const options = Object.assign({}, ...layers.map((layer) => mapAt(layer, 'options'))) as JsonObject;
  reportOptions(site);
  const first = (key: string): JsonValue | undefined => {
    for (const layer of [...layers].reverse()) {
      const value = isJsonObject(layer.value) ? layer.value[key] : undefined;
      if (value !== undefined && value !== null) return value;
    }
    return undefined;
  };
  for (const key of ['provider', 'providers'] as const)
    if (raw[key] !== undefined)
      site.at(key).dropped(`test key ${quoted(key)}`, 'every case runs with every release');
  if (first('assertScoringFunction') !== undefined)
    site.dropped('assertScoringFunction', 'it is code; the test passes by its assertions');
  if (options['transform'] !== undefined || options['postprocess'] !== undefined) {
    // Assertions about what code makes of an answer say nothing about the answer.
    site.dropped('test', 'its assertions grade what `transform` makes of the answer, which is code');
    return [];
  }
  const metadata = Object.assign({}, ...layers.map((layer) => mapAt(layer, 'metadata'))) as JsonObject;
  const tags = tagsOf(metadata, first('prompts'), site);
  const threshold = first('threshold');
  const description = raw['description'];
  const meta: JsonObject = {
    ...(typeof description === 'string' ? { description } : {}),
    ...withoutTags(metadata),
  };
  const expand = options['disableVarExpansion'] !== true && frame.disableVarExpansion !== true;
  const combos = combinations(mergedVars(layers), expand, site);
  noteJudge(layers, frame);
  const assertLayers =
    options['disableDefaultAsserts'] === true ? layers.filter((l) => l !== frame.defaults) : layers;
  site.mapped();
  return combos.map((vars): FoundCase => {
    const needs: CaseNeeds = {};
    const parts = assertLayers.flatMap((layer) => {
      const list = isJsonObject(layer.value) ? layer.value['assert'] : undefined;
      return Array.isArray(list)
        ? readAssertions(list as readonly JsonValue[], layer.at('assert'), {
            vars,
            needs,
            csv: csv && layer === site,
          })
        : [];
    });
    const grade = combine(parts, typeof threshold === 'number' ? threshold : undefined, site.at('threshold'));
    if (needs.judge === true) frame.found.judge = true;
    if (needs.embedder === true) frame.found.embedder = true;
    const answer = raw['providerOutput'];
    const recordings: FoundRecording[] =
      answer === undefined || answer === null ? [] : [{ release: 'recorded', output: answer }];
    return {
      vars: withMissing(vars, frame, site),
      ...(needs.expected === undefined ? {} : { expected: needs.expected }),
      grade,
      tags,
      meta,
      trials: frame.trials,
      source: { kind: 'promptfoo' },
      recordings,
      place: site.place(),
    };
  });
}

/** The provider that grades, of the innermost layer that names one; a suite has one judge, so the first test's counts. */
function noteJudge(layers: readonly Site[], { found }: TestFrame): void {
  const layer = [...layers].reverse().find((l) => mapAt(l, 'options')['provider'] !== undefined);
  if (layer === undefined) return;
  const at = layer.at('options', 'provider');
  const { value } = at;
  if (isJsonObject(value) && (value['text'] !== undefined || value['embedding'] !== undefined)) {
    if (value['text'] !== undefined) found.judgeSite ??= at.at('text');
    if (value['embedding'] !== undefined) found.embedderSite ??= at.at('embedding');
  } else if (found.judgeSite === null) found.judgeSite = at;
  else if (JSON.stringify(found.judgeSite.value) !== JSON.stringify(value))
    at.dropped('option "provider"', 'a suite has one judge: that of the first test which names one');
}

function reportOptions(site: Site): void {
  const own = mapAt(site, 'options');
  const at = site.at('options');
  for (const [key, value] of Object.entries(own)) {
    const here = at.at(key);
    if (!OPTION_KEYS.has(key)) here.dropped(`option ${quoted(key)}`, 'unknown key');
    else if (
      ['disableVarExpansion', 'disableDefaultAsserts', 'provider', 'disableConversationVar'].includes(key)
    )
      here.mapped();
    else if ((key === 'prefix' || key === 'suffix') && value !== '')
      here.dropped(`option ${quoted(key)}`, 'a prompt belongs to the release, not to a case');
    else if (key === 'runSerially') here.dropped(`option ${quoted(key)}`, 'cases are independent here');
    else if (key === 'storeOutputAs')
      here.dropped(`option ${quoted(key)}`, 'no case sees the answer of another');
    else if (key === 'rubricPrompt')
      here.dropped(`option ${quoted(key)}`, "lastgood's judge has its own prompt");
    else if (key === 'transformVars') here.dropped(`option ${quoted(key)}`, 'it is code');
  }
}

function mapAt(site: Site, key: string): JsonObject {
  const value = isJsonObject(site.value) ? site.value[key] : undefined;
  return isJsonObject(value) ? value : {};
}

function mergedVars(layers: readonly Site[]): Record<string, JsonValue> {
  const vars: Record<string, JsonValue> = {};
  for (const layer of layers) {
    const given = isJsonObject(layer.value) ? layer.value['vars'] : undefined;
    if (isJsonObject(given)) Object.assign(vars, given);
    else if (typeof given === 'string' || Array.isArray(given))
      Object.assign(vars, varFiles(given, layer.at('vars')));
  }
  return vars;
}

/** Variables that stand in YAML or JSON files. */
function varFiles(given: string | readonly JsonValue[], site: Site): JsonObject {
  const vars: Record<string, JsonValue> = {};
  for (const ref of typeof given === 'string' ? [given] : given) {
    const pattern = filePathOf(String(ref)) ?? String(ref);
    for (const path of /[*?[\]{}]/.test(pattern) ? site.reading.files.list(pattern) : [pattern]) {
      const what = `vars ${quoted(path)}`;
      const file = readNamed(path, site, what);
      const document = file === null ? null : documentOf(file.text, file.file, site, what);
      if (document === null) continue;
      if (isJsonObject(document.value)) Object.assign(vars, document.value);
      else site.dropped(what, 'the file is not a map of variables');
    }
  }
  return vars;
}

/** Every combination of the values of list variables, with files read and references to other variables filled in. */
function combinations(vars: Record<string, JsonValue>, expand: boolean, site: Site): JsonObject[] {
  let all: Record<string, JsonValue>[] = [{}];
  for (const [name, value] of Object.entries(vars)) {
    if (name === '__proto__') {
      site.dropped('variable "__proto__"', 'no variable can be called that');
      continue;
    }
    const many =
      expand && Array.isArray(value) && typeof value[0] === 'string'
        ? (value as readonly JsonValue[])
        : [value];
    const values = many.flatMap((v) => loaded(name, v, site));
    if (all.length * values.length > MOST_COMBINATIONS) {
      site.dropped('test', `its list variables make more than ${MOST_COMBINATIONS} combinations`);
      return [];
    }
    all = all.flatMap((combo) => values.map((v) => ({ ...combo, [name]: v })));
  }
  return all.map((combo) => resolved(combo, site));
}

/** A value, or what stands in the files it names. */
function loaded(name: string, value: JsonValue, site: Site): JsonValue[] {
  const path = typeof value === 'string' ? filePathOf(value) : null;
  if (path === null) return [value];
  const what = `variable ${quoted(name)}`;
  if (/\.([cm]?[jt]s|py)$/i.test(path)) {
    site.dropped(what, 'its value is made by code');
    return [''];
  }
  if (/\.(png|jpe?g|gif|webp|bmp|svg|pdf|mp3|wav|m4a|ogg|mp4|mov|webm)$/i.test(path)) {
    site.dropped(what, 'images, sound, video and PDF are not taken');
    return [''];
  }
  const paths = /[*?[\]{}]/.test(path) ? site.reading.files.list(path) : [path];
  const texts = paths.flatMap((p): JsonValue[] => {
    const file = readNamed(p, site, what);
    if (file === null) return [];
    if (!/\.ya?ml$/i.test(p)) return [file.text.trim()];
    const document = documentOf(file.text, file.file, site, what);
    return document === null ? [] : [JSON.stringify(document.value)];
  });
  return texts.length === 0 ? [''] : texts;
}

/** Variables may name other variables; what none of them has stays as it stands. */
function resolved(combo: Record<string, JsonValue>, site: Site): JsonObject {
  const out: Record<string, JsonValue> = {};
  for (const [name, value] of Object.entries(combo)) {
    if (typeof value !== 'string') {
      out[name] = value;
      continue;
    }
    const text = value.replace(/\n$/, '');
    const { variables } = toLiquid(text);
    const known = variables.length > 0 && variables.every((v) => v !== name && typeof combo[v] === 'string');
    out[name] = known
      ? (rendered(text, combo as JsonObject, site, `variable ${quoted(name)}`) ?? text)
      : text;
  }
  return out;
}

/** What a template reads and a test does not set is empty in promptfoo; here it would be an error. */
function withMissing(vars: JsonObject, { variables }: TestFrame, site: Site): JsonObject {
  const missing = [...variables].filter((name) => !Object.hasOwn(vars, name)).sort();
  for (const name of missing)
    site.approximated(
      `variable ${quoted(name)}`,
      'a prompt reads it and the test does not set it: an empty text',
    );
  for (const [name, value] of Object.entries(vars))
    if (variables.has(name) && typeof value === 'object' && value !== null)
      site.approximated(`variable ${quoted(name)}`, 'a list or map goes into a prompt as JSON');
  return missing.length === 0 ? vars : { ...vars, ...Object.fromEntries(missing.map((name) => [name, ''])) };
}

function tagsOf(metadata: JsonObject, prompts: JsonValue | undefined, site: Site): string[] {
  const tags = new Set<string>();
  const given = metadata['tags'];
  for (const tag of Array.isArray(given)
    ? (given as readonly JsonValue[])
    : typeof given === 'string'
      ? [given]
      : []) {
    const text = label(String(tag));
    if (text !== '') tags.add(text);
  }
  if (Array.isArray(prompts)) {
    for (const ref of prompts as readonly JsonValue[]) tags.add(label(`prompt:${String(ref)}`));
    site.approximated('test key "prompts"', 'tags `prompt:LABEL`; the case runs with every release');
  }
  return [...tags];
}

function withoutTags(metadata: JsonObject): JsonObject {
  const { tags: _tags, ...rest } = metadata;
  return rest;
}
