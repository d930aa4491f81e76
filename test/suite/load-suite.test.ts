import { cp, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { sha256 } from '../../src/base/json.ts';
import { filterCases, loadSuite } from '../../src/suite/index.ts';
import { caseOf, oneCase, problemsOf, REFUND_BOT, suiteOf } from './world.ts';

const FILE = join(REFUND_BOT, 'suite.yaml');

async function copyOfFixture(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'lastgood-refund-bot-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  await cp(REFUND_BOT, dir, { recursive: true });
  return dir;
}

test('cases come from JSON lines, YAML, CSV, a mapped export and the suite itself, in the order of the suite', async () => {
  const suite = await loadSuite(FILE);
  expect(suite.cases.map((c) => c.id)).toEqual([
    'refund-angry-01',
    'refund-late-02',
    'inc-42-double-charge',
    'inc-43-tool',
    'billing-01',
    'billing-02',
    '2',
    '3',
    'greeting-01',
  ]);
  expect(suite).toMatchObject({
    name: 'refund-bot',
    file: FILE,
    judgeFile: join(REFUND_BOT, 'judge.yaml'),
    embedderFile: null,
    policy: { margin: 0.05, 'min-pass-rate': 0.9, tags: { refund: { 'min-pass-rate': 0.8 } } },
  });
});

test('a case carries what its line says, with defaults filled in', async () => {
  const suite = await loadSuite(FILE);
  expect(caseOf(suite, 'refund-angry-01')).toMatchObject({
    tags: ['shop', 'refund', 'tone'],
    group: 'ticket-8812',
    critical: true,
    vars: { ticket: 'Where is my money?!' },
    messages: null,
    expected: 'refund',
    trials: 3,
    minPassRate: null,
    source: { kind: 'incident', ref: 'INC-42', at: '2026-03-15' },
    meta: {},
    where: { file: join(REFUND_BOT, 'cases.jsonl'), line: 1 },
  });
  expect(caseOf(suite, 'refund-late-02')).toMatchObject({
    critical: false,
    group: null,
    trials: 5,
    minPassRate: 0.6,
    source: null,
    where: { line: 3 },
  });
  expect(caseOf(suite, 'refund-late-02').expected).toBeUndefined();
});

test('CSV cells become fields, variables and meta; quotes hold line breaks', async () => {
  const suite = await loadSuite(FILE);
  expect(caseOf(suite, 'billing-01')).toMatchObject({
    tags: ['shop', 'billing', 'invoice'],
    expected: '20',
    critical: true,
    vars: { ticket: 'Please send\nthe "invoice".', language: 'en' },
    meta: { row: '7' },
    where: { line: 2 },
  });
  const second = caseOf(suite, 'billing-02');
  expect(second.where.line).toBe(4);
  expect(second.expected).toBeUndefined();
  expect(second.graders.map((g) => g.id)).toEqual(['max-length', 'not-icontains']);
});

test('mapped rows become cases, and `where` chooses them', async () => {
  const suite = await loadSuite(FILE);
  expect(caseOf(suite, '2')).toMatchObject({
    messages: [{ role: 'user', content: 'Is it red?' }],
    expected: 'no',
    tags: ['shop', 'colour'],
    meta: { origin: 'export' },
  });
  expect(caseOf(suite, '3')).toMatchObject({
    messages: [{ role: 'user', content: 'Is it green?' }],
    tags: ['shop', 'colour', 'shade'],
  });
});

test('a conversation in the spelling of OpenAI is read with its tool calls', async () => {
  const suite = await loadSuite(FILE);
  expect(caseOf(suite, 'inc-43-tool').messages).toEqual([
    { role: 'user', content: 'Refund order 9.' },
    { role: 'assistant', content: '', toolCalls: [{ id: 'c1', name: 'find_order', args: { order: 9 } }] },
    { role: 'tool', content: '{"paid": 20}', toolCallId: 'c1' },
  ]);
});

test('graders are in normal form: defaults first, files read in, ids unique', async () => {
  const suite = await loadSuite(FILE);
  expect(caseOf(suite, 'refund-angry-01').graders).toEqual([
    {
      id: 'max-length',
      type: 'max-length',
      negate: false,
      weight: 1,
      required: true,
      options: { value: 1200 },
    },
    {
      id: 'not-icontains',
      type: 'icontains',
      negate: true,
      weight: 1,
      required: true,
      options: { value: 'as an ai' },
    },
    { id: 'contains', type: 'contains', negate: false, weight: 1, required: true, options: {} },
    {
      id: 'json-schema',
      type: 'json-schema',
      negate: false,
      weight: 1,
      required: true,
      options: {
        schema: {
          type: 'object',
          properties: { team: { enum: ['refunds', 'billing'] } },
          required: ['team'],
        },
      },
    },
  ]);
  const module = join(REFUND_BOT, 'graders/polite.mjs');
  expect(caseOf(suite, 'refund-late-02').graders.at(-1)?.options).toEqual({
    path: module,
    sourceHash: sha256(await readFile(module, 'utf8')),
    export: 'default',
    timeoutMs: 10_000,
  });
  expect(caseOf(suite, 'inc-42-double-charge').graders.slice(2)).toMatchObject([
    {
      id: 'rubric',
      options: {
        threshold: 1,
        criteria: [
          { kind: 'ask', id: 'empathy', weight: 1, must: false },
          { kind: 'ask', id: 'no-flattery', must: true },
          { kind: 'check', id: 'short', weight: 2, check: { type: 'max-length', options: { value: 900 } } },
        ],
      },
    },
    { id: 'names-the-order', type: 'matches', weight: 2, required: false },
  ]);
});

test('a number that CSV could only write as text becomes the value of the grader', async () => {
  const suite = await loadSuite(FILE);
  expect(caseOf(suite, 'billing-01').graders.at(-1)).toMatchObject({
    type: 'number',
    options: { value: 20 },
  });
});

test('the hashes of the suite do not depend on order, files or line ends', async () => {
  const before = await loadSuite(FILE);
  const dir = await copyOfFixture();
  const file = join(dir, 'suite.yaml');
  for (const name of ['cases.jsonl', 'incidents/inc-42.yaml', 'graders/polite.mjs', 'schemas/triage.json']) {
    const text = await readFile(join(dir, name), 'utf8');
    await writeFile(join(dir, name), text.replaceAll('\n', '\r\n'));
  }
  await rename(join(dir, 'incidents/inc-42.yaml'), join(dir, 'incidents/z-last.yaml'));
  const text = await readFile(file, 'utf8');
  await writeFile(
    file,
    text.replace('  - cases.jsonl\n', '').replace('  - billing.csv\n', '  - billing.csv\n  - cases.jsonl\n'),
  );
  const after = await loadSuite(file);
  expect(after.cases.map((c) => c.id)).not.toEqual(before.cases.map((c) => c.id));
  expect(after.hash).toBe(before.hash);
  for (const c of before.cases) {
    expect(caseOf(after, c.id).contentHash).toBe(c.contentHash);
    expect(caseOf(after, c.id).gradersHash).toBe(c.gradersHash);
  }
});

test.each([
  ['content', 'cases.jsonl', 'Where is my money?!', 'Where is my money?', 'contentHash', 'gradersHash'],
  [
    'expectation',
    'cases.jsonl',
    '"expected": "refund"',
    '"expected": "Refund"',
    'contentHash',
    'gradersHash',
  ],
  ['graders', 'cases.jsonl', '"contains"', '"starts-with"', 'gradersHash', 'contentHash'],
  ['schema', 'schemas/triage.json', '"refunds"', '"returns"', 'gradersHash', 'contentHash'],
] as const)(
  'a change of %s changes its own hash and no other',
  async (_what, name, from, to, changed, kept) => {
    const before = await loadSuite(FILE);
    const dir = await copyOfFixture();
    const text = await readFile(join(dir, name), 'utf8');
    expect(text).toContain(from);
    await writeFile(join(dir, name), text.replace(from, to));
    const after = await loadSuite(join(dir, 'suite.yaml'));
    expect(after.hash).not.toBe(before.hash);
    expect(caseOf(after, 'refund-angry-01')[changed]).not.toBe(caseOf(before, 'refund-angry-01')[changed]);
    expect(caseOf(after, 'refund-angry-01')[kept]).toBe(caseOf(before, 'refund-angry-01')[kept]);
    expect(caseOf(after, 'billing-02').contentHash).toBe(caseOf(before, 'billing-02').contentHash);
    expect(caseOf(after, 'billing-02').gradersHash).toBe(caseOf(before, 'billing-02').gradersHash);
  },
);

test('the code of a javascript grader counts, its path does not', async () => {
  const before = await loadSuite(FILE);
  const dir = await copyOfFixture();
  const moved = await loadSuite(join(dir, 'suite.yaml'));
  expect(caseOf(moved, 'refund-late-02').gradersHash).toBe(caseOf(before, 'refund-late-02').gradersHash);
  await writeFile(join(dir, 'graders/polite.mjs'), 'export default () => true;\n');
  const edited = await loadSuite(join(dir, 'suite.yaml'));
  expect(caseOf(edited, 'refund-late-02').gradersHash).not.toBe(caseOf(before, 'refund-late-02').gradersHash);
});

test('the same file named twice is read once, and the suite file is never taken for cases', async () => {
  const suite = await suiteOf({
    'suite.yaml': 'name: s\ncases: [a.yaml, "*.yaml"]\ndefaults: { grade: [json] }\n',
    'a.yaml': 'id: a\n',
    'b.yaml': '[{ id: b1 }, { id: b2 }]\n',
  });
  expect(suite.cases.map((c) => c.id)).toEqual(['a', 'b1', 'b2']);
});

test('a JSON suite is a suite', async () => {
  const suite = await suiteOf({ 'suite.yaml': '{"name": "s", "cases": [{"id": "a", "grade": ["json"]}]}' });
  expect(suite.cases).toHaveLength(1);
});

test('a suite of 20,000 lines loads, and one bad line among them is named', async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) =>
    JSON.stringify({ id: `q${i}`, tags: [`t${i % 7}`], vars: { ticket: `ticket ${i}` }, expected: 'refund' }),
  );
  const files = {
    'suite.yaml': 'name: big\ncases: [cases.jsonl]\ndefaults: { grade: [contains, { max-length: 900 }] }\n',
    'cases.jsonl': lines.join('\n'),
  };
  expect((await suiteOf(files)).cases).toHaveLength(20_000);
  lines[14_999] = '{"id": "q1", "expected": "refund"}';
  expect(await problemsOf({ ...files, 'cases.jsonl': lines.join('\n') })).toMatchObject([
    { code: 'SUITE_DUPLICATE_ID', where: { line: 15_000, caseId: 'q1' } },
  ]);
});

