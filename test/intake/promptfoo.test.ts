// Parts of the promptfoo reader: templates, lists in cells, weights, what is reported and what is refused.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { readDocument } from '../../src/base/document.ts';
import { LastgoodError } from '../../src/base/errors.ts';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';
import { compileText, fillText } from '../../src/base/template.ts';
import { FileSink, Losses, readConfig, Site } from '../../src/intake/index.ts';
import { commaList } from '../../src/intake/promptfoo/asked.ts';
import { toLiquid } from '../../src/intake/promptfoo/nunjucks.ts';

function read(config: object, files: Readonly<Record<string, string>> = {}, allowCode = false) {
  const losses = new Losses();
  const sink = new FileSink();
  const document = readDocument(
    stringify(config, { aliasDuplicateObjects: false }),
    'promptfooconfig.yaml',
    'IMPORT',
  );
  const source = {
    read(path: string) {
      const text = files[path];
      if (text === undefined)
        throw new LastgoodError({ code: 'IMPORT_UNREADABLE', message: `no file ${path}` });
      return { text, file: path };
    },
    list: () => Object.keys(files),
  };
  const found = readConfig(new Site({ losses, files: source, sink, allowCode, seen: new Set() }, document));
  return { ...found, report: losses.report(), files: sink.list() };
}

const one = (assert: readonly object[], more: object = {}): object => ({
  prompts: ['Answer {{q}}'],
  providers: ['openai:chat:gpt-x'],
  tests: [{ vars: { q: 'why?' }, assert, ...more }],
});

test.each([
  ['{{ name | upper }} and {{user.name}}', { name: 'mia', user: { name: 'tom' } }, 'MIA and tom'],
  ['{% if a and b == "x" %}yes{% else %}no{% endif %}', { a: 'q', b: 'x' }, 'yes'],
  ['{% if a %}yes{% else %}no{% endif %}', { a: '' }, 'no'],
  ['{% if a %}yes{% else %}no{% endif %}', { a: 0 }, 'no'],
  ['{% if not a %}none{% elif a == 2 %}two{% endif %}', { a: 2 }, 'two'],
  ['{% for x in xs %}{{ loop.index }}:{{ x }} {% endfor %}', { xs: ['a', 'b'] }, '1:a 2:b '],
  ['{% set n = "x" %}{{ n }}{# gone #}', {}, 'x'],
  ['{{ xs | join(", ") }} {{ s | replace("a", "b") }}', { xs: ['1', '2'], s: 'aa' }, '1, 2 bb'],
  ['{% raw %}{{ kept }}{% endraw %}', {}, '{{ kept }}'],
  ['{{ o | dump }}', { o: { a: 1 } }, '{"a":1}'],
])('the Nunjucks text %s means the same as Liquid', (text, vars, wanted) => {
  const liquid = toLiquid(text);
  expect(liquid.unsupported).toEqual([]);
  const template = compileText(liquid.text, { file: null, key: 'k' });
  expect(fillText(template, vars as JsonObject, { caseId: 'c', file: null })).toBe(wanted);
});

test.each([
  '{{ a + b }}',
  '{{ f(x) }}',
  '{{ a if b else c }}',
  '{{ env.KEY }}',
  '{{ _conversation }}',
  '{% include "x" %}',
  '{% macro m() %}{% endmacro %}',
  '{% if a and b or c %}x{% endif %}',
  '{% for k, v in o %}{% endfor %}',
])('the Nunjucks text %s has no equal and is named', (text) => {
  expect(toLiquid(text).unsupported).not.toEqual([]);
});

test('lists in one text keep quoted commas, and report a quote that is not closed', () => {
  expect(commaList('a, "b, c",d ,"say ""hi""", "x\\"y"')).toEqual(['a', 'b, c', 'd', 'say "hi"', 'x"y']);
  expect(commaList('a, "b')).toBeNull();
});

test('weights of a set inside a threshold are spread over its parts', () => {
  const { cases } = read(
    one(
      [
        {
          type: 'assert-set',
          weight: 2,
          assert: [
            { type: 'contains', value: 'a' },
            { type: 'contains', value: 'b', weight: 3 },
          ],
        },
        { type: 'contains', value: 'c' },
      ],
      { threshold: 0.6 },
    ),
  );
  expect(cases[0]?.grade).toMatchObject([
    { rubric: { threshold: 0.6, criteria: [{ weight: 0.5 }, { weight: 1.5 }, { id: 'contains-3' }] } },
  ]);
});

test.each([
  [{ type: 'perplexity', threshold: 3 }, 'there is no grader for it here'],
  [{ type: 'javascript', value: 'output' }, 'it is code; take it with --allow-code after you have read it'],
  [
    { type: 'contains', value: 'x', transform: 'output.trim()' },
    'it grades what its `transform` makes of the answer, which is code',
  ],
  [{ type: 'not-similar', value: 'x' }, '`similar` has no `not-` form'],
  [{ type: 'regex', value: '(' }, '"(" is not a regular expression; promptfoo fails it always'],
  [{ type: 'contains-any', value: [] }, 'its list is empty'],
  [{ type: 'is-json', value: 'file://schema.js' }, 'its schema is made by code'],
])('the assertion %j is dropped with its reason and its line', (assertion, reason) => {
  const { cases, report } = read(one([assertion]));
  expect(cases[0]?.grade).toEqual([]);
  expect(report.dropped).toMatchObject([{ reason, file: 'promptfooconfig.yaml' }]);
  expect(report.dropped[0]?.line).toBeGreaterThan(5);
});

