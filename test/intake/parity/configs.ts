// promptfoo configurations whose verdicts must be the same here: every mapped assertion, alone and nested.

/** One configuration with the files it names. */
export interface ParityConfig {
  readonly name: string;
  readonly config: (url: string) => object;
  readonly files?: Readonly<Record<string, string>>;
  readonly allowCode?: boolean;
}

type Assertion = Record<string, unknown>;

const provider = (url: string): object => ({
  id: 'openai:chat:subject-x',
  label: 'subject',
  config: { apiBaseUrl: `${url}/v1`, temperature: 0, max_tokens: 100 },
});

/** One test for each answer, all with the same assertions. */
function plain(
  name: string,
  assert: readonly Assertion[],
  outputs: readonly string[],
  more: {
    readonly test?: object;
    readonly top?: (url: string) => object;
    readonly allowCode?: boolean;
    readonly files?: Record<string, string>;
  } = {},
): ParityConfig {
  return {
    name,
    ...(more.allowCode === true ? { allowCode: true } : {}),
    ...(more.files === undefined ? {} : { files: more.files }),
    config: (url) => ({
      prompts: ['SAY:{{out}}'],
      providers: [provider(url)],
      tests: outputs.map((out) => ({ vars: { out }, assert, ...more.test })),
      ...more.top?.(url),
    }),
  };
}

const judged = (url: string): object => ({
  defaultTest: {
    options: { provider: { id: 'openai:chat:judge-x', config: { apiBaseUrl: `${url}/v1`, temperature: 0 } } },
  },
});

const SCHEMA = { type: 'object', required: ['label'], properties: { label: { type: 'string' } } };

