// A promptfoo configuration: its prompts × providers as releases, its tests as cases.

import { isJsonObject, type JsonObject, type JsonValue } from '../../base/json.ts';
import { slug } from '../parts/case-id.ts';
import type { FoundCase, FoundFrame, FoundRelease } from '../parts/found.ts';
import { quoted } from '../parts/losses.ts';
import { type MappedPrompt, readPrompts } from './prompts.ts';
import { type MappedProvider, readEmbedder, readProviders } from './providers.ts';
import { documentOf, type FileSink, filePathOf, readNamed, Site } from './site.ts';
import { readTest, type TestFrame, testSites } from './tests.ts';

/** Keys of a configuration that have an equal; the others are named with the reason. */
const KNOWN = new Set([
  '$schema',
  'description',
  'prompts',
  'providers',
  'targets',
  'tests',
  'scenarios',
  'defaultTest',
  'evaluateOptions',
]);

const WITHOUT_EQUAL: Readonly<Record<string, string>> = {
  tags: 'a suite has no tags of its own; cases have',
  derivedMetrics: 'no metrics are computed from others here',
  nunjucksFilters: 'they are code',
  env: 'the environment is set outside of files',
  extensions: 'they are code',
  outputPath: 'results are kept in the ledger',
  writeLatestResults: 'results are kept in the ledger',
  commandLineOptions: 'options of a command are given to the command',
  tracing: 'no traces are taken here',
  redteam: 'red-team tests are made by another program',
  metadata: 'a suite has no metadata; cases have',
  sharing: 'nothing is shared with a service',
};

export interface ConfigFound {
  readonly cases: readonly FoundCase[];
  readonly frame: FoundFrame;
}

/** Reads a whole configuration. */
export function readConfig(site: Site): ConfigFound {
  const raw = site.value as JsonObject;
  for (const [key, why] of Object.entries(WITHOUT_EQUAL))
    if (raw[key] !== undefined && raw[key] !== null) site.at(key).dropped(`key ${quoted(key)}`, why);
  site.keys(raw, new Set([...KNOWN, ...Object.keys(WITHOUT_EQUAL)]), '');

  const prompts = raw['prompts'] === undefined ? [] : readPrompts(site.at('prompts'));
  const targets = raw['providers'] === undefined ? 'targets' : 'providers';
  const providers = raw[targets] === undefined ? [] : readProviders(site.at(targets));
  if (typeof raw['description'] === 'string') site.at('description').mapped();
  const { repeat, disableVarExpansion } = evaluateOptions(site.at('evaluateOptions'));

  const defaults = defaultsOf(site);
  const frame: TestFrame = {
    defaults,
    variables: new Set(prompts.flatMap((p) => p.variables)),
    trials: repeat,
    disableVarExpansion,
    found: { judge: false, embedder: false, judgeSite: null, embedderSite: null },
  };
  if (defaults !== null && isJsonObject(defaults.value)) defaults.mapped();
  const sites = testSites(site.at('tests'));
  let cases = sites.flatMap((test) => readTest(test, frame));
  cases = [...cases, ...scenarios(site.at('scenarios'), frame)];
  if (raw['tests'] === undefined && raw['scenarios'] === undefined && defaults !== null)
    cases = readTest(
      { site: new Site(site.reading, { ...site.document, value: { vars: {} } }), csv: false },
      frame,
    );

  const releases = releasesOf(prompts, providers, site);
  const examiners = examinersOf(frame, site);
  return {
    cases,
    frame: {
      description: typeof raw['description'] === 'string' ? raw['description'] : undefined,
      releases: [...releases, ...examiners.releases],
      files: [],
      judge: examiners.judge,
      embedder: examiners.embedder,
    },
  };
}

