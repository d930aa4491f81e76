import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatError } from '../../src/base/errors.ts';
import { sha256 } from '../../src/base/json.ts';
import { ANTHROPIC_API_VERSION, ANTHROPIC_MAX_OUTPUT_TOKENS } from '../../src/core/release.ts';
import { loadRelease, releaseToYaml } from '../../src/release/index.ts';
import { FIXTURES, problemsOf, releaseOf } from './memory.ts';

test('a release is loaded with every file inlined and our defaults filled in', async () => {
  const release = await loadRelease(join(FIXTURES, 'release.yaml'));
  expect(release.layers).toEqual({
    route: {
      provider: 'openai',
      model: 'gpt-4o-2024-11-20',
      api: 'responses',
      'base-url': { env: 'LLM_URL' },
      region: 'eu',
    },
    prompt: {
      system: 'You answer for a small shop.\n\nBe brief.\n',
      messages: [{ role: 'user', content: '{{ ticket }}' }],
      examples: [
        { role: 'user', content: 'Where is my parcel?' },
        { role: 'assistant', content: 'It is on its way.' },
      ],
    },
    params: {
      temperature: 0,
      'max-output-tokens': 400,
      stop: ['END'],
      seed: 7,
      store: false,
      metadata: { team: 'shop' },
    },
    tools: {
      definitions: [
        {
          name: 'refund',
          description: 'Pays money back.',
          parameters: { type: 'object', properties: { order: { type: 'integer' } } },
        },
        { name: 'find_order', parameters: { type: 'object' }, strict: true },
        { name: 'escalate', description: 'Hands over to a person.', parameters: { type: 'object' } },
      ],
      choice: 'auto',
    },
    output: {
      schema: {
        title: 'triage',
        type: 'object',
        properties: { team: { type: 'string' } },
        required: ['team'],
        additionalProperties: false,
      },
      version: 3,
    },
    retrieval: {
      index: 'kb-2026-04-01',
      cutoff: '2026-03-31',
      embedding: 'text-embedding-3-small',
      reranker: null,
      filters: {},
    },
    routing: { rule: 'default', percent: 100, fallback: [] },
    automation: { mode: 'draft' },
  });
  expect(release).toMatchObject({
    name: 'refund-bot',
    pin: { state: 'pinned' },
    dependents: [
      {
        name: 'kb-index',
        builtFrom: 'retrieval',
        check: 'node check-index.mjs',
        rebuild: 'node build-index.mjs',
      },
    ],
    paths: { 'api-key-env': 'SHOP_OPENAI_KEY' },
    notes: 'Reviewed in April.',
  });
  expect(release.fingerprint).toMatch(/^[0-9a-f]{64}$/);
});

test('a replay route carries the hash of its recordings and where they are', async () => {
  const release = await loadRelease(join(FIXTURES, 'replay.yaml'));
  expect(release.name).toBe('replay');
  expect(release.layers.route).toEqual({
    provider: 'replay',
    recordings: sha256(
      '{"row": "angry", "text": "You get your money back.", "run": 0}\n{"row": "calm", "text": "Gladly.", "run": 0}\n',
    ),
    map: { case_id: 'row', output: 'text' },
    where: { run: 0 },
    model: 'gpt-4o-2024-11-20',
  });
  expect(release.paths).toEqual({ recordings: join(FIXTURES, 'recordings/april.jsonl') });
});

test('what Anthropic is sent when the file does not say it is what the provider sends', async () => {
  const release = await releaseOf('route: { provider: anthropic, model: claude-sonnet-4-6 }');
  expect(release.layers).toEqual({
    route: { provider: 'anthropic', model: 'claude-sonnet-4-6', 'api-version': ANTHROPIC_API_VERSION },
    params: { 'max-output-tokens': ANTHROPIC_MAX_OUTPUT_TOKENS },
  });
});

test('layers that say nothing are not there', async () => {
  const release = await releaseOf(
    'route: { provider: command, command: node bot.mjs }\nparams: {}\nprompt: { examples: [], messages: [] }\n',
  );
  expect(Object.keys(release.layers)).toEqual(['route']);
  expect(release.paths).toEqual({ cwd: '/shop' });
});

