// Files and answers made to hold the process: each is bounded, with an error that says what is wrong.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readDocument } from '../../src/base/document.ts';
import { LastgoodError } from '../../src/base/index.ts';
import { schemaSteps } from '../../src/grade/schema-cost.ts';
import { emptyProject, type Project } from './world.ts';

function problemOf(text: string, file: string): string {
  try {
    readDocument(text, file, 'SUITE');
    return 'none';
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    return `${error.message} [${error.code}]`;
  }
}

test('a map of 200,000 keys is read, and a key that stands twice in it is found', () => {
  const keys = Array.from({ length: 200_000 }, (_, i) => `k${i}: 1`).join('\n');
  expect(problemOf(`${keys}\nk5: 2`, 'many.yaml')).toContain('the key "k5" stands twice');
  expect(problemOf(`{${keys.slice(0, 20_000).replaceAll('\n', ', ')}, k5: 2}`, 'many.yaml')).toContain(
    '"k5" stands twice',
  );
  expect(problemOf('a: { b: 1, b: 2 }\nc: [{ d: 1, d: 2 }]', 'deep.yaml')).toMatch(
    /"b" stands twice[\s\S]*"d" stands twice/,
  );
});

test('aliases that multiply texts, lists or lookups are refused', () => {
  const letters = 'abcdefghij'.split('');
  const laughs = letters.map(
    (c, i) =>
      `${c}: &${c} [${
        i === 0
          ? 'x'
          : Array(9)
              .fill(`*${letters[i - 1]}`)
              .join(', ')
      }]`,
  );
  expect(problemOf(laughs.join('\n'), 'laughs.yaml')).toContain('[SUITE_SYNTAX]');
  const long = `a: &a "${'x'.repeat(1e6)}"\nb: [${Array(2000).fill('*a').join(', ')}]`;
  expect(problemOf(long, 'long.yaml')).toContain('the aliases');
  const anchors = Array.from({ length: 50_000 }, (_, i) => `- &a${i} x`);
  const uses = Array.from({ length: 9000 }, (_, i) => `- *a${i}`);
  expect(problemOf([...anchors, ...uses].join('\n'), 'anchors.yaml')).toContain('more aliases');
  // As people use them.
  expect(problemOf('a: &a [x, y]\nb: *a\nc: { <<: { d: 1 }, e: *a }', 'some.yaml')).toBe('none');
});

test('brackets without end are too deep, in YAML and JSON', () => {
  for (const [text, file] of [
    ['['.repeat(100_000), 'a.yaml'],
    ['['.repeat(5000) + ']'.repeat(5000), 'a.yaml'],
    ['- '.repeat(20_000), 'a.yaml'],
    [`${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`, 'a.json'],
    ['['.repeat(1_000_000) + ']'.repeat(1_000_000), 'a.json'],
  ] as const)
    expect([text.slice(0, 5), problemOf(text, file)]).toEqual([
      text.slice(0, 5),
      expect.stringContaining('nested too deeply'),
    ]);
});

const RELEASE = 'name: r\nroute: { provider: replay, file: r.jsonl }\n';

async function desk(cases: string, release = RELEASE): Promise<Project> {
  const made = await emptyProject();
  await made.write('suites/s/suite.yaml', 'name: s\ntrials: 1\ncases: [cases.jsonl]\n');
  await made.write('suites/s/cases.jsonl', cases);
  await made.write('releases/r.yaml', release);
  await made.write('releases/r.jsonl', '{"case_id":"a","output":"x"}\n');
  return made;
}

test('lines of 50 MB and deep values in case files are errors with their line', async () => {
  await using long = await desk('');
  await writeFile(join(long.path, 'suites/s/cases.jsonl'), `{"id":"a","vars":{"x":"${'y'.repeat(50e6)}"}}\n`);
  const tooLong = await long.run(['validate', 'suites/s/suite.yaml']);
  expect([tooLong.code, tooLong.stdout]).toEqual([
    2,
    expect.stringMatching(/cases\.jsonl:1.*SUITE_LINE_TOO_LONG/),
  ]);
  await using deep = await desk(
    `{"id":"a","vars":{"x":${'['.repeat(50_000)}${']'.repeat(50_000)}},"grade":[{"contains":"x"}]}\n`,
  );
  const tooDeep = await deep.run(['validate', 'suites/s/suite.yaml']);
  expect([tooDeep.code, tooDeep.stdout]).toEqual([
    2,
    expect.stringMatching(/cases\.jsonl:1.*nested too deeply/),
  ]);
});

