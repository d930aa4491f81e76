// Releases of every kind, as their files would hold them.

import fc from 'fast-check';
import { LOOKS_SECRET, notJson } from '../../src/base/document.ts';
import type { JsonObject, JsonValue } from '../../src/base/json.ts';

/** Any text a file can hold, the nasty ones often: control characters, line ends, indents, YAML's own marks. */
export const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.string({
    unit: fc.constantFrom(
      '\n',
      '\r',
      '\t',
      ' ',
      ':',
      '#',
      '-',
      '"',
      "'",
      '{',
      '|',
      '\u0085',
      '\u2028',
      '\0',
      'ü',
      'a',
    ),
    maxLength: 20,
  }),
);

const bag = (
  fc.dictionary(
    fc.string({ maxLength: 8 }),
    fc.jsonValue({ maxDepth: 2, stringUnit: 'binary' }),
  ) as fc.Arbitrary<JsonObject>
)
  .filter((value) => notJson(value).length === 0)
  // One YAML number for 0 and -0, as in RFC 8785.
  .map(
    (value) =>
      JSON.parse(JSON.stringify(value, (_k, v: JsonValue) => (Object.is(v, -0) ? 0 : v))) as JsonObject,
  );

const word = fc.string({ unit: fc.constantFrom(...'abcxyz-_.0123'), minLength: 1, maxLength: 12 });
const variable = fc.constantFrom('LLM_URL', 'SHOP_KEY', 'API_BASE');
const envText = fc.oneof(
  fc.constant('https://llm.example.test/v1'),
  fc.record({ env: variable, prefix: fc.constant('Bearer ') }, { requiredKeys: ['env'] }),
);

const route = fc.oneof(
  fc.record(
    {
      provider: fc.constant('openai'),
      model: word,
      api: fc.constantFrom('responses', 'chat'),
      'base-url': envText,
      'api-key-env': variable,
      region: word,
      organization: word,
    },
    { requiredKeys: ['provider', 'model'] },
  ),
  fc.record(
    {
      provider: fc.constant('anthropic'),
      model: word,
      'api-version': fc.constant('2023-06-01'),
      'api-key-env': variable,
    },
    { requiredKeys: ['provider', 'model'] },
  ),
  fc.record(
    {
      provider: fc.constant('http'),
      url: envText,
      method: fc.constantFrom('post', 'PUT'),
      headers: fc.dictionary(fc.constantFrom('accept', 'x-team'), envText),
      body: bag,
      output: word,
    },
    { requiredKeys: ['provider', 'url'] },
  ),
  fc.record(
    {
      provider: fc.constant('command'),
      command: fc.oneof(word, fc.array(anyText, { minLength: 1, maxLength: 3 })),
      cwd: fc.constantFrom('.', '../bot', '/opt/bot'),
      env: fc.array(variable),
      'timeout-ms': fc.integer({ min: 1, max: 9999 }),
    },
    { requiredKeys: ['provider', 'command'] },
  ),
  fc.record(
    {
      provider: fc.constant('replay'),
      file: fc.constantFrom('april.jsonl', '/data/april.jsonl'),
      map: fc.record({ output: word, id: word }, { requiredKeys: ['output'] }),
      where: fc.dictionary(word, fc.oneof(word, fc.integer(), fc.boolean())),
    },
    { requiredKeys: ['provider', 'file'] },
  ),
);

const turn = fc.record({ role: fc.constantFrom('user', 'assistant', 'developer'), content: anyText });

/** The content of a release file; `/data/april.jsonl` and `april.jsonl` are its recordings. */
export const releaseContent: fc.Arbitrary<JsonObject> = fc
  .record(
    {
      name: word,
      route,
      prompt: fc.record(
        {
          system: anyText,
          messages: fc.array(turn, { maxLength: 2 }),
          examples: fc.array(fc.oneof(turn, fc.record({ user: anyText, assistant: anyText })), {
            maxLength: 2,
          }),
        },
        { requiredKeys: [] },
      ),
      params: fc.record(
        {
          temperature: fc.double({ min: 0, max: 2, noNaN: true }),
          'top-p': fc.double({ min: 0, max: 1, noNaN: true }),
          stop: fc.oneof(word, fc.array(word)),
          seed: fc.integer(),
          'provider-options': fc.dictionary(fc.constantFrom('store', 'x_flag', 'metadata'), bag),
        },
        { requiredKeys: [] },
      ),
      tools: fc.record(
        {
          definitions: fc.uniqueArray(
            fc.record({ name: word, description: anyText, parameters: bag }, { requiredKeys: ['name'] }),
            { selector: (t) => t.name, maxLength: 3 },
          ),
          choice: fc.constantFrom('auto', 'none', 'required'),
        },
        { requiredKeys: [] },
      ),
      output: fc.record(
        { schema: bag.map((b) => ({ type: 'object', ...b })), version: fc.oneof(word, fc.integer()) },
        { requiredKeys: [] },
      ),
      retrieval: fc.record({ index: word, reranker: fc.option(word), filters: bag }, { requiredKeys: [] }),
      routing: fc.record(
        { rule: anyText, percent: fc.integer({ min: 0, max: 100 }), fallback: fc.array(word) },
        { requiredKeys: [] },
      ),
      automation: fc.record(
        { mode: fc.constantFrom('auto', 'draft', 'queue', 'review') },
        { requiredKeys: [] },
      ),
      dependents: fc.array(
        fc.record(
          { name: word, 'built-from': fc.constantFrom('retrieval', 'prompt'), check: word },
          { requiredKeys: ['name', 'built-from'] },
        ),
        { maxLength: 2 },
      ),
      notes: anyText,
    },
    { requiredKeys: ['route'] },
  )
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject)
  .filter((value) => notJson(value).length === 0 && !LOOKS_SECRET.test(JSON.stringify(value)));

export const RECORDINGS = {
  'april.jsonl': '{"case_id": "angry", "output": "Sorry."}\n',
  '/data/april.jsonl': '{"case_id": "calm", "output": "Gladly."}\n',
};