function defaultsOf(site: Site): Site | null {
  const value = site.at('defaultTest').value;
  if (isJsonObject(value)) return reportDefaultKeys(site.at('defaultTest'));
  if (typeof value !== 'string') return null;
  const path = filePathOf(value) ?? value;
  const at = site.at('defaultTest');
  const file = readNamed(path, at, 'defaultTest');
  const document = file === null ? null : documentOf(file.text, file.file, at, 'defaultTest');
  if (document === null) return null;
  if (!isJsonObject(document.value)) {
    at.dropped('defaultTest', 'the file is not a map');
    return null;
  }
  return reportDefaultKeys(new Site(site.reading, document));
}

const DEFAULT_KEYS = new Set([
  'vars',
  'assert',
  'options',
  'threshold',
  'metadata',
  'prompts',
  'description',
]);
const DEFAULT_OPTIONS: Readonly<Record<string, string>> = {
  prefix: 'a prompt belongs to the release: write it into the prompt',
  suffix: 'a prompt belongs to the release: write it into the prompt',
  rubricPrompt: "lastgood's judge has its own prompt",
  transformVars: 'it is code',
  storeOutputAs: 'no case sees the answer of another',
  runSerially: 'cases are independent here',
};
const KNOWN_DEFAULT_OPTIONS = new Set([
  'provider',
  'transform',
  'postprocess',
  'disableVarExpansion',
  'disableDefaultAsserts',
  'disableConversationVar',
]);

function reportDefaultKeys(site: Site): Site {
  const raw = site.value as JsonObject;
  site.keys(raw, DEFAULT_KEYS, 'defaultTest ');
  const options = raw['options'];
  if (!isJsonObject(options)) return site;
  const at = site.at('options');
  at.keys(options, new Set([...KNOWN_DEFAULT_OPTIONS, ...Object.keys(DEFAULT_OPTIONS)]), 'option ');
  for (const [key, why] of Object.entries(DEFAULT_OPTIONS))
    if (options[key] !== undefined) at.at(key).dropped(`option ${quoted(key)}`, why);
  return site;
}

const RUN_OPTIONS = new Set([
  'maxConcurrency',
  'delay',
  'cache',
  'timeoutMs',
  'maxEvalTimeMs',
  'showProgressBar',
  'interactiveProviders',
  'generateSuggestions',
]);

function evaluateOptions(site: Site): { repeat: number | undefined; disableVarExpansion: boolean } {
  const value = site.value;
  if (!isJsonObject(value)) return { repeat: undefined, disableVarExpansion: false };
  for (const key of Object.keys(value)) {
    const at = site.at(key);
    if (RUN_OPTIONS.has(key))
      at.dropped(`evaluateOptions key ${quoted(key)}`, 'a setting of the run: an option of `lastgood run`');
    else if (key === 'repeat' || key === 'disableVarExpansion') at.mapped();
    else at.dropped(`evaluateOptions key ${quoted(key)}`, 'unknown key');
  }
  const repeat = value['repeat'];
  return {
    repeat: typeof repeat === 'number' && Number.isInteger(repeat) && repeat > 1 ? repeat : undefined,
    disableVarExpansion: value['disableVarExpansion'] === true,
  };
}

/** Every entry of `config` with every one of `tests`. */
function scenarios(site: Site, frame: TestFrame): FoundCase[] {
  const { value } = site;
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) {
    site.dropped('scenarios', 'they are not a list');
    return [];
  }
  return (value as readonly JsonValue[]).flatMap((scenario, i) => {
    const at = site.at(i);
    if (!isJsonObject(scenario)) {
      at.dropped(
        `scenario ${typeof scenario === 'string' ? quoted(scenario) : ''}`,
        'it is not a map; scenarios in files are not supported yet',
      );
      return [];
    }
    at.keys(scenario, new Set(['description', 'config', 'tests']), 'scenario ');
    const config = scenario['config'];
    const data = Array.isArray(config)
      ? (config as readonly JsonValue[]).map((_, k) => at.at('config', k))
      : [];
    for (const entry of data)
      if (isJsonObject(entry.value)) entry.keys(entry.value, SCENARIO_KEYS, 'scenario ');
    if (data.length === 0) at.dropped('scenario', 'it has no `config` list');
    at.mapped();
    return data.flatMap((over) => testSites(at.at('tests')).flatMap((test) => readTest(test, frame, over)));
  });
}