export const PARITY: readonly ParityConfig[] = [
  plain(
    'equals',
    [{ type: 'equals', value: 'refund' }],
    ['refund', 'Refund', ' refund', 'refunds', 'refund\nnow'],
  ),
  plain(
    'equals-json',
    [{ type: 'equals', value: { a: 1, b: [2, 3] } }],
    ['{"b":[2,3],"a":1}', '{"a":1}', 'no', '{"a":1,"b":[3,2]}'],
  ),
  plain('equals-number', [{ type: 'equals', value: 42 }], ['42', '42.0', '42 ']),
  plain('not-equals', [{ type: 'not-equals', value: 'refund' }], ['refund', 'no']),
  plain('contains', [{ type: 'contains', value: 'refund' }], ['a refund now', 'Refund', 'none']),
  plain('contains-number', [{ type: 'contains', value: 40 }], ['40 days', '4 0']),
  plain('icontains', [{ type: 'icontains', value: 'SORRY' }], ['so sorry', 'SORRY', 'no']),
  plain('not-icontains', [{ type: 'not-icontains', value: 'guarantee' }], ['We Guarantee it', 'we do not']),
  plain(
    'contains-any',
    [{ type: 'contains-any', value: ['no', 'declined'] }],
    ['it is declined', 'NO', 'yes', 'no'],
  ),
  plain(
    'contains-any-text',
    [{ type: 'contains-any', value: 'red, "blue, dark", green' }],
    ['blue', 'blue, dark', 'a green one', 'x'],
  ),
  plain(
    'contains-all',
    [{ type: 'contains-all', value: ['refund', '5 days'] }],
    ['refund in 5 days', 'refund', 'none'],
  ),
  plain(
    'icontains-all',
    [{ type: 'icontains-all', value: ['Refund', 'DAYS'] }],
    ['refund in 5 days', 'refund', 'REFUND DAYS'],
  ),
  plain('not-contains-all', [{ type: 'not-contains-all', value: ['a1', 'b1'] }], ['a1 b1', 'a1', 'c']),
  plain('not-icontains-any', [{ type: 'not-icontains-any', value: ['a1', 'b1'] }], ['A1', 'c', 'xb1']),
  plain('starts-with', [{ type: 'starts-with', value: 'Dear ' }], ['Dear Mia', ' Dear Mia', 'dear Mia']),
  plain(
    'regex',
    [{ type: 'regex', value: '^order [A-Z]-\\d+$' }],
    ['order A-17', 'order A-17!', 'x\norder A-1'],
  ),
  plain('not-regex', [{ type: 'not-regex', value: 'guarantee(d)?' }], ['guaranteed', 'fine']),
  plain(
    'is-json',
    [{ type: 'is-json' }],
    ['{"a":1}', '[1]', '"x"', 'a {"a":1}', '{"a":1', '```json\n{}\n```'],
  ),
  plain('is-json-schema', [{ type: 'is-json', value: SCHEMA }], ['{"label":"a"}', '{"label":1}', '{}', 'no']),
  plain('not-is-json-schema', [{ type: 'not-is-json', value: SCHEMA }], ['{"label":"a"}', '{}', 'no']),
  plain(
    'is-json-schema-yaml',
    [{ type: 'is-json', value: 'type: array\nminItems: 2\n' }],
    ['[1,2]', '[1]', '{}'],
  ),
  plain(
    'contains-json',
    [{ type: 'contains-json' }],
    [
      ...[
        'here: {"a":1}.',
        'so {"a":{"b":2}} it is',
        'none',
        '[1]',
        'Dear {name}, hello',
        'a {b: 1, c: [x, y]} d',
      ],
      ...[
        'cut: {"a": [1, 2',
        'open {"a": {"b": 1}',
        '{a: b: c}',
        '{@x}',
        '{"a" "b"}',
        '{a,,b}',
        "{'it''s': 1}",
      ],
      ...[
        '{"a": "x}',
        'x {} y',
        'if (x) { return 1; }',
        '{ // note\n "a": 1 }',
        'u {"a": "http://x.y"}',
        '{%x}',
        '{a: {b}',
      ],
      ...[
        '{"a": 1} } {',
        '{ "k": \'v\', }',
        '{\\"a\\": 1}',
        '{*a}',
        '{- a}',
        '{? a : b}',
        'f({x => y})',
        '{"a": tru',
      ],
    ],
  ),
  plain(
    'word-count',
    [{ type: 'word-count', value: { min: 2, max: 3 } }],
    ['one', 'one two', 'a b c', 'a b c d'],
  ),
  plain('word-count-exact', [{ type: 'word-count', value: 2 }], ['one', 'one two', 'one  two ', 'a b c']),
  plain(
    'levenshtein',
    [{ type: 'levenshtein', value: 'kitten', threshold: 3 }],
    ['sitting', 'kitten', 'something else'],
  ),
  plain(
    'not-levenshtein',
    [{ type: 'not-levenshtein', value: 'kitten' }],
    ['sitting', 'entirely different words'],
  ),
  plain(
    'latency-and-contains',
    [
      { type: 'latency', threshold: 60000 },
      { type: 'contains', value: 'a' },
    ],
    ['a', 'b'],
  ),
  plain(
    'templates-in-values',
    [
      { type: 'contains', value: 'about {{out | upper}}' },
      { type: 'not-equals', value: '{{missing}}' },
    ],
    ['x', 'y'],
    {
      top: () => ({ prompts: ['SAY:about {% if out == "x" %}{{out | upper}}{% else %}{{out}}{% endif %}'] }),
    },
  ),
  plain(
    'several-must-all-pass',
    [
      { type: 'contains', value: 'a' },
      { type: 'contains', value: 'b', weight: 3 },
    ],
    ['a', 'b', 'ab', 'c'],
  ),
  plain(
    'weight-0',
    [
      { type: 'contains', value: 'a' },
      { type: 'contains', value: 'b', weight: 0 },
    ],
    ['a', 'b', 'ab'],
  ),
  plain(
    'threshold',
    [
      { type: 'contains', value: 'a' },
      { type: 'contains', value: 'b' },
      { type: 'contains', value: 'c', weight: 2 },
    ],
    ['a', 'c', 'ab', 'ac', 'abc', 'x'],
    {
      test: { threshold: 0.5 },
    },
  ),
  plain(
    'threshold-thirds',
    [
      { type: 'contains', value: 'a' },
      { type: 'contains', value: 'b' },
      { type: 'contains', value: 'c' },
    ],
    ['a', 'ab', 'abc'],
    {
      test: { threshold: 0.66 },
    },
  ),
  plain(
    'assert-set-plain',
    [
      {
        type: 'assert-set',
        assert: [
          { type: 'contains', value: 'a' },
          { type: 'contains', value: 'b' },
        ],
      },
    ],
    ['a', 'ab'],
  ),
  plain(
    'assert-set-threshold',
    [
      {
        type: 'assert-set',
        threshold: 0.5,
        assert: [
          { type: 'contains', value: 'a' },
          { type: 'not-contains', value: 'b' },
        ],
      },
      { type: 'contains', value: 'z' },
    ],
    ['az', 'abz', 'bz', 'z', 'a'],
  ),
  plain(
    'assert-set-in-threshold',
    [
      {
        type: 'assert-set',
        weight: 2,
        threshold: 1,
        assert: [
          { type: 'contains', value: 'a' },
          { type: 'contains', value: 'b', weight: 3 },
        ],
      },
      { type: 'contains', value: 'c' },
    ],
    ['a', 'b', 'ab', 'bc', 'c', 'abc'],
    { test: { threshold: 0.6 } },
  ),
  plain('default-assertions', [{ type: 'contains', value: 'a' }], ['a', '{"a":1}', '1'], {
    top: () => ({ defaultTest: { assert: [{ type: 'is-json' }] } }),
  }),
  plain('default-assertions-off', [{ type: 'contains', value: 'a' }], ['a', '{"a":1}', '1'], {
    test: { options: { disableDefaultAsserts: true } },
    top: () => ({ defaultTest: { assert: [{ type: 'is-json' }], threshold: 0.5 } }),
  }),
  {
    name: 'list-variables',
    config: (url) => ({
      prompts: ['SAY:{{size}} {{color}}'],
      providers: [provider(url)],
      tests: [
        {
          vars: { size: ['small', 'large'], color: ['red', 'blue'], tags: [1, 2] },
          assert: [{ type: 'equals', value: 'small {{color}}' }],
        },
      ],
    }),
  },
  {
    name: 'two-prompts',
    config: (url) => ({
      prompts: [
        { label: 'plain', raw: 'SAY:{{out}}' },
        {
          label: 'chat',
          raw: '[{"role":"system","content":"Be brief."},{"role":"user","content":"SAY:[{{out}}]"}]',
        },
      ],
      providers: [provider(url)],
      tests: ['a', '"q" and \\'].map((out) => ({
        vars: { out },
        assert: [{ type: 'starts-with', value: '[' }],
      })),
    }),
  },
  {
    name: 'csv-tests',
    config: (url) => ({ prompts: ['SAY:{{out}}'], providers: [provider(url)], tests: 'tests.csv' }),
    files: {
      'tests.csv':
        'out,__expected,__expected2,__metric,__threshold,__metadata:tags[]\n' +
        'hi,hi,,,,\n' +
        'Hi,hi,,,,\n' +
        '"no, thanks","contains-any:no,""not, possible""",not-icontains:guarantee,policy,0.8,"refund,late"\n' +
        'guaranteed no,contains-any:no,not-icontains:guarantee,policy,0.5,\n' +
        'guaranteed yes,contains-any:no,not-icontains:guarantee,policy,0.5,\n' +
        'sitting,levenshtein(2):kitten,,,,\n' +
        'sitting,levenshtein(3):kitten,,,,\n',
    },
  },
  {
    name: 'tests-from-files',
    config: (url) => ({
      prompts: ['file://prompts/*.txt'],
      providers: [provider(url)],
      defaultTest: 'file://default.yaml',
      tests: ['file://tests/*.yaml'],
    }),
    files: {
      'prompts/say.txt': 'SAY:{{out}}\n',
      'default.yaml': 'assert:\n  - type: not-contains\n    value: bad\n',
      'tests/a.yaml': '- vars: { out: good }\n  assert: [{ type: contains, value: good }]\n',
      'tests/b.yaml': '- vars: { out: bad good }\n  assert: [{ type: contains, value: good }]\n',
    },
  },
  {
    name: 'scenarios',
    config: (url) => ({
      prompts: ['SAY:{{word}} {{lang}}'],
      providers: [provider(url)],
      scenarios: [
        {
          config: [{ vars: { lang: 'en' } }, { vars: { lang: 'de' } }],
          tests: [
            { vars: { word: 'hello' }, assert: [{ type: 'contains', value: 'en' }] },
            { vars: { word: 'then' }, assert: [{ type: 'contains', value: 'en' }] },
          ],
        },
      ],
    }),
  },
  {
    name: 'http-provider',
    config: (url) => ({
      prompts: ['SAY:{{out}}'],
      providers: [
        {
          id: `${url}/app`,
          label: 'app',
          config: {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: { question: '{{prompt}}' },
            transformResponse: 'json.reply.text',
          },
        },
      ],
      tests: ['fine', 'not so'].map((out) => ({
        vars: { out },
        assert: [{ type: 'equals', value: 'fine' }],
      })),
    }),
  },
  {
    name: 'finish-reason',
    config: (url) => ({
      prompts: ['{{how}}:text'],
      providers: [provider(url)],
      tests: ['SAY', 'CUT'].map((how) => ({
        vars: { how },
        assert: [{ type: 'finish-reason', value: 'stop' }],
      })),
    }),
  },
  {
    name: 'tool-call-f1',
    config: (url) => ({
      prompts: ['CALL:{{tools}}'],
      providers: [provider(url)],
      tests: ['refund', 'refund,track', 'track'].map((tools) => ({
        vars: { tools },
        assert: [{ type: 'tool-call-f1', value: ['refund', 'track'], threshold: 0.6 }],
      })),
    }),
  },
  plain('llm-rubric', [{ type: 'llm-rubric', value: 'Is it polite about {{out}}?' }], ['yes please', 'now'], {
    top: judged,
  }),
  plain(
    'llm-rubric-in-threshold',
    [
      { type: 'llm-rubric', value: 'Is it polite?' },
      { type: 'contains', value: 'now' },
    ],
    ['yes please', 'now', 'now please', 'x'],
    {
      top: judged,
      test: { threshold: 0.5 },
    },
  ),
  plain(
    'similar',
    [{ type: 'similar', value: 'refund is on its way', threshold: 0.9 }],
    ['your refund is on its way', 'zzz qqq', 'refund is on its way'],
    {
      top: (url) => ({
        defaultTest: {
          options: {
            provider: { embedding: { id: 'openai:embedding:embed-x', config: { apiBaseUrl: `${url}/v1` } } },
          },
        },
      }),
    },
  ),
  plain('javascript', [{ type: 'javascript', value: 'output.length < 5' }], ['four', 'fiveeee'], {
    allowCode: true,
  }),
  plain(
    'javascript-score',
    [{ type: 'javascript', value: 'const n = output.length; n / 10', threshold: 0.5 }],
    ['four', 'fiveee', 'fiveeeeeee'],
    { allowCode: true },
  ),
  plain(
    'javascript-lines',
    [
      {
        type: 'javascript',
        value:
          'const ok = output === context.vars.out;\nreturn { pass: ok, score: ok ? 1 : 0, reason: "compared" };\n',
      },
    ],
    ['a', 'b'],
    { allowCode: true },
  ),
  plain('not-javascript', [{ type: 'not-javascript', value: 'output.includes("a")' }], ['a', 'b'], {
    allowCode: true,
  }),
  plain('javascript-file', [{ type: 'javascript', value: 'file://check.cjs' }], ['long enough', 'no'], {
    allowCode: true,
    files: {
      'check.cjs':
        'module.exports = (output) => ({ pass: output.length > 3, score: output.length > 3 ? 1 : 0, reason: "length" });\n',
    },
  }),
];
