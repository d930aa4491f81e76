import { expect, test } from 'vitest';
import { formatError } from '../../src/base/errors.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { folder, oneCase, problemsOf } from './world.ts';

const HEAD = 'name: refund-bot\ncases: [cases.jsonl]\ndefaults: { grade: [json] }\n';

test('a suite full of mistakes is told in one pass, in the order of its files', async () => {
  const errors = await problemsOf({
    'suite.yaml': [
      'name: refund-bot',
      'trails: 3',
      'cases:',
      '  - cases.jsonl',
      '  - id: angry',
      '    grade:',
      '      - contians: refund',
      '      - max-length: "900"',
      'policy: { margn: 0.1 }',
    ].join('\n'),
    'cases.jsonl': '{"id": "a", "grade": ["json"], "tag": []}\n{"id": "b", oops}\n{"id": 7}\n{"id": "d"}\n',
  });
  expect(errors.map((e) => `${e.where.file}:${e.where.line} ${e.code}`)).toEqual([
    'suite.yaml:2 SUITE_UNKNOWN_KEY',
    'suite.yaml:7 SUITE_UNKNOWN_GRADER',
    'suite.yaml:8 SUITE_BAD_VALUE',
    'suite.yaml:9 SUITE_UNKNOWN_KEY',
    'cases.jsonl:1 SUITE_UNKNOWN_KEY',
    'cases.jsonl:2 SUITE_BAD_JSONL',
    'cases.jsonl:3 SUITE_BAD_VALUE',
    'cases.jsonl:4 SUITE_NO_GRADER',
  ]);
});

test('a problem in a JSON line has its column', async () => {
  const [error] = await problemsOf({
    'suite.yaml': HEAD,
    'cases.jsonl': '{"id": "a"}\n{"id": "b", "tags": ["x"], "grdae": ["json"]}\n',
  });
  expect(formatError(error!)).toBe(
    'cases.jsonl:2:28: case "b", key "grdae": unknown key "grdae", expected id, tags, group, critical, vars, expected, grade, draft, trials, min-pass-rate, source, meta, messages, turns, params, tools or max-steps [SUITE_UNKNOWN_KEY]\n  try: did you mean "grade"?',
  );
});

test('of two cases with one id, both places are named', async () => {
  const [error] = await problemsOf({
    'suite.yaml': 'name: s\ncases: [cases.jsonl, more.yaml]\ndefaults: { grade: [json] }\n',
    'cases.jsonl': '{"id": "a"}\n{"id": "b"}\n',
    'more.yaml': '- id: c\n- id: b\n',
  });
  expect(error?.code).toBe('SUITE_DUPLICATE_ID');
  expect(error?.where).toMatchObject({ file: 'more.yaml', line: 2, caseId: 'b' });
  expect(error?.message).toContain('cases.jsonl:2');
});

test.each([
  ['no name', 'cases: [{ id: a, grade: [json] }]\n', 'SUITE_MISSING_KEY', /"name" is missing/],
  [
    'no cases',
    'name: s\ncases: []\ndefaults: { grade: [json] }\n',
    'SUITE_BAD_VALUE',
    /at least 1 entry, found an empty list/,
  ],
  ['not even a map', '- a\n', 'SUITE_BAD_VALUE', /expected a map/],
  ['nothing', '', 'SUITE_BAD_VALUE', /expected a map/],
  ['bad YAML', 'name: s\ncases: [a\n', 'SUITE_SYNTAX', /not YAML/],
  ['a case without grader', 'name: s\ncases: [{ id: a }]\n', 'SUITE_NO_GRADER', /no grader/],
  ['a case without id', 'name: s\ncases: [{ grade: [json] }]\n', 'SUITE_MISSING_KEY', /"id" is missing/],
  [
    'an id with a blank end',
    'name: s\ncases: [{ id: "a ", grade: [json] }]\n',
    'SUITE_BAD_VALUE',
    /white space/,
  ],
  ['zero trials', 'name: s\ntrials: 0\ncases: [{ id: a, grade: [json] }]\n', 'SUITE_BAD_VALUE', /at least 1/],
  [
    'a role nobody has',
    'name: s\ncases: [{ id: a, messages: [{ role: usr, content: x }], grade: [json] }]\n',
    'SUITE_BAD_VALUE',
    /"user"/,
  ],
  [
    'a date that is none',
    'name: s\ncases: [{ id: a, grade: [json], source: { kind: incident, at: yesterday } }]\n',
    'SUITE_BAD_VALUE',
    /ISO date/,
  ],
  ['a missing file', 'name: s\ncases: [nowhere.jsonl]\n', 'SUITE_NO_CASE_FILE', /does not exist/],
  ['a glob without match', 'name: s\ncases: ["*.jsonl"]\n', 'SUITE_NO_CASE_FILE', /matches no file/],
  ['a folder', 'name: s\ncases: [inner]\n', 'SUITE_NO_CASE_FILE', /is a directory/],
  ['a picture', 'name: s\ncases: [logo.png]\n', 'SUITE_BAD_CASE_FILE', /\.jsonl/],
])('%s is an error', async (_name, text, code, message) => {
  const [error] = await problemsOf({ 'suite.yaml': text, 'inner/a.yaml': '', 'logo.png': '' });
  expect(error?.code).toBe(code);
  expect(error?.message).toMatch(message);
  expect(error?.where.file).toBe('suite.yaml');
});