test('recordings and answers of 100,000 brackets are refused as what they are, not a defect', async () => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000);
  await using made = await desk('{"id":"a","vars":{},"grade":[{"contains":"x"}]}\n');
  await made.write('releases/r.jsonl', `{"case_id":"a","output":${deep}}\n`);
  const recorded = await made.run(['run', 'suites/s', '--release', 'releases/r.yaml']);
  expect([recorded.code, recorded.stderr]).toEqual([2, expect.stringContaining('nested too deeply')]);
  await made.write('answer.json', `{"output":${deep}}`);
  await made.write(
    'releases/c.yaml',
    'name: c\nroute: { provider: command, command: [cat, answer.json], cwd: .. }\n',
  );
  const answered = await made.run(['run', 'suites/s', '--release', 'releases/c.yaml']);
  expect(answered.code).not.toBe(0);
  expect(answered.stderr).not.toContain('defect');
  expect((await made.run(['show', 'latest', '--case', 'a'])).stdout).toContain('nested too deeply');
});

test('templates with endless loops and ranges are cut off before any call', async () => {
  for (const template of [
    '{% for i in (1..1000000000) %}x{% endfor %}',
    '{% for i in (1..1000000) %}{% for j in (1..1000000) %}{% endfor %}{% endfor %}',
    '{% assign s = "xxxxxxxxxx" %}{% for i in (1..60) %}{% assign s = s | append: s %}{% endfor %}{{ s }}',
    '{{ n }}{% tablerow i in (1..900000000) %}x{% endtablerow %}',
  ]) {
    await using made = await desk(
      '{"id":"a","vars":{"n":"1"},"grade":[{"contains":"x"}]}\n{"id":"b","vars":{"n":"1"},"grade":[{"contains":"x"}]}\n',
      `${RELEASE}prompt: { messages: [{ role: user, content: ${JSON.stringify(template)} }] }\n`,
    );
    const outcome = await made.run(['run', 'suites/s', '--release', 'releases/r.yaml']);
    expect([template, outcome.code, outcome.stderr]).toEqual([
      template,
      2,
      expect.stringContaining('[TEMPLATE_LIMIT]'),
    ]);
  }
});

test('bodies of http routes and messages of cases are cut off as well, before any call', async () => {
  const endless = '{% for i in (1..1000000000) %}x{% endfor %}';
  const range = '{{ (1..900000000) }}';
  const loops = { id: 'a', messages: [{ role: 'user', content: endless }], grade: [{ contains: 'x' }] };
  const row = '{"id":"a","vars":{"n":"1"},"grade":[{"contains":"x"}]}\n';
  const http = (body: object): string =>
    `name: r\nroute: { provider: http, url: 'http://127.0.0.1:9/', body: ${JSON.stringify(body)} }\n`;
  for (const [cases, release] of [
    [row, http({ q: `a ${endless}` })],
    [row, http({ q: range })],
    [row, http({ deep: [{ q: `{% if n %}${endless}{% endif %}` }] })],
    [`${JSON.stringify(loops)}\n${JSON.stringify({ ...loops, id: 'b' })}\n`, RELEASE],
  ] as const) {
    await using made = await desk(cases, release);
    const outcome = await made.run(['run', 'suites/s', '--release', 'releases/r.yaml']);
    expect([release, outcome.code, outcome.stderr]).toEqual([
      release,
      2,
      expect.stringContaining('[TEMPLATE_LIMIT]'),
    ]);
    expect(outcome.stderr).not.toContain('raw');
  }
});

test('schemas that compare or refer without end run in a worker and are cut off', async () => {
  const bomb: Record<string, object> = { d0: { type: 'array' } };
  for (let i = 1; i <= 40; i++)
    bomb[`d${i}`] = { allOf: [{ $ref: `#/$defs/d${i - 1}` }, { $ref: `#/$defs/d${i - 1}` }] };
  const schemas = {
    unique: { type: 'array', uniqueItems: true },
    refs: { $ref: '#/$defs/d40', $defs: bomb },
  };
  await using made = await desk(
    Object.entries(schemas)
      .map(([id, schema]) => JSON.stringify({ id, vars: {}, grade: [{ 'json-schema': { schema } }] }))
      .join('\n'),
  );
  const list = JSON.stringify(Array.from({ length: 120_000 }, (_, i) => ({ a: i, b: [i] })));
  await made.write(
    'releases/r.jsonl',
    `${JSON.stringify({ case_id: 'unique', output: list })}\n{"case_id":"refs","output":"[]"}\n`,
  );
  const outcome = await made.run(['run', 'suites/s', '--release', 'releases/r.yaml', '--json']);
  expect(outcome.code).not.toBe(1);
  const shown = await made.run(['show', 'latest', '--json']);
  expect(outcome.stderr + outcome.stdout + shown.stdout).not.toContain('defect');
  for (const id of ['unique', 'refs']) {
    const one = await made.run(['show', 'latest', '--case', id, '--json']);
    expect([id, one.stdout]).toEqual([id, expect.stringContaining('took longer than 10 s and was cut off')]);
  }
});

