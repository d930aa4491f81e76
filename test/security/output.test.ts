// What a stranger wrote never acts on the terminal, the CI runner or the page where it is printed.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { jsonDocument } from '../../src/report/json/json-document.ts';
import { consoleText, markdownText, terminalText } from '../../src/report/parts/escape.ts';
import { emptyProject, type Project } from './world.ts';

const ESC = '\u001b';
const COMMANDS = [
  '::error::owned',
  '  ::set-output name=x::y',
  '\r::error::after a return',
  '##[error]owned',
  'text ##[add-mask]x',
  '##vso[task.setvariable variable=x]y',
  '##teamcity[blockOpened name=x]',
  `section_start:1:x\r${ESC}[0K`,
  `${ESC}]0;title\u0007`,
  `${ESC}[2J${ESC}[31mred`,
];

/** Would a runner read a line of this as a command? */
function acts(text: string): boolean {
  return (
    /^[^\S\n]*::/m.test(text) ||
    /##(\[|vso\[|teamcity\[)/i.test(text) ||
    /section_(start|end):/.test(text) ||
    /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text)
  );
}

test('no text reaches a log as a command or a control character, on a terminal none but our colours', () => {
  for (const attack of COMMANDS) {
    expect([attack, acts(consoleText(`a\n${attack}\nb`, false))]).toEqual([attack, false]);
    expect(JSON.parse(jsonDocument({ attack }))).toEqual({ attack });
    // GitLab's sections need a return and an escape, which JSON escapes.
    expect([attack, acts(jsonDocument({ attack }).replace('section_', ''))]).toEqual([attack, false]);
  }
  expect(consoleText(`${ESC}[31mred${ESC}[39m`, true)).toBe(`${ESC}[31mred${ESC}[39m`);
  expect(consoleText(`${ESC}[2J\r${ESC}[2Kline`, true)).toBe(`␛[2J\r${ESC}[2Kline`);
  expect(consoleText('plain: a::b, 12:30\n\ttab', false)).toBe('plain: a::b, 12:30\n\ttab');
});

let desk: Project;
beforeAll(async () => {
  desk = await emptyProject();
});
afterAll(() => desk[Symbol.asyncDispose]());

test('every command is guarded: results, errors, names of files, options and blessings', async () => {
  const names = [COMMANDS.join('\n')];
  for (const [i, name] of names.entries()) {
    await desk.write(
      'suites/s/suite.yaml',
      JSON.stringify({
        name: `s${i}`,
        trials: 1,
        cases: [{ id: `case\n${name}`, vars: {}, tags: ['t'], grade: [{ contains: `\n${name}` }] }],
      }),
    );
    await desk.write(
      'releases/r.yaml',
      `${JSON.stringify({ name: `\n${name}`, route: { provider: 'replay', file: 'r.jsonl' } })}\n`,
    );
    await desk.write(
      'releases/r.jsonl',
      `${JSON.stringify({ case_id: `case\n${name}`, output: `\n${name}\n` })}\n`,
    );
    for (const args of [
      ['run', 'suites/s', '--release', 'releases/r.yaml'],
      ['list'],
      ['show', 'latest', '--suite', `s${i}`],
      ['show', 'latest', '--suite', `s${i}`, '--case', `case\n${name}`],
      ['show', 'latest', '--suite', `s${i}`, '--json'],
      [
        'bless',
        'latest',
        '--suite',
        `s${i}`,
        '--by',
        `\n${name}`,
        '--why',
        `fine\n${name}`,
        '--override',
        'yes',
      ],
      ['baseline', `s${i}`],
      ['baseline', `s${i}`, '--json'],
      ['history', `s${i}`],
      ['status', '--max-age', '1h'],
      ['diff', 'latest', 'latest', '--suite', `s${i}`],
      ['diff', 'latest', 'latest', '--suite', `s${i}`, '--format', 'markdown'],
      ['diff', 'latest', 'latest', '--suite', `s${i}`, '--format', 'junit'],
      ['run', `nothing\n${name}`, '--release', 'releases/r.yaml'],
      ['run', 'suites/s', '--release', `nothing\n${name}`],
      ['show', `\n${name}`],
      ['event', 'add', '--kind', 'note', '--text', `\n${name}`],
      ['event', 'list'],
      [`\n${name}`],
      ['list', `--\n${name}`],
    ]) {
      const { stdout, stderr } = await desk.run(args);
      const shown = args.includes('--json') ? stdout.replaceAll('section_', '') : stdout;
      expect([args, acts(shown), acts(stderr)]).toEqual([args, false, false]);
    }
  }
});

