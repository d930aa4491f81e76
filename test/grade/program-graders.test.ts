// The `command` and `http` graders: JSON in, JSON out; what fails, hangs or cannot be read is never a score; nothing secret is handed on.

import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { LastgoodError } from '../../src/base/errors.ts';
import type { Grade } from '../../src/core/grade.ts';
import { programsOf } from '../../src/core/program-grader.ts';
import type { Suite } from '../../src/core/suite.ts';
import type { AnsweredTrial } from '../../src/core/trial.ts';
import { createTrialGrader } from '../../src/grade/index.ts';
import { createProgramGraders } from '../../src/provider/program-graders.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { WireServer } from '../provider/wire-server.ts';
import { answer, context, NEVER, outcome } from './support-desk.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true, force: true });
});

/** A suite of one case with this grader, and files beside it. */
async function suiteWith(grader: unknown, files: Record<string, string> = {}): Promise<Suite> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'lastgood-program-')));
  folders.push(folder);
  await mkdir(join(folder, 'graders'));
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const suite = {
    name: 'desk',
    cases: [
      {
        id: 'late-parcel',
        tags: ['parcel'],
        vars: { ticket: 'Where is it?' },
        expected: 'parcel',
        meta: { author: 'mia' },
        grade: [grader],
      },
    ],
  };
  await writeFile(join(folder, 'suite.yaml'), JSON.stringify(suite));
  return loadSuite(join(folder, 'suite.yaml'));
}

const BASICS = { PATH: process.env['PATH'] ?? '', HOME: '/home/mia' };

interface Settings {
  readonly env?: Record<string, string>;
  readonly trial?: Partial<AnsweredTrial>;
  readonly text?: string;
  readonly before?: () => Promise<unknown>;
  readonly signal?: AbortSignal;
}

async function gradeBy(suite: Suite, settings: Settings = {}): Promise<Grade> {
  const environment: Record<string, string> = { ...BASICS, ...settings.env };
  const ctx = context();
  const programs = await createProgramGraders(programsOf(suite.cases).values(), {
    env: Object.assign((name: string) => environment[name], { names: Object.keys(environment) }),
    mask: ctx.mask,
  });
  const grader = createTrialGrader({ ...ctx, programs });
  try {
    await settings.before?.();
    const c = suite.cases.at(0);
    if (c === undefined) throw new Error('the suite has no case');
    const trial = answer(settings.text ?? 'Your parcel is late.', { trial: 2, ...settings.trial });
    const { grades } = await grader.gradeTrial(c, trial, settings.signal ?? NEVER);
    return grades[0] as Grade;
  } finally {
    await grader.close();
    await programs.close();
  }
}

const node = (code: string, more: object = {}) => ({
  command: { run: [process.execPath, '-e', code], ...more },
});
/** A program that reads its whole input as JSON into `i` and then runs `code`. */
const reads = (code: string): string =>
  `let t='';process.stdin.on('data',(d)=>{t+=d}).on('end',()=>{const i=JSON.parse(t);${code}})`;
const says = (value: string, more: object = {}) =>
  node(reads(`process.stdout.write(${JSON.stringify(value)})`), more);