test('code is written to files only where it is allowed', () => {
  const config = one([{ type: 'javascript', value: 'output.length > 3' }]);
  expect(read(config).files.filter((f) => f.path.startsWith('graders/'))).toEqual([]);
  const allowed = read(config, {}, true);
  expect(allowed.report.dropped).toEqual([]);
  expect(allowed.files.find((f) => f.path.startsWith('graders/'))?.text).toContain(
    'return output.length > 3',
  );
});

test('a key in the configuration never reaches a file', () => {
  const { frame, report } = read({
    prompts: ['{{q}}'],
    providers: [
      {
        id: 'openai:chat:m',
        config: { apiKey: 'sk-very-secret-value-123456', headers: { Authorization: 'Bearer abc-def' } },
      },
    ],
    tests: [{ vars: { q: 'x' } }],
  });
  expect(JSON.stringify(frame)).not.toMatch(/very-secret|abc-def/);
  expect(report.dropped.map((d) => d.construct)).toEqual([
    'provider config key "apiKey"',
    'header "Authorization"',
  ]);
});

const WHOLE: JsonObject = {
  description: 'refunds',
  prompts: [{ id: 'p', label: 'short', raw: 'Answer {{q}}' }],
  providers: [{ id: 'openai:chat:gpt-x', label: 'candidate', config: { temperature: 0 } }],
  defaultTest: {
    vars: { lang: 'en' },
    assert: [{ type: 'is-json' }],
    options: { disableVarExpansion: false },
  },
  evaluateOptions: { repeat: 2 },
  scenarios: [
    {
      config: [{ vars: { a: 'b' } }],
      tests: [{ vars: { q: 'x' }, assert: [{ type: 'contains', value: 'x' }] }],
    },
  ],
  tests: [
    {
      description: 'late',
      vars: { q: 'why?' },
      options: { disableDefaultAsserts: true },
      assert: [
        { type: 'contains', value: 'x' },
        { type: 'assert-set', threshold: 0.5, assert: [{ type: 'equals', value: 'y' }] },
      ],
    },
  ],
};

/** Places where promptfoo reads keys of its own; variables, metadata and tool definitions are open. */
function closedMaps(value: JsonValue, path: (string | number)[] = []): (string | number)[][] {
  if (Array.isArray(value))
    return (value as readonly JsonValue[]).flatMap((v, i) => closedMaps(v, [...path, i]));
  if (typeof value !== 'object' || value === null) return [];
  const last = path.at(-1);
  if (last === 'vars' || last === 'metadata') return [];
  return [path, ...Object.entries(value).flatMap(([k, v]) => closedMaps(v as JsonValue, [...path, k]))];
}

function withKey(value: JsonValue, path: readonly (string | number)[], key: string): JsonValue {
  const [step, ...rest] = path;
  if (step === undefined) return { ...(value as JsonObject), [key]: 1 };
  if (Array.isArray(value))
    return (value as readonly JsonValue[]).map((v, i) => (i === step ? withKey(v, rest, key) : v));
  const map = value as JsonObject;
  return { ...map, [step]: withKey(map[String(step)] as JsonValue, rest, key) };
}

test('the configuration without unknown keys drops nothing', () => {
  expect(read(WHOLE).report.dropped).toEqual([]);
});

test('an unknown key anywhere in a configuration is reported with its place', () => {
  const places = closedMaps(WHOLE);
  expect(places.length).toBeGreaterThan(12);
  fc.assert(
    fc.property(fc.constantFrom(...places), fc.stringMatching(/^zz[a-zA-Z0-9_-]{1,12}$/), (path, key) => {
      const { report } = read(withKey(WHOLE, path, key) as JsonObject);
      const named = report.dropped.filter((d) => d.construct.includes(JSON.stringify(key)));
      expect(named).toHaveLength(1);
      expect(named[0]).toMatchObject({ file: 'promptfooconfig.yaml', line: expect.any(Number) });
    }),
    { numRuns: 120 },
  );
});

test.each([
  ['ollama:chat:llama3.2', {}, { provider: 'ollama', api: 'chat', model: 'llama3.2' }],
  ['openrouter:openai/gpt-4o', {}, { provider: 'openrouter', api: 'chat', model: 'openai/gpt-4o' }],
  [
    'litellm:chat:fast',
    { apiBaseUrl: 'https://llm.x/v1' },
    { provider: 'litellm', 'base-url': 'https://llm.x/v1' },
  ],
  [
    'azure:chat:prod',
    { apiHost: 'shop.openai.azure.com', apiVersion: '2024-10-21' },
    { provider: 'azure', 'base-url': 'https://shop.openai.azure.com', 'api-version': '2024-10-21' },
  ],
  [
    'azureopenai:responses:prod',
    {},
    {
      provider: 'azure',
      api: 'responses',
      'base-url': { env: 'AZURE_API_BASE_URL' },
      'api-key-env': 'AZURE_API_KEY',
    },
  ],
])('the provider %s is the service of that name', (id, config, wanted) => {
  const { frame, report } = read({ prompts: ['x'], providers: [{ id, config }], tests: [] });
  expect(frame.releases[0]?.file['route']).toMatchObject(wanted);
  expect(report.dropped).toEqual([]);
});