test('an http route has its method filled in and its headers from the environment', async () => {
  const release = await releaseOf(
    'route: { provider: http, url: "https://shop.example.test/reply", headers: { authorization: { env: SHOP_TOKEN, prefix: "Bearer " } }, body: { text: "{{ ticket }}" }, output: reply.text }',
  );
  expect(release.layers.route).toEqual({
    provider: 'http',
    method: 'POST',
    url: 'https://shop.example.test/reply',
    headers: { authorization: { env: 'SHOP_TOKEN', prefix: 'Bearer ' } },
    body: { text: '{{ ticket }}' },
    output: 'reply.text',
  });
  expect(release.pin.state).toBe('unknown');
});

const OPENAI = 'route: { provider: openai, model: gpt-4o }\n';

test.each([
  [
    'name: a\n',
    '/shop/release.yaml:1:1: key "route": the key "route" is missing, expected a map (key: value) [RELEASE_MISSING_KEY]',
  ],
  ['route: { provider: openia }\n', 'did you mean "openai"?'],
  ['route: { provider: openai }\n', 'the key "model" is missing, expected text'],
  [`${OPENAI}promt: {}\n`, 'did you mean "prompt"?'],
  [`${OPENAI}params: { temprature: 1 }\n`, 'did you mean "temperature"?'],
  [`${OPENAI}params: { top_p: 1 }\n`, 'did you mean "top-p"?'],
  [`${OPENAI}params: { logit_bias: {} }\n`, 'options go under params.provider-options'],
  [`${OPENAI}params: { max-output-tokens: 0 }\n`, 'of at least 1'],
  [`${OPENAI}params: { top-p: 0.5, provider-options: { top_p: 0.4 } }\n`, '"top_p" is given twice'],
  [`${OPENAI}automation: { mode: manual }\n`, 'one of "auto", "draft", "queue" or "review"'],
  [`${OPENAI}routing: { percent: 150 }\n`, 'of at most 100'],
  [
    `${OPENAI}prompt: { system: { file: nowhere.md } }\n`,
    '/shop/release.yaml:2:27: key "prompt.system.file": the file "nowhere.md" does not exist [RELEASE_UNREADABLE]',
  ],
  [
    `${OPENAI}prompt: { messages: [{ role: user, content: {{ ticket }} }] }\n`,
    'put text that starts with { or [ in quotes',
  ],
  [`${OPENAI}prompt: { examples: [{ user: a, asistant: b }] }\n`, 'did you mean "assistant"?'],
  [`${OPENAI}tools: { definitions: [{ name: a }, { name: a }] }\n`, 'two tools have the name "a"'],
  [
    `${OPENAI}tools: { definitions: [{ name: refund }], choice: { name: refnd } }\n`,
    'did you mean "refund"?',
  ],
  [`${OPENAI}tools: { definitions: [{ nam: refund }] }\n`, 'did you mean "name"?'],
  [
    `${OPENAI}tools: { definitions: { file: tools.json } }\n`,
    'tools.json:1:4: key "[0].nmae": unknown key "nmae"',
  ],
  [
    `${OPENAI}output: { schema: { file: list.json } }\n`,
    'expected a JSON Schema in the file, found an empty list',
  ],
  [`${OPENAI}dependents: [{ name: kb, built-from: retreival }]\n`, 'did you mean "retrieval"?'],
  [
    'route: { provider: openai, model: m, base-url: shop }\n',
    'expected an address that starts with http:// or https://',
  ],
  ['route: { provider: replay, file: nowhere.jsonl }\n', 'the file "nowhere.jsonl" does not exist'],
  ['route: { provider: replay, file: list.json, map: { ouput: x } }\n', 'did you mean "output"?'],
  ['route: { provider: replay, file: list.json, map: { id: x, case_id: y } }\n', 'are the same field'],
  [
    `route: { provider: replay, file: list.json, recordings: "${'0'.repeat(64)}" }\n`,
    'are not the stated ones',
  ],
])('%j is told with its place and remedy', async (text, sentence) => {
  const errors = await problemsOf(text, {
    'tools.json': '[{ "nmae": "refund", "name": "x" }]',
    'list.json': '[]',
  });
  expect(errors.map(formatError).join('\n')).toContain(sentence);
});