test('the cost of a schema: plain ones stay, references that multiply, recur or lead away do not', () => {
  const plain = {
    type: 'object',
    properties: { a: { $ref: '#/$defs/t' } },
    $defs: { t: { type: 'string' } },
  };
  expect(schemaSteps(plain, 2000)).toBeLessThan(1e5);
  expect(schemaSteps({ $ref: '#' }, 10)).toBe(Number.POSITIVE_INFINITY);
  expect(schemaSteps({ $ref: 'http://127.0.0.1/schema.json' }, 10)).toBe(Number.POSITIVE_INFINITY);
  expect(schemaSteps({ uniqueItems: true }, 1.6e6)).toBeGreaterThan(1e9);
});

test('a remote $ref is an error of the suite and is never fetched; a recursive schema is a grader', async () => {
  await using remote = await desk(
    '{"id":"a","vars":{},"grade":[{"json-schema":{"schema":{"$ref":"http://127.0.0.1:1/x.json"}}}]}\n',
  );
  const refused = await remote.run(['validate', 'suites/s/suite.yaml']);
  expect([refused.code, refused.stdout]).toEqual([2, expect.stringContaining('[SUITE_BAD_SCHEMA]')]);
  await using own = await desk(
    '{"id":"a","vars":{},"grade":[{"json-schema":{"schema":{"type":"object","additionalProperties":{"$ref":"#"}}}}]}\n',
  );
  await own.write('releases/r.jsonl', '{"case_id":"a","output":"{\\"a\\":{\\"b\\":{}}}"}\n');
  const ran = await own.run(['run', 'suites/s', '--release', 'releases/r.yaml']);
  expect([ran.code, ran.stderr]).toEqual([0, '']);
  expect((await own.run(['show', 'latest', '--case', 'a'])).stdout).toContain('fits the schema');
});

test('file patterns that multiply, or walk out of the tree, are refused', async () => {
  for (const [pattern, says] of [
    [`${'{a,b}'.repeat(20)}.jsonl`, 'more than 1000 patterns'],
    ['{1..1000000}.jsonl', 'more than 1000 patterns'],
    ['**/**/**/**/**/**/**/*.jsonl', 'times **'],
    ['*a*a*a*a*a*a*a*b.jsonl', 'stars in one name'],
    ['*+(+(a)).jsonl', 'extended patterns'],
    ['*/../../../**/*.jsonl', 'goes up'],
  ] as const) {
    await using made = await desk('');
    await made.write('suites/s/suite.yaml', `name: s\ncases: [${JSON.stringify(pattern)}]\n`);
    const outcome = await made.run(['validate', 'suites/s/suite.yaml']);
    expect([pattern, outcome.code, outcome.stdout]).toEqual([pattern, 2, expect.stringContaining(says)]);
  }
});

test('SIGTERM and SIGHUP end a process that waits for nothing else', async () => {
  await using made = await desk('');
  for (const signal of ['TERM', 'HUP']) {
    const end = await made.shell(
      `rm -f up.txt; $LASTGOOD simulate > up.txt & p=$!; until grep -q http up.txt; do sleep 0.1; done; kill -${signal} $p; wait $p; echo $?`,
    );
    expect([signal, end.stdout.trim()]).toEqual([signal, '0']);
  }
  // A call that never ends is cut off without a second signal.
  await made.write('suites/s/cases.jsonl', '{"id":"a","vars":{},"grade":[{"contains":"x"}]}\n');
  await made.write(
    'releases/c.yaml',
    'name: c\nroute: { provider: command, command: [/bin/sh, -c, "touch up; sleep 600"], cwd: .. }\n',
  );
  const hung = await made.shell(
    `$LASTGOOD run suites/s --release releases/c.yaml & p=$!; until [ -e up ]; do sleep 0.1; done; kill -TERM $p; wait $p; echo $?`,
  );
  expect(hung.stdout.trim().split('\n').at(-1)).toBe('130');
});