describe('a command', () => {
  test('is given the answer, the case and the trial, and its verdict counts', async () => {
    const echo = node(reads('console.log(JSON.stringify({score:0.5,pass:true,reason:JSON.stringify(i)}))'), {
      config: { least: 3 },
      id: 'house-rules',
    });
    const grade = await gradeBy(await suiteWith(echo), {
      trial: {
        output: {
          text: 'Your parcel is late.',
          toolCalls: [{ name: 'track', args: { id: 7 } }],
          context: ['page 1'],
        },
      },
    });
    expect(grade).toMatchObject({ status: 'scored', pass: true, score: 0.5, graderType: 'command' });
    expect(JSON.parse((grade.details as { reason: string }).reason)).toEqual({
      grader: 'house-rules',
      output: 'Your parcel is late.',
      tool_calls: [{ name: 'track', args: { id: 7 } }],
      refusal: null,
      context: ['page 1'],
      case: {
        id: 'late-parcel',
        tags: ['parcel'],
        vars: { ticket: 'Where is it?' },
        messages: null,
        expected: 'parcel',
        meta: { author: 'mia' },
      },
      trial: {
        number: 2,
        model: 'desk-1',
        latency_ms: 120,
        stop_reason: 'stop',
        cost_usd: 0.001,
        usage: {
          input_tokens: 40,
          output_tokens: 20,
          cached_input_tokens: null,
          cache_write_tokens: null,
          reasoning_tokens: null,
        },
      },
      config: { least: 3 },
    });
  });

  test.each([
    ['true', { pass: true, score: 1 }],
    ['false\n', { pass: false, score: 0 }],
    ['0.25', { pass: false, score: 0.25 }],
    ['{"pass":true}', { pass: true, score: 1 }],
    [
      '{"score":0.8,"pass":true,"reason":"polite enough"}',
      { pass: true, score: 0.8, reason: 'polite enough' },
    ],
    ['{"score":1,"error":null}', { pass: true, score: 1 }],
  ])('that says %s', async (said, expected) => {
    expect(await gradeBy(await suiteWith(says(said)))).toMatchObject({ status: 'scored', ...expected });
  });

  test.each([
    ['nothing', says(''), 'its standard output is empty'],
    ['prose', says('score: 1'), 'not one JSON value'],
    ['a log line and a verdict', says('loading model\ntrue'), 'not one JSON value'],
    ['half a verdict', says('{"score":1'), 'not one JSON value'],
    ['a score above 1', says('{"score":95}'), 'its score is 95, not between 0 and 1'],
    ['a score as text', says('{"score":"1"}'), 'its score is a text'],
    ['null', says('null'), 'it answered null'],
    ['a list', says('[1]'), 'it answered a list'],
    [
      'that it could not measure',
      says('{"score":1,"error":"model not loaded"}'),
      'it reports: model not loaded',
    ],
    ['a verdict and a bad exit code', node("console.log('true');process.exit(3)"), 'ended with exit code 3'],
    ['an exception', node("throw new RangeError('no such rule')"), 'ended with exit code 1'],
    ['a signal', node("process.kill(process.pid,'SIGKILL')"), 'it was ended by SIGKILL'],
    ['nothing in time', node('setInterval(()=>{},1000)', { 'timeout-ms': 300 }), 'no answer within 300 ms'],
    [
      'nothing in time, and ignores SIGTERM',
      node("process.on('SIGTERM',()=>{});setInterval(()=>{},1000)", { 'timeout-ms': 300 }),
      'no answer within 300 ms',
    ],
  ])('that says %s is a failed measurement, never a score', async (_what, grader, why) => {
    const grade = await gradeBy(await suiteWith(grader));
    expect(outcome(grade)).toBe('grader_error');
    expect(grade.reason).toContain(why);
    expect(grade).not.toHaveProperty('score');
  });

  test('need not read its input', async () => {
    const grade = await gradeBy(await suiteWith(node("console.log('true')")), { text: 'x'.repeat(500_000) });
    expect(outcome(grade)).toBe('pass');
  });

  test('sees PATH, HOME, the locale, LASTGOOD_ variables and what `env` names, no key and no webhook', async () => {
    const suite = await suiteWith(
      node("console.log(JSON.stringify({score:1,reason:Object.keys(process.env).sort().join(' ')}))", {
        env: ['RULES_TOKEN'],
      }),
    );
    const env = {
      LANG: 'C.UTF-8',
      RULES_TOKEN: 'tok-1234567890',
      OPENAI_API_KEY: 'sk-canary-0123456789',
      DATABASE_URL: 'postgres://u:p@db/x',
      NODE_OPTIONS: '--no-warnings',
      LASTGOOD_TEAM: 'desk',
      LASTGOOD_WEBHOOK_URL: 'https://hooks.example/secret',
    };
    const { reason } = await gradeBy(suite, { env });
    expect(reason.split(' ')).toEqual(['HOME', 'LANG', 'LASTGOOD_TEAM', 'PATH', 'RULES_TOKEN']);
  });

  test('runs in the folder of its suite, or in `cwd`', async () => {
    const code = 'console.log(JSON.stringify({score:1,reason:process.cwd()}))';
    const here = await suiteWith(node(code));
    expect((await gradeBy(here)).reason).toBe(folders[0]);
    const there = await suiteWith(node(code, { cwd: 'graders' }));
    expect((await gradeBy(there)).reason).toBe(join(folders[1] ?? '', 'graders'));
  });

  test('inside a rubric decides a criterion', async () => {
    const rubric = {
      rubric: [{ id: 'rules', check: says('{"score":0,"reason":"rude"}') }],
    };
    expect(outcome(await gradeBy(await suiteWith(rubric)))).toBe('fail');
    const broken = { rubric: [{ id: 'rules', check: says('oops') }] };
    expect(outcome(await gradeBy(await suiteWith(broken)))).toBe('grader_error');
  });

  test('is not started when its script is another than the one the suite was read with', async () => {
    const suite = await suiteWith(
      { command: { run: [process.execPath, 'graders/rule.mjs'] } },
      { 'graders/rule.mjs': "console.log('true')" },
    );
    const rule = join(folders[0] ?? '', 'graders/rule.mjs');
    expect(outcome(await gradeBy(suite))).toBe('pass');
    const grade = await gradeBy(suite, { before: () => writeFile(rule, "console.log('false')") });
    expect(outcome(grade)).toBe('grader_error');
    expect(grade.reason).toContain('"graders/rule.mjs" changed after the suite was read');
  });

  test('is ended when the run is cut off', async () => {
    const cut = new AbortController();
    const suite = await suiteWith(node('setInterval(()=>{},1000)'));
    const graded = gradeBy(suite, {
      signal: cut.signal,
      before: async () => void setImmediate(() => cut.abort()),
    });
    expect(outcome(await graded)).toBe('grader_error');
  });

  test('that another suite names is not run', async () => {
    const allowed = await suiteWith(says('true'));
    const other = await suiteWith(says('false'));
    const programs = await createProgramGraders(programsOf(allowed.cases).values(), {
      env: (name) => BASICS[name as 'PATH'],
      mask: context().mask,
    });
    const grader = createTrialGrader({ ...context(), programs });
    const [c] = [...other.cases];
    const { grades } = await grader.gradeTrial(c as never, answer('x'), NEVER);
    await grader.close();
    await programs.close();
    expect(outcome(grades[0] as Grade)).toBe('grader_error');
    expect(grades[0]?.reason).toContain('stands in no suite file of this working tree');
  });
});