test('a blessing with control characters is refused, and line ends in it become spaces', async () => {
  await desk.write(
    'suites/s/suite.yaml',
    'name: plain\ntrials: 1\ncases: [{ id: a, vars: {}, grade: [{ contains: x }] }]\n',
  );
  await desk.write('releases/r.yaml', 'name: r\nroute: { provider: replay, file: r.jsonl }\n');
  await desk.write('releases/r.jsonl', '{"case_id":"a","output":"x"}\n');
  expect((await desk.run(['run', 'suites/s', '--release', 'releases/r.yaml'])).code).toBe(0);
  const bless = (by: string, why: string): string[] => [
    'bless',
    'latest',
    '--suite',
    'plain',
    '--by',
    by,
    '--why',
    why,
  ];
  for (const bad of [`${ESC}[31mred`, 'a\u0000b', 'a\u009b1m', '\u202ecod.exe'])
    for (const args of [bless('Ada', bad), bless(bad, 'fine')]) {
      const refused = await desk.run(args);
      expect([bad, refused.code, refused.stderr]).toEqual([
        bad,
        2,
        expect.stringContaining('[BLESS_CONTROL]'),
      ]);
    }
  expect((await desk.run(bless('Ada', 'seen\r\n::error::by\tme '))).code).toBe(0);
  const log = JSON.parse((await desk.run(['baseline', 'plain', '--json'])).stdout) as {
    blessings: { why: string }[];
  };
  expect(log.blessings.map((b) => b.why)).toEqual(['seen ::error::by me']);
});

test('Markdown: no link, mention, reference, entity or emoji comes out of a text', () => {
  for (const [text, never] of [
    ['see https://evil.example/x', /https:\/\//],
    ['HTTP://EVIL.example', /http:\/\//i],
    ['www.evil.example', /www\./],
    ['mailto:a@b.example', /mailto:|@b/],
    ['&commat;octocat &num;12 &#64;octocat', /(^|[^\\])&/],
    ['GH-12 gh-7', /gh-\d/i],
    ['#12 owner/repo#13', /#\d/],
    ['!12 $12 %12 ~bug', /[!$%]\d|~\w/],
    [':rocket: :+1: :white_check_mark:', /:[\w+\\-]+:/],
    ['@octocat', /@\w/],
    ['![x](https://evil.example/p.png)', /(^|[^\\])!\[|\]\(h/],
  ] as const)
    expect([text, markdownText(text)]).toEqual([text, expect.not.stringMatching(never)]);
  expect(markdownText('12.5 of 100, at 3 s')).toBe('12.5 of 100, at 3 s');
});

test('text that hides in text is shown: tag characters, Arabic letter marks, soft hyphens, variation selectors', () => {
  const hidden = [...'ignore'].map((c) => String.fromCodePoint(0xe0000 + (c.codePointAt(0) ?? 0))).join('');
  expect(terminalText(`a${hidden}b`)).toBe(
    `a${[...hidden].map((c) => `\\u{${c.codePointAt(0)?.toString(16)}}`).join('')}b`,
  );
  for (const c of ['\u061c', '\u00ad', '\u034f', '\u180e', '\u{e0101}', '\ufff9', '\u206a', '\u3164'])
    expect(terminalText(`a${c}b`)).toMatch(/^a\\u\{?[0-9a-f]+\}?b$/);
  expect(terminalText('✔️ é 日本 🏳️')).toBe('✔️ é 日本 🏳️');
  expect(jsonDocument({ hidden })).not.toContain(hidden);
  expect(JSON.parse(jsonDocument({ hidden }))).toEqual({ hidden });
});
