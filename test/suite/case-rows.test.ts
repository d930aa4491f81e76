import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseCsv } from '../../src/base/csv.ts';
import { problemsOf, suiteOf } from './world.ts';

const DEFAULTS = 'defaults: { grade: [json] }\n';

test('any cells survive being written as RFC 4180 and read back, with the line each record starts on', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', ' ', 'é', ';') });
  fc.assert(
    fc.property(
      fc.array(fc.array(cell, { minLength: 2, maxLength: 4 }), { minLength: 1, maxLength: 5 }),
      (table) => {
        const quoted = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
        const lines = table.map((cells) => cells.map(quoted).join(','));
        const result = parseCsv(lines.join('\n'));
        expect(result.ok && result.records.map((r) => r.cells)).toEqual(table);
        const starts = lines.map(
          (_, i) => lines.slice(0, i).join('\n').split('\n').length + (i === 0 ? 0 : 1),
        );
        expect(result.ok && result.records.map((r) => r.line)).toEqual(starts);
      },
    ),
  );
});

test.each([
  ['id,tags\na,"x\ny', 2, /never closed/],
  ['id,tags\na,"x"y\n', 2, /follows the closing quote/],
  ['id,tags\na,x,y\n', 2, /3 cells, the header has 2/],
  ['id;tags\na;x\n', 1, /is one column/],
  ['id,tags,id\na,x,b\n', 1, /stands twice/],
  ['id,grade\na,"[json]"\n', 2, /is not JSON/],
  ['id,critical\na,maybe\n', 2, /expected true or false/],
  ['', 1, /is empty/],
])('the CSV file %j is an error with its line', async (csv, line, message) => {
  const [error] = await problemsOf({ 'suite.yaml': `name: s\ncases: [a.csv]\n${DEFAULTS}`, 'a.csv': csv });
  expect(error?.where).toMatchObject({ file: 'a.csv', line });
  expect(error?.message).toMatch(message);
});

test('JSON and YAML case files hold one case or a list; doubled keys in JSON are told', async () => {
  const suite = await suiteOf({
    'suite.yaml': `name: s\ncases: [a.json, b.json, c.yml]\n${DEFAULTS}`,
    'a.json': '{ "id": "a" }',
    'b.json': '[{ "id": "b1" },\n { "id": "b2" }]',
    'c.yml': '- { id: c }\n',
  });
  expect(suite.cases.map((c) => [c.id, c.where.line])).toEqual([
    ['a', 1],
    ['b1', 1],
    ['b2', 2],
    ['c', 1],
  ]);
  expect(
    await problemsOf({
      'suite.yaml': `name: s\ncases: [a.json]\n${DEFAULTS}`,
      'a.json': '{"id": "a",\n"id": "b"}',
    }),
  ).toMatchObject([{ code: 'SUITE_SYNTAX', where: { file: 'a.json', line: 2 } }]);
});

const ROWS = [
  '{"case_id": 1, "split": "test", "input": {"q": "2+2"}, "gold": "4"}',
  '{"case_id": 2, "split": "train", "input": {"q": "2+3"}}',
].join('\n');

async function mapped(entry: string, file = 'rows.jsonl', text = ROWS) {
  return { 'suite.yaml': `name: s\ncases:\n  - ${entry}\n${DEFAULTS}`, [file]: text };
}

test('`map` picks fields by dotted path and leaves the rest alone', async () => {
  const suite = await suiteOf(
    await mapped(
      '{ file: rows.jsonl, map: { id: case_id, vars.question: input.q, vars: input, meta.split: split, expected: gold } }',
    ),
  );
  expect(suite.cases).toMatchObject([
    { id: '1', vars: { question: '2+2', q: '2+2' }, meta: { split: 'test' }, expected: '4' },
    { id: '2', expected: undefined },
  ]);
});

test('`where` takes one value or several, and compares CSV cells as they are written', async () => {
  const two = await suiteOf(
    await mapped(
      '{ file: rows.jsonl, map: { id: case_id }, where: { split: [train, test], input.q: "2+3" } }',
    ),
  );
  expect(two.cases.map((c) => c.id)).toEqual(['2']);
  const csv = await suiteOf(
    await mapped(
      '{ file: rows.csv, map: { id: case id, vars.q: q }, where: { run: 0, ok: true } }',
      'rows.csv',
      'case id,q,run,ok\na,x,0,true\nb,y,1,true\nc,z,0,false\n',
    ),
  );
  expect(csv.cases).toMatchObject([{ id: 'a', vars: { q: 'x' } }]);
});

test.each([
  ['{ file: rows.jsonl, map: { id: case_di } }', 'SUITE_MAP_NOTHING', 'did you mean "case_id"?'],
  [
    '{ file: rows.jsonl, map: { id: case_id, expectd: gold } }',
    'SUITE_UNKNOWN_KEY',
    'did you mean "expected"?',
  ],
  [
    '{ file: rows.jsonl, map: { expected: gold } }',
    'SUITE_MISSING_KEY',
    'add `id: <path>`, e.g. map: { id: case_id }',
  ],
  [
    '{ file: rows.jsonl, map: { id: case_id }, where: { spilt: test } }',
    'SUITE_MAP_NOTHING',
    'did you mean "split"?',
  ],
  ['{ file: rows.jsonl, map: { id: case_id }, where: { split: dev } }', 'SUITE_WHERE_EMPTY', undefined],
  [
    '{ file: rows.jsonl, map: { id: case_id }, where: { split: test, gold: "5" } }',
    'SUITE_WHERE_EMPTY',
    undefined,
  ],
  ['{ file: rows.jsonl, mapp: { id: case_id } }', 'SUITE_UNKNOWN_KEY', 'did you mean "map"?'],
])('%s is an error, never an empty suite', async (entry, code, hint) => {
  const errors = await problemsOf(await mapped(entry));
  expect(errors[0]).toMatchObject({ code, hint, where: { file: 'suite.yaml', line: 3 } });
});

test('rows of another shape without `map` are errors that say what to do', async () => {
  const [error] = await problemsOf(await mapped('rows.jsonl'));
  expect(error).toMatchObject({ code: 'SUITE_MISSING_KEY' });
  const all = await problemsOf(await mapped('rows.jsonl'));
  expect(all.map((e) => e.hint)).toContain('rows of another shape are read with { file, map, where }');
});