test('a misspelt file is told with the one that is there', async () => {
  const [error] = await problemsOf({ 'suite.yaml': 'name: s\ncases: [case.jsonl]\n', 'cases.jsonl': '' });
  expect(error?.hint).toBe('did you mean "cases.jsonl"?');
});

test('case files that hold no case make a suite without cases', async () => {
  expect(await problemsOf({ 'suite.yaml': HEAD, 'cases.jsonl': '\n\n' })).toMatchObject([
    { code: 'SUITE_NO_CASES' },
  ]);
});

test('a suite file that is not there, or is no text, is named', async () => {
  const dir = await folder({ 'latin1.yaml': '' });
  await expect(loadSuite(`${dir}/nowhere.yaml`)).rejects.toMatchObject({ code: 'SUITE_UNREADABLE' });
  const { writeFile } = await import('node:fs/promises');
  await writeFile(`${dir}/latin1.yaml`, Buffer.from([0x6e, 0x61, 0xef, 0x76, 0x65]));
  await expect(loadSuite(`${dir}/latin1.yaml`)).rejects.toThrow(/not UTF-8/);
});

test('hostile keys in a JSON line are refused, not swallowed', async () => {
  expect(
    await problemsOf({ 'suite.yaml': HEAD, 'cases.jsonl': '{"id": "a", "vars": {"__proto__": {"x": 1}}}\n' }),
  ).toMatchObject([{ code: 'SUITE_BAD_JSONL', where: { line: 1 } }]);
});

test('a list of problems stops before it is longer than anybody reads, and says so', async () => {
  const lines = Array.from({ length: 200 }, (_, i) => JSON.stringify({ id: `q${i}`, oops: 1 }));
  const errors = await problemsOf({ 'suite.yaml': HEAD, 'cases.jsonl': lines.join('\n') });
  expect(errors).toHaveLength(51);
  expect(errors.at(-1)?.message).toBe('150 more problems are not shown');
});