test('the policy of a tag that no case has is an error', async () => {
  expect(
    await problemsOf({
      'suite.yaml':
        'name: s\ncases: [{ id: a, tags: [refund], grade: [json] }]\npolicy: { tags: { refnd: { min-pass-rate: 1 } } }\n',
    }),
  ).toMatchObject([
    { code: 'SUITE_UNKNOWN_TAG', hint: 'did you mean "refund"?', where: { line: 3, column: 19 } },
  ]);
});

test('a judge is asked for where an `ask` criterion needs one, and only there', async () => {
  const ask = '[{ rubric: [{ id: kind, ask: "Is it kind?" }] }]';
  expect(await problemsOf(oneCase(ask))).toMatchObject([
    { code: 'SUITE_NO_JUDGE', where: { caseId: 'angry' }, hint: 'add `judge: <release file>` to suite.yaml' },
  ]);
  expect(await problemsOf(oneCase(ask, 'judge: nobody.yaml\n'))).toMatchObject([
    { code: 'SUITE_UNREADABLE', where: { line: 2, key: 'judge' } },
  ]);
  expect(await problemsOf(oneCase('[{ similar: { value: hello } }]'))).toMatchObject([
    { code: 'SUITE_NO_EMBEDDER' },
  ]);
  expect(await problemsOf(oneCase('[{ rubric: [{ id: short, check: { max-length: 9 } }] }]'))).toEqual([]);
});

test('the embedding channel keeps the embedder, also through a filter, and is an error without one', async () => {
  const channel = (action: string): string => `policy:\n  channels:\n    embedding: ${action}\n`;
  expect(await problemsOf(oneCase('[{ max-length: 9 }]', channel('warn')))).toMatchObject([
    {
      code: 'SUITE_NO_EMBEDDER',
      where: { line: 4 },
      hint: expect.stringContaining('embedder: <release file>'),
    },
  ]);
  expect(await problemsOf(oneCase('[{ max-length: 9 }]', channel('off')))).toEqual([]);
  const embedder = { 'embedder.yaml': 'route: { provider: openai, model: text-embedding-3-small }\n' };
  const asked = `embedder: embedder.yaml\n${channel('fail')}`;
  const on = await suiteOf({ ...oneCase('[{ max-length: 9 }]', asked), ...embedder });
  expect(on.embedderFile).toMatch(/embedder\.yaml$/);
  expect(filterCases(on, 'angry').embedderFile).toBe(on.embedderFile);
  // Named, but nothing asks for it: no call is made on its account.
  const off = await suiteOf({ ...oneCase('[{ max-length: 9 }]', 'embedder: embedder.yaml\n'), ...embedder });
  expect(off.embedderFile).toBeNull();
});