describe('the exam', () => {
  const RULE = { command: 'node graders/rule.mjs --rules=graders/rules.json' };
  const FILES = { 'graders/rule.mjs': "console.log('true')", 'graders/rules.json': '{}', 'README.md': 'a' };
  const hashOf = async (grader: unknown, files: Record<string, string> = FILES) =>
    (await suiteWith(grader, files)).cases.at(0)?.gradersHash;

  test('is another when a file that the command names changes, and the same in another checkout', async () => {
    const before = await hashOf(RULE);
    expect(await hashOf(RULE)).toBe(before);
    expect(await hashOf(RULE, { ...FILES, 'README.md': 'b' })).toBe(before);
    expect(await hashOf(RULE, { ...FILES, 'graders/rule.mjs': "console.log('true')\r\n" })).not.toBe(before);
    expect(await hashOf(RULE, { ...FILES, 'graders/rules.json': '{"strict":true}' })).not.toBe(before);
    expect(await hashOf({ command: { run: RULE.command, version: 2 } })).not.toBe(before);
    expect(await hashOf({ command: { run: RULE.command, config: 1 } })).not.toBe(before);
  });

  test('names the program as it is written, not where it is found', async () => {
    const suite = await suiteWith({ command: 'node graders/rule.mjs' }, FILES);
    const [spec] = [...programsOf(suite.cases).values()];
    const hash = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
    expect(spec?.options).toMatchObject({
      run: ['node', 'graders/rule.mjs'],
      files: { 'graders/rule.mjs': hash },
    });
  });

  test('is another when the address, the headers or the version of a service change', async () => {
    const http = (more: object) => ({ http: { url: 'http://127.0.0.1:9/grade', ...more } });
    const before = await hashOf(http({}));
    expect(await hashOf(http({ version: '2' }))).not.toBe(before);
    expect(await hashOf(http({ headers: { accept: 'x' } }))).not.toBe(before);
    expect(await hashOf({ http: 'http://127.0.0.1:9/grade' })).toBe(before);
  });
});