test.each([
  ['[contians: x]', 'SUITE_UNKNOWN_GRADER', 'did you mean "contains"?'],
  ['[not-contain: x]', 'SUITE_UNKNOWN_GRADER', 'did you mean "not-contains"?'],
  ['[not-max-length: 3]', 'SUITE_UNKNOWN_GRADER', undefined],
  [
    '[{ contains: x, weight: 2 }]',
    'SUITE_BAD_GRADER',
    'put the options inside: contains: { value: …, weight: … }',
  ],
  ['[{}]', 'SUITE_BAD_GRADER', undefined],
  ['[12]', 'SUITE_BAD_GRADER', undefined],
  ['[max-length]', 'SUITE_MISSING_KEY', undefined],
  ['[max-length: -1]', 'SUITE_BAD_VALUE', undefined],
  ['[json: true]', 'SUITE_BAD_VALUE', 'write `json` alone when it needs no options'],
  ['[{ contains: { vlaue: x } }]', 'SUITE_UNKNOWN_KEY', 'did you mean "value"?'],
  [
    '[{ equals: { department: refunds } }]',
    'SUITE_UNKNOWN_KEY',
    'to compare with a map, write { value: { … } }',
  ],
  ['[{ matches: "(?i)refund" }]', 'SUITE_BAD_PATTERN', 'put flags in `flags: "i"`, not in the pattern'],
  ['[{ matches: { pattern: "a(", flags: i } }]', 'SUITE_BAD_PATTERN', undefined],
  ['[{ matches: { pattern: a, flags: ii } }]', 'SUITE_BAD_PATTERN', undefined],
  ['[{ extract: "[" }]', 'SUITE_BAD_PATTERN', undefined],
  ['[{ json-schema: nowhere.json }]', 'SUITE_UNREADABLE', undefined],
  [
    '[{ json-schema: { type: objekt } }]',
    'SUITE_BAD_SCHEMA',
    'draft-07 is the default; name 2020-12 or 2019-09 in `$schema`',
  ],
  [
    '[{ json-schema: { $ref: other.json } }]',
    'SUITE_BAD_SCHEMA',
    'draft-07 is the default; name 2020-12 or 2019-09 in `$schema`',
  ],
  ['[{ javascript: nowhere.mjs }]', 'SUITE_UNREADABLE', 'paths are relative to the file they stand in'],
  ['[contains]', 'SUITE_NO_EXPECTED', 'add `expected` to the case, or a value to the grader'],
  ['[number]', 'SUITE_NO_EXPECTED', 'add `expected` to the case, or a value to the grader'],
  [
    '[{ contains: { value: a, id: x } }, { contains: { value: b, id: x } }]',
    'SUITE_DUPLICATE_GRADER',
    'give one of them another `id`',
  ],
  ['[{ rubric: [] }]', 'SUITE_BAD_VALUE', undefined],
  ['[{ rubric: [{ id: a, ask: "q?", check: json }] }]', 'SUITE_BAD_CRITERION', undefined],
  ['[{ rubric: [{ id: a }] }]', 'SUITE_BAD_CRITERION', undefined],
  [
    '[{ rubric: [{ id: a, ask: "q?" }, { id: a, ask: "r?" }] }]',
    'SUITE_DUPLICATE_CRITERION',
    'give one of them another `id`',
  ],
  ['[{ rubric: [{ id: a, check: { rubric: [{ id: b, ask: "q?" }] } }] }]', 'SUITE_BAD_GRADER', undefined],
  [
    '[{ rubric: [{ id: a, check: { json: { weight: 2 } } }] }]',
    'SUITE_BAD_GRADER',
    'move id and weight to the criterion, and `turn` to the rubric; `must: true` makes it required',
  ],
  ['[{ rubric: [{ id: a, aks: "q?", ask: "q?" }] }]', 'SUITE_UNKNOWN_KEY', 'did you mean "ask"?'],
  [
    '[{ rubric: [{ id: a, check: { contains: {} } }] }]',
    'SUITE_NO_EXPECTED',
    'add `expected` to the case, or a value to the grader',
  ],
])('the graders %s are an error', async (grade, code, hint) => {
  const errors = await problemsOf({ ...oneCase(grade, 'judge: suite.yaml\n') });
  expect(errors.map((e) => [e.code, e.hint])).toEqual([[code, hint]]);
  expect(errors[0]?.where).toMatchObject({ file: 'suite.yaml' });
  expect(errors[0]?.where.line).toBeGreaterThanOrEqual(4);
});

test('`expected` must be of the kind the grader compares with', async () => {
  const wrong = async (expected: string, grade: string) =>
    (
      await problemsOf({
        'suite.yaml': `name: s\ncases: [{ id: a, expected: ${expected}, grade: [${grade}] }]\n`,
      })
    ).map((e) => e.message);
  expect(await wrong('20', 'contains')).toEqual([
    'the grader "contains" compares with `expected` and needs some text, found the number 20',
  ]);
  expect(await wrong('twenty', 'number')).toEqual([
    'the grader "number" compares with `expected` and needs a number, found the text "twenty"',
  ]);
  expect(await wrong('null', 'not-starts-with')).toHaveLength(1);
  expect(await wrong('20', 'number, equals, { extract: "\\\\d+" }')).toEqual([]);
  expect(await wrong('{ team: refunds }', 'equals')).toEqual([]);
});

test('a problem in a default grader is told once, at its own place', async () => {
  const errors = await problemsOf({
    'suite.yaml': 'name: s\ncases: [{ id: a }, { id: b }]\ndefaults:\n  grade: [{ max-lenght: 3 }]\n',
  });
  expect(errors).toMatchObject([{ code: 'SUITE_UNKNOWN_GRADER', where: { line: 4, column: 13 } }]);
});
