// lastgood/vitest: a real vitest, as a child process, in a project that has the built package installed.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseScenario, startSimulator } from '../../src/simulator/index.ts';
import { json, type Outcome, ROOT } from '../cli/lastgood.ts';
import { SCENARIO_TEXT } from '../simulator/refund-bot.ts';
import { type Project, recording, release, start, vitestProject } from './project.ts';

const IMPORT = "import { describeSuite } from 'lastgood/vitest';\n";

let project: Project;
beforeAll(async () => {
  project = await vitestProject();
});
afterAll(() => project?.[Symbol.asyncDispose]());

interface Snapshots {
  readonly snapshots: { release: string; passRate: number; cases: number; labels: Record<string, string> }[];
}
const snapshots = async (): Promise<Snapshots['snapshots']> =>
  json<Snapshots>(await project.lastgood('list', '--json')).snapshots;

test('a case is a test, the snapshot is kept, and without a baseline the comparison is skipped with the next step', async () => {
  await project.write('good.test.ts', `${IMPORT}describeSuite('refunds', { release: 'good' });\n`);
  const run = await project.vitest(['good.test.ts', '--reporter=verbose']);
  expect(run).toMatchObject({ code: 0, stderr: '' });
  for (const id of ['refund-angry', 'refund-late', 'refund-twice'])
    expect(run.stdout).toContain(`✓ good.test.ts > refunds > ${id}`);
  expect(run.stdout).toMatch(/↓ .*compared with the baseline.*no baseline: lastgood bless s\w{11}/);
  expect(await snapshots()).toMatchObject([{ release: 'good', passRate: 1, cases: 3 }]);
  await project.lastgood('bless', 'latest', '--by', 'ada', '--why', 'read by hand');
});

/** One run of files that fail in different ways, with the report that CI systems read. */
async function failingRun(): Promise<{ outcome: Outcome; junit: string }> {
  await project.write(
    'releases/gone.yaml',
    `name: gone\nroute: { provider: http, url: "http://127.0.0.1:9/", body: { ticket: "{{ ticket }}" }, output: text }\n`,
  );
  await project.write('bad.test.ts', `${IMPORT}\ndescribeSuite('refunds', { release: 'bad' });\n`);
  await project.write(
    'gone.test.ts',
    `${IMPORT}describeSuite('refunds', { release: 'gone', outageMs: 200 });\n`,
  );
  await project.write('typo.test.ts', `${IMPORT}describeSuite('refunds', { release: 'goood' });\n`);
  await project.write(
    'lenient.test.ts',
    `${IMPORT}describeSuite('refunds', { release: 'bad', cases: 'not-worse', failOn: 'regression' });\n`,
  );
  const files = ['bad.test.ts', 'gone.test.ts', 'typo.test.ts', 'lenient.test.ts'];
  const reporters = ['--reporter=default', '--reporter=junit', '--outputFile.junit=junit.xml'];
  const outcome = await project.vitest([...files, ...reporters]);
  return { outcome, junit: await readFile(join(project.path, 'junit.xml'), 'utf8') };
}

test('failures are readable, a failed measurement is neither a pass nor a wrong answer, and JUnit has all of it', async () => {
  const { outcome, junit } = await failingRun();
  expect(outcome.code).toBe(1);
  const { stderr } = outcome;
  // What was asked, what was expected, what came, which grader, and why.
  expect(stderr).toContain(`CaseFailed: 0 of 3 trials passed, every one must: case "refund-late"
  input ticket: Ticket refund-late, please.
  expected: refund
  output of trial 0: We cannot help.␛[31m 0
  grader contains: no "refund" in`);
  expect(stderr).toMatch(/❯ bad\.test\.ts:3:1/);
  expect(stderr).not.toContain('\u001b[31m');
  expect(stderr).toContain('CannotTell: suite refunds is inconclusive against its baseline');
  expect(outcome.stdout).toContain('INCONCLUSIVE  refunds is undecided: pass rate 100.0 % → 66.7 %');
  expect(stderr).toContain('there is no release "goood"');
  expect(stderr).toContain('did you mean "good"?');

  const casesOf = (file: string): string[] =>
    (junit.match(new RegExp(`<testcase classname="${file}"[\\s\\S]*?(?:/>|</testcase>)`, 'g')) ?? []).map(
      (xml) => {
        const name = /name="refunds &gt; ([^"]*)"/.exec(xml)?.[1];
        return `${name}: ${/<failure[^>]* type="(\w+)"/.exec(xml)?.[1] ?? (xml.includes('<skipped') ? 'skipped' : 'passed')}`;
      },
    );
  expect(casesOf('bad.test.ts')).toEqual([
    'refund-angry: passed',
    'refund-late: CaseFailed',
    'refund-twice: passed',
    'compared with the baseline: CannotTell',
  ]);
  expect(casesOf('gone.test.ts')).toEqual([
    'refund-angry: NotMeasured',
    'refund-late: NotMeasured',
    'refund-twice: NotMeasured',
    'compared with the baseline: NotMeasured',
  ]);
  expect(casesOf('typo.test.ts').every((line) => line.endsWith('LastgoodError'))).toBe(true);
  // Nothing was proven worse.
  expect(casesOf('lenient.test.ts')).toEqual([
    'refund-angry: passed',
    'refund-late: passed',
    'refund-twice: passed',
    'compared with the baseline: skipped',
  ]);
});