describe('before the first call', () => {
  const codeOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'nothing was refused',
      (error: LastgoodError) => `${error.code} ${error.message}`,
    );

  test.each([
    ['no program', { command: '' }, 'SUITE_'],
    ['a script that is not there', { command: 'python3 graders/gone.py' }, 'SUITE_UNREADABLE'],
    ['a folder that is not there', { command: { run: 'true', cwd: 'gone' } }, 'SUITE_UNREADABLE'],
    ['an option nobody knows', { command: { run: 'true', timeout: 3 } }, 'SUITE_UNKNOWN_KEY'],
    ['no address', { http: 'graders.internal/grade' }, 'SUITE_BAD_VALUE'],
    [
      'a key in the file',
      { http: { url: 'https://h/g', headers: { a: 'Bearer abcdefgh12' } } },
      'SUITE_SECRET',
    ],
  ])('%s is an error of the suite', async (_what, grader, code) => {
    expect(await codeOf(suiteWith(grader))).toContain(code);
  });

  test.each([
    ['a program that is not there', { command: 'no-such-program-here x' }, 'GRADER_PROGRAM_MISSING'],
    ['a script without permission', { command: './graders/rule.sh' }, 'is not executable'],
    ['a variable that is not set', { command: { run: 'true', env: ['RULES_TOKEN'] } }, 'ENV_MISSING'],
    ['an address that is not set', { http: { url: { env: 'RULES_URL' } } }, 'ENV_MISSING'],
    ['a header that is not set', { http: { url: 'http://h/', headers: { a: { env: 'T' } } } }, 'ENV_MISSING'],
  ])('%s is told', async (_what, grader, code) => {
    const suite = await suiteWith(grader, { 'graders/rule.sh': 'echo true' });
    expect(await codeOf(gradeBy(suite))).toContain(code);
  });
});

describe('a service', () => {
  test('is posted the same JSON and its verdict counts; a secret header is masked everywhere', async () => {
    await using server = await WireServer.start({
      'POST /grade': ({ headers, body }) => ({
        body: {
          score: 1,
          reason: `${headers['authorization']} ${body['output']} ${(body['case'] as { id: string }).id}`,
        },
      }),
    });
    const suite = await suiteWith({
      http: {
        url: `${server.url}/grade`,
        headers: { Authorization: { env: 'RULES_TOKEN', prefix: 'Bearer ' } },
      },
    });
    const grade = await gradeBy(suite, { env: { RULES_TOKEN: 'tok-1234567890' } });
    expect(grade).toMatchObject({ status: 'scored', pass: true, graderType: 'http' });
    expect(server.requests[0]?.headers['authorization']).toBe('Bearer tok-1234567890');
    expect(JSON.stringify(grade)).not.toContain('tok-1234567890');
    expect(grade.reason).toContain('Your parcel is late. late-parcel');
  });

  test('that is overloaded is asked again', async () => {
    let n = 0;
    await using server = await WireServer.start({
      'POST /grade': () => (++n < 3 ? { status: n === 1 ? 503 : 429, body: 'busy' } : { body: true }),
    });
    expect(outcome(await gradeBy(await suiteWith({ http: `${server.url}/grade` })))).toBe('pass');
    expect(n).toBe(3);
  });

  test.each([
    ['400', { status: 400, body: 'no such rule' }, '400 no such rule'],
    [
      'a redirect to another place',
      { status: 302, headers: { location: 'http://other.example/' } },
      'redirects',
    ],
    ['a page', { body: '<html>Sign in</html>' }, 'not one JSON value'],
    ['nothing', { body: '' }, 'its reply is empty'],
    ['a wrong score', { body: { score: -1 } }, 'not between 0 and 1'],
    ['an error with 200', { body: { score: 1, error: { message: 'no GPU' } } }, 'no GPU'],
  ])('that answers %s gives no score', async (_what, reply, why) => {
    await using server = await WireServer.start({ 'POST /grade': () => reply });
    const grade = await gradeBy(await suiteWith({ http: `${server.url}/grade` }));
    expect(outcome(grade)).toBe('grader_error');
    expect(grade.reason).toContain(why);
    expect(server.requests).toHaveLength(1);
  });

  test('that does not answer is given up', async () => {
    await using server = await WireServer.start({ 'POST /grade': () => 'hang' });
    const suite = await suiteWith({ http: { url: `${server.url}/grade`, 'timeout-ms': 200 } });
    const grade = await gradeBy(suite);
    expect(outcome(grade)).toBe('grader_error');
    expect(grade.reason).toContain('no answer within 200 ms');
  });
});
