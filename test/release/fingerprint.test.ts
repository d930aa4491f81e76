import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { isJsonObject, type JsonObject, type JsonValue } from '../../src/base/json.ts';
import { releaseToYaml } from '../../src/release/index.ts';
import { RECORDINGS, releaseContent } from './arbitraries.ts';
import { fingerprintOf, releaseOf } from './memory.ts';

function reversed(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map((v) => reversed(v as JsonValue));
  if (!isJsonObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([k, v]) => [k, reversed(v as JsonValue)]),
  );
}

const print = (content: JsonValue): string => JSON.stringify(content, null, 2);

test('key order, YAML or JSON, name, notes and dependents do not change the fingerprint', async () => {
  await fc.assert(
    fc.asyncProperty(releaseContent, async (content) => {
      const fingerprint = await fingerprintOf(print(content), RECORDINGS);
      expect(await fingerprintOf(print(reversed(content)), RECORDINGS)).toBe(fingerprint);
      expect(
        await fingerprintOf(
          print({ ...content, name: 'other', notes: 'changed', dependents: [] }),
          RECORDINGS,
        ),
      ).toBe(fingerprint);
      const { name: _n, notes: _o, dependents: _d, ...bare } = content;
      expect(await fingerprintOf(print(bare), RECORDINGS)).toBe(fingerprint);
    }),
  );
});

test('comments, formatting and line ends of the file do not change the fingerprint', async () => {
  const texts = [
    'name: a\nroute:\n  provider: openai\n  model: gpt-4o\nprompt:\n  system: |\n    Be kind.\n    Be brief.\n',
    '# a comment\nroute: { model: "gpt-4o", provider: openai } # another\nprompt: { system: "Be kind.\\nBe brief.\\n" }\n',
    '{"prompt": {"system": "Be kind.\\nBe brief.\\n"}, "route": {"provider": "openai", "model": "gpt-4o", "api": "responses"}}',
  ];
  const all = [...texts, ...texts.map((t) => t.replaceAll('\n', '\r\n')), `\uFEFF${texts[0]}`];
  expect(new Set(await Promise.all(all.map((t) => fingerprintOf(t)))).size).toBe(1);
});

test('a text in a file and the same text inline are one content, whatever the line ends of the file', async () => {
  const inline = await fingerprintOf(
    print({ route: { provider: 'openai', model: 'm' }, prompt: { system: 'a\nb\n' } }),
  );
  const named = print({ route: { provider: 'openai', model: 'm' }, prompt: { system: { file: 'p.md' } } });
  expect(await fingerprintOf(named, { 'p.md': 'a\nb\n' })).toBe(inline);
  expect(await fingerprintOf(named, { 'p.md': '\uFEFFa\r\nb\r\n' })).toBe(inline);
  expect(await fingerprintOf(named, { 'p.md': 'a\nb' })).not.toBe(inline);
});

/** Every leaf of the content that a model, an application or a reader of answers can see. */
function* leaves(
  value: JsonValue,
  path: readonly (string | number)[] = [],
): Generator<readonly (string | number)[]> {
  if (Array.isArray(value)) for (const [i, v] of value.entries()) yield* leaves(v as JsonValue, [...path, i]);
  else if (isJsonObject(value))
    for (const [k, v] of Object.entries(value)) yield* leaves(v as JsonValue, [...path, k]);
  else yield path;
}

function changedAt(value: JsonValue, path: readonly (string | number)[]): JsonValue {
  const [step, ...rest] = path;
  if (step === undefined) {
    if (typeof value === 'string') return `${value}.`;
    if (typeof value === 'number') return value === 0.5 ? 0.25 : 0.5;
    if (typeof value === 'boolean') return !value;
    return 'something';
  }
  if (Array.isArray(value))
    return value.map((v, i) => (i === step ? changedAt(v as JsonValue, rest) : v)) as JsonValue;
  return Object.fromEntries(
    Object.entries(value as JsonObject).map(([k, v]) => [
      k,
      k === step ? changedAt(v as JsonValue, rest) : v,
    ]),
  ) as JsonValue;
}

const OPEN = ['prompt', 'retrieval', 'routing', 'output', 'tools', 'params'];