test('several mistakes are told together', async () => {
  expect(
    await problemsOf(
      `${OPENAI}prompt: { system: { file: a.md }, messages: [{ role: user, content: { file: b.md } }] }\n`,
    ),
  ).toHaveLength(2);
  expect(await problemsOf('route: { provider: openai }\nparams: { sed: 1 }\n')).toHaveLength(2);
});

test('a release file that is not there is named', async () => {
  await expect(loadRelease(join(FIXTURES, 'nowhere.yaml'))).rejects.toMatchObject({
    code: 'RELEASE_UNREADABLE',
    where: { file: join(FIXTURES, 'nowhere.yaml') },
  });
});

test.each([
  'route: { provider: openai, model: m, api-key: sk-live-0123456789abcdef }',
  'route: { provider: openai, model: m, api-key-env: sk-live-0123456789abcdef }',
  'route: { provider: openai, model: m, base-url: "https://user:hunter2hunter2@llm.example.test" }',
  'route: { provider: http, url: "https://a.example.test/?key=sk-live-0123456789abcdef" }',
  'route: { provider: openai, model: m, base-url: "https://a.example.test/v1?api_key=plainword" }',
  'route: { provider: http, url: "https://a.example.test/?x=1&code=abcdefgh12345678" }',
  'route: { provider: http, url: "https://a.example.test", headers: { Authorization: "Bearer abcdefgh12345678" } }',
  'route: { provider: http, url: "https://a.example.test", headers: { x-api-key: plainword } }',
  'route: { provider: http, url: "https://a.example.test", headers: { x-auth: ghp_0123456789abcdefghij } }',
  'route: { provider: command, command: [node, bot.mjs, "--key=sk-live-0123456789abcdef"] }',
  'route: { provider: openai, model: m }\nparams: { provider-options: { token: "Bearer abcdefgh12345678" } }',
])('a secret in the file is refused and not repeated: %#', async (text) => {
  const errors = await problemsOf(text);
  expect(errors.map((e) => e.code)).toContain('RELEASE_SECRET');
  const said = errors.map(formatError).join('\n');
  expect(said).not.toMatch(/0123456789|hunter2|abcdefgh12345678|plainword/);
  expect(said).toContain('{ env: NAME }');
});

test('an address may have a query that holds no secret', async () => {
  for (const query of ['api-version=2026-01-01-preview', 'key=customer-support', 'token={{ ticket }}'])
    expect(await problemsOf(`route: { provider: http, url: "https://a.example.test/?${query}" }`)).toEqual(
      [],
    );
});

test('a prompt may speak of keys', async () => {
  expect(
    await problemsOf(`${OPENAI}prompt: { system: "Never repeat keys such as sk-live-0123456789abcdef." }\n`),
  ).toEqual([]);
});

test('a replay release whose recordings are unknown cannot be written, one whose recordings changed does not load', async () => {
  const release = await releaseOf('route: { provider: replay, file: a.jsonl }', { 'a.jsonl': '{}\n' });
  expect(() => releaseToYaml({ ...release, paths: {} })).toThrow(/not known/);
  const text = releaseToYaml(release);
  // Named from where the file will lie, it tells nothing of the machine.
  expect(releaseToYaml(release, '/shop/plans/june')).toContain('file: ../../a.jsonl');
  expect(releaseToYaml(release, '/shop')).toContain('file: ./a.jsonl');
  expect(text).toContain('file: /shop/a.jsonl');
  expect(await problemsOf(text, { '/shop/a.jsonl': '{"other": 1}\n' })).toMatchObject([
    { code: 'RELEASE_RECORDINGS_CHANGED' },
  ]);
});