const SCENARIO_KEYS = new Set(['vars', 'assert', 'options', 'threshold', 'metadata', 'description']);

/** One release for each provider with each prompt that it is asked with. */
function releasesOf(
  prompts: readonly MappedPrompt[],
  providers: readonly MappedProvider[],
  site: Site,
): FoundRelease[] {
  const names = new Set<string>();
  const { sink } = site.reading;
  return providers.flatMap((provider) => {
    const chosen = prompts.filter((prompt) => isAsked(provider, prompt));
    if (chosen.length === 0 && prompts.length > 0)
      provider.site.dropped(`provider ${quoted(provider.label)}`, 'no prompt has the labels that it names');
    return chosen.map((prompt): FoundRelease => {
      const wanted = prompts.length === 1 ? provider.label : `${provider.label} ${prompt.label}`;
      const name = uniqueName(slug(wanted, 60) || 'release', names);
      return {
        name,
        file: {
          name,
          route: provider.route,
          prompt: { messages: promptFiles(prompt, sink) },
          ...(Object.keys(provider.params).length > 0 ? { params: provider.params } : {}),
          ...(provider.tools === undefined ? {} : { tools: provider.tools }),
          ...(provider.output === undefined ? {} : { output: provider.output }),
        },
        place: provider.site.place(),
      };
    });
  });
}

function isAsked({ prompts }: MappedProvider, { label, id }: MappedPrompt): boolean {
  if (prompts === undefined) return true;
  return prompts.some(
    (ref) =>
      ref === label ||
      ref === id ||
      (ref.endsWith('*') && label.startsWith(ref.slice(0, -1))) ||
      label.startsWith(`${ref}:`),
  );
}

/** The messages of a prompt, each with its text in a file of its own. */
function promptFiles({ label, messages }: MappedPrompt, sink: FileSink): JsonValue[] {
  const stem = slug(label, 60) || 'prompt';
  return messages.map((message, i) => {
    const own = messages.length === 1 ? `${stem}.md` : `${stem}.${i + 1}-${String(message['role'])}.md`;
    return {
      role: message['role'] as JsonValue,
      content: { file: `../${sink.add(`prompts/${own}`, String(message['content']))}` },
    };
  });
}

function uniqueName(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let n = 2; taken.has(name); n++) name = `${wanted}-${n}`;
  taken.add(name);
  return name;
}

/** Releases of the judge and the embedder, where graders ask for them. */
function examinersOf(
  { found }: TestFrame,
  site: Site,
): { releases: FoundRelease[]; judge?: string; embedder?: string } {
  const releases: FoundRelease[] = [];
  const add = (
    name: string,
    chosen: Pick<MappedProvider, 'route' | 'params' | 'site'> | undefined,
    fallback: JsonObject,
  ): string => {
    if (chosen === undefined)
      site.approximated(name, `the source names none that is taken: choose one in releases/${name}.yaml`);
    const params =
      chosen === undefined || Object.keys(chosen.params).length === 0 ? {} : { params: chosen.params };
    releases.push({
      name,
      file: { name, ...(chosen === undefined ? fallback : { route: chosen.route, ...params }) },
      place: (chosen?.site ?? site).place(),
    });
    return name;
  };
  const { judgeSite, embedderSite } = found;
  const judge = judgeSite === null ? undefined : readProviders(judgeSite)[0];
  const embedder = embedderSite === null ? undefined : readEmbedder(embedderSite);
  return {
    releases,
    ...(found.judge
      ? {
          judge: add('judge', judge, {
            route: { provider: 'openai', api: 'chat', model: 'gpt-4.1-2025-04-14' },
            params: { temperature: 0 },
          }),
        }
      : {}),
    ...(found.embedder
      ? {
          embedder: add('embedder', embedder, {
            route: { provider: 'openai', model: 'text-embedding-3-large' },
          }),
        }
      : {}),
  };
}