test('any change of a visible byte changes the fingerprint, in its own layer only', async () => {
  await fc.assert(
    fc.asyncProperty(releaseContent, fc.nat(), async (content, pick) => {
      const before = await releaseOf(print(content), RECORDINGS);
      const paths = [...leaves(content)].filter(
        ([layer, key, , name]) =>
          OPEN.includes(String(layer)) &&
          // Words of a fixed list, whole numbers and roles have no free neighbour.
          !['choice', 'seed', 'reranker'].includes(String(key)) &&
          name !== 'role',
      );
      fc.pre(paths.length > 0);
      const path = paths[pick % paths.length]!;
      const after = await releaseOf(print(changedAt(content, path)), RECORDINGS);
      expect(after.fingerprint).not.toBe(before.fingerprint);
      const differing = Object.keys({ ...before.layerHashes, ...after.layerHashes }).filter(
        (l) => before.layerHashes[l as 'route'] !== after.layerHashes[l as 'route'],
      );
      expect(differing).toEqual([path[0]]);
    }),
    { numRuns: 200 },
  );
});

test.each([
  ['gpt-4o', 'gpt-4o-2024-11-20'],
  ['provider: openai', 'provider: anthropic'],
  ['LLM_URL', 'OTHER_URL'],
  ['region: eu', 'region: us'],
])('a route that says %s and one that says %s differ', async (a, b) => {
  const text = 'route: { provider: openai, model: gpt-4o, base-url: { env: LLM_URL }, region: eu }\n';
  expect(await fingerprintOf(text.replace(a, b))).not.toBe(await fingerprintOf(text));
});

test('the variable that holds the key is no part of the fingerprint', async () => {
  const text = 'route: { provider: openai, model: gpt-4o }\n';
  const named = await releaseOf(text.replace(' }', ', api-key-env: SHOP_KEY }'));
  expect(named.fingerprint).toBe(await fingerprintOf(text));
  expect(named.paths).toEqual({ 'api-key-env': 'SHOP_KEY' });
});

test('recordings are known by their content, not by their name', async () => {
  const at = (file: string, content: string) =>
    fingerprintOf(`route: { provider: replay, file: ${file} }`, { [file]: content });
  expect(await at('a.jsonl', '{"x":1}\n{"y":2}\n')).toBe(await at('b.jsonl', '{"x":1}\r\n{"y":2}\r\n'));
  expect(await at('a.jsonl', '{"x":1}\n')).not.toBe(await at('a.jsonl', '{"x":2}\n'));
});

test('a release written out stands on its own and loads to the same fingerprint, as YAML any tool can read', async () => {
  await fc.assert(
    fc.asyncProperty(releaseContent, async (content) => {
      const release = await releaseOf(print(content), RECORDINGS);
      const again = await releaseOf(
        releaseToYaml(release),
        {
          '/shop/april.jsonl': RECORDINGS['april.jsonl'],
          '/data/april.jsonl': RECORDINGS['/data/april.jsonl'],
        },
        '/elsewhere/restored.yaml',
      );
      expect(again.fingerprint).toBe(release.fingerprint);
      expect(again.layers).toEqual(release.layers);
      expect(again.paths).toEqual(release.paths);
      expect(again.dependents).toEqual(release.dependents);
      expect([again.name, again.notes]).toEqual([release.name, release.notes]);
    }),
    { numRuns: 300 },
  );
});

test('a key that YAML would take for a merge survives being written out', async () => {
  const release = await releaseOf(
    JSON.stringify({
      name: 'a',
      route: { provider: 'openai', model: 'm' },
      params: { 'provider-options': { store: { '<<': [''] } } },
    }),
  );
  expect((await releaseOf(releaseToYaml(release))).fingerprint).toBe(release.fingerprint);
});

test('the written file is YAML, with texts of several lines kept readable', async () => {
  const release = await releaseOf(
    stringify({
      name: 'a',
      route: { provider: 'openai', model: 'm' },
      prompt: { system: 'Be kind.\nBe brief.\n' },
    }),
  );
  expect(releaseToYaml(release).replace(/^#.*\n/, '')).toBe(
    'name: a\nroute:\n  provider: openai\n  model: m\n  api: responses\nprompt:\n  system: |\n    Be kind.\n    Be brief.\n',
  );
});