test('with -t only the chosen case is run, and its snapshot is marked as a part', async () => {
  const run = await project.vitest(['good.test.ts', '-t', 'refund-twice']);
  expect(run.code).toBe(0);
  expect((await snapshots())[0]).toMatchObject({ cases: 1, labels: { partial: '1 of 3 cases' } });
});

test('watch mode calls again only when what would be asked changed', async () => {
  await project.write(
    'vitest.config.mjs',
    "export default { test: { forceRerunTriggers: ['**/releases/**'] } };\n",
  );
  const before = (await snapshots()).length;
  const watch = start(project.path, ['--watch', 'good.test.ts']);
  try {
    const first = await watch.seen(/(Waiting|Watching) for file changes/);
    expect(first).toMatch(
      /stored run of .*; nothing was called\nsnapshot .*it is the baseline of suite refunds/,
    );
    await project.write(
      'good.test.ts',
      `${IMPORT}// edited\ndescribeSuite('refunds', { release: 'good' });\n`,
    );
    expect(await watch.seen(/RERUN[\s\S]*(Waiting|Watching) for file changes/)).toContain(
      'nothing was called',
    );
    expect((await snapshots()).length).toBe(before);
    await project.write('recorded/late.jsonl', recording(['refund-angry', 'refund-late', 'refund-twice']));
    await project.write('releases/good.yaml', release('good', '../recorded/late.jsonl'));
    const changed = await watch.seen(/RERUN[\s\S]*(Waiting|Watching) for file changes/);
    expect(changed).not.toContain('nothing was called');
    expect(changed).toContain('× refund-angry');
    expect((await snapshots()).length).toBe(before + 1);
  } finally {
    watch.stop();
    await watch.ended;
    await project.write('releases/good.yaml', release('good'));
    await project.write('vitest.config.mjs', 'export default {};\n');
  }
});

test('the matchers grade an answer, a judge that fails is an error under not too, and the examples of docs/vitest.md run', async () => {
  const simulator = await startSimulator({ scenario: parseScenario(SCENARIO_TEXT) });
  try {
    await project.write(
      'releases/judge.yaml',
      `name: judge\nroute: { provider: openai, api: responses, model: gpt-exact-2026-01-01, base-url: "${simulator.openaiBaseUrl}" }\n`,
    );
    await project.write(
      'releases/dead-judge.yaml',
      'name: dead-judge\nroute: { provider: http, url: "http://127.0.0.1:9/", body: { messages: "{{ messages }}" }, output: text }\n',
    );
    await project.write(
      'matchers.test.ts',
      `import { expect, test } from 'vitest';
import 'lastgood/vitest';
const judge = 'judge';
test('meets', () => expect('Please send a photo.').toPassRubric(['Does the reply mention a photo?'], { judge }));
test('misses', () => expect('Please wait.').toPassRubric([{ id: 'photo', ask: 'Does the reply mention a photo?' }], { judge }));
test('not', () => expect('Please wait.').not.toPassRubric(['Does the reply mention a photo?'], { judge }));
test('dead', () => expect('Please wait.').not.toPassRubric(['Does the reply mention a photo?'], { judge: 'dead-judge' }), 60_000);
test('no judge', () => expect('x').toPassRubric(['Does it?']));
test('fits', () => expect({ text: 'A refund is on its way.' }).toMatchBehaviour({ suite: 'refunds', case: 'refund-late' }));
test('fits not', () => expect('No.').toMatchBehaviour({ suite: 'refunds', case: 'refund-late' }));
`,
    );
    const page = await readFile(join(ROOT, 'docs/vitest.md'), 'utf8');
    const examples = [...page.matchAll(/```ts\n\/\/ (\S+\.test\.ts)\n([\s\S]*?)```/g)];
    expect(examples.map(([, file]) => file)).toEqual(['refunds.test.ts', 'answers.test.ts']);
    for (const [, file = '', text = ''] of examples) await project.write(file, text);
    const files = ['matchers.test.ts', 'refunds.test.ts', 'answers.test.ts'];
    const { stdout, stderr } = await project.vitest([...files, '--reporter=verbose'], {
      OPENAI_API_KEY: 'test',
    });
    expect(stdout).toContain('✓ refunds.test.ts > suites/refunds > compared with the baseline');
    expect(stdout).toContain('✓ answers.test.ts > behaves as the case demands');
    expect(stdout).toContain('✓ answers.test.ts > meets the criteria');
    const ended = Object.fromEntries(
      [...stdout.matchAll(/^ ([✓×]) matchers\.test\.ts > ([a-z ]+?) *(?:\d+ms)?$/gm)].map(
        ([, mark, name]) => [name, mark],
      ),
    );
    expect(ended, `${stdout}\n${stderr}`).toEqual({
      ...{ meets: '✓', not: '✓', fits: '✓' },
      ...{ misses: '×', dead: '×', 'no judge': '×', 'fits not': '×' },
    });
    expect(stderr).toMatch(/the answer does not meet the rubric\n {2}grader rubric: .*photo/);
    expect(stderr).toMatch(/the answer was not graded by the rubric, so it neither passed nor failed/);
    expect(stderr).toContain('toPassRubric asks a judge, and none is named');
    expect(stderr).toContain('the answer does not meet case "refund-late"\n  grader contains: no "refund"');
  } finally {
    await simulator.close();
  }
});
