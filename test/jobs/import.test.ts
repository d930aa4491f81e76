// lastgood import of other tools' files, by the real command line: import, validate, run without a call, export.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { appendFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LLMock } from '@copilotkit/aimock';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { json, lastgood, lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';

const FIXTURES = join(ROOT, 'test/fixtures/imports');

interface Report {
  readonly kind: string;
  readonly format: string;
  readonly mapped: number;
  readonly approximated: readonly {
    construct: string;
    reason: string;
    file: string;
    line: number;
    count: number;
  }[];
  readonly dropped: readonly {
    construct: string;
    reason: string;
    file: string;
    line: number;
    count: number;
  }[];
  readonly cases: number;
  readonly drafts: number;
  readonly duplicates: number;
  readonly releases: number;
  readonly recordings: number;
  readonly labels: number;
  readonly masked: number;
  readonly written: readonly string[];
  readonly recorded: string | null;
}

interface CaseLine {
  readonly id: string;
  readonly draft?: true;
  readonly grade?: unknown[];
  readonly trials?: number;
  readonly messages?: { role: string; content?: string }[];
  readonly vars?: Record<string, unknown>;
  readonly source: { kind: string; ref?: string };
}

/** As much of a trace as the tests change. */
interface Trace {
  readonly resourceSpans: {
    readonly scopeSpans: {
      readonly spans: {
        attributes: unknown[];
        events?: { name: string; attributes: unknown[] }[];
      }[];
    }[];
  }[];
}

const lines = <T>(file: string): T[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
const casesIn = (dir: string): CaseLine[] => lines<CaseLine>(join(dir, 'suite/cases.jsonl'));

async function importInto(
  dir: string,
  text: string | Buffer,
  args: readonly string[] = [],
  name = 'source.jsonl',
) {
  await writeFile(join(dir, name), text);
  const outcome = await lastgoodHere(['import', name, '--to', 'suite', '--json', ...args], { cwd: dir });
  const report = json<Report>(outcome);
  return { code: outcome.code, stderr: outcome.stderr, report: report.kind === 'error' ? null : report };
}

const chat = (question: string, answer = 'fine'): string =>
  `${JSON.stringify({
    messages: [
      { role: 'user', content: question },
      { role: 'assistant', content: answer },
    ],
  })}\n`;

describe('round trips', () => {
  test.each([
    ['chat.jsonl', { format: 'chat', cases: 5, recordings: 5, releases: 1 }],
    ['traces.otlp.jsonl', { format: 'otlp', cases: 4, recordings: 4, releases: 1 }],
    ['langfuse.jsonl', { format: 'langfuse', cases: 2, recordings: 1, duplicates: 1 }],
    ['langsmith.jsonl', { format: 'langsmith', cases: 2, recordings: 2, duplicates: 0 }],
    ['openai-evals.jsonl', { format: 'openai-evals', cases: 2, drafts: 0, recordings: 2 }],
    ['braintrust.jsonl', { format: 'braintrust', cases: 1, recordings: 2, releases: 2 }],
    ['phoenix.json', { format: 'phoenix', cases: 2, recordings: 4, labels: 2, duplicates: 0 }],
    ['inspect.json', { format: 'inspect', cases: 2, recordings: 4, duplicates: 0 }],
    ['promptfoo-results.json', { format: 'promptfoo', cases: 3, drafts: 0, recordings: 3, labels: 2 }],
  ])('%s becomes a suite that validates, runs from its recordings and is exported', async (file, wanted) => {
    await using dir = await temporaryFolder();
    const cwd = dir.path;
    const imported = await lastgoodHere(['import', join(FIXTURES, file), '--to', 'suite', '--json'], { cwd });
    const report = json<Report>(imported);
    expect(report).toMatchObject({ kind: 'import', ...wanted });
    expect(imported.code).toBe(report.dropped.length > 0 ? 3 : 0);
    for (const c of casesIn(cwd)) expect(c.source.kind).toBe(wanted.format);

    const release = join('suite', report.recorded ?? '');
    const validated = await lastgoodHere(['validate', 'suite/suite.yaml', release], { cwd });
    expect(validated.code, validated.stderr).toBe(0);
    const ran = await lastgoodHere(
      ['run', 'suite', '--release', release, '--db', 'l.db', '--json', '--quiet'],
      { cwd },
    );
    const { snapshot } = json<{ snapshot: { id: string; ungraded: number; trials: number } }>(ran);
    expect(snapshot.ungraded).toBe(0);
    expect(snapshot.trials).toBeGreaterThanOrEqual(report.cases);
    const exported = await lastgoodHere(['export', snapshot.id, '--db', 'l.db'], { cwd });
    expect(exported.code, exported.stderr).toBe(0);
    const [exportFile] = readdirSync(join(cwd, 'snapshots')).filter((f) => f.endsWith('.snapshot.jsonl'));
    const back = await lastgoodHere(['import', `snapshots/${exportFile}`, '--db', 'other.db', '--json'], {
      cwd,
    });
    expect(json<{ snapshots: unknown[] }>(back).snapshots).toHaveLength(1);
  });

  test('what is asked and answered comes over: tools, system text, usage, times, templates as text', async () => {
    await using dir = await temporaryFolder();
    await lastgoodHere(['import', join(FIXTURES, 'chat.jsonl'), '--to', 'suite'], { cwd: dir.path });
    const cases = casesIn(dir.path);
    expect(cases[0]?.messages?.map((m) => m.role)).toEqual(['system', 'user']);
    const recordings = lines<Record<string, unknown>>(join(dir.path, 'suite/recordings/recorded.jsonl'));
    expect(recordings[0]).toMatchObject({
      tool_calls: [{ id: 'c1', name: 'track', args: { order: 8812 } }],
      usage: { input_tokens: 31, output_tokens: 9, cached_input_tokens: 16 },
      latency_ms: 640,
      stop_reason: 'tool_calls',
    });
    expect(cases[3]?.messages?.[0]?.content).toBe('{% raw %}Fill {{ name }} in{% endraw %}');
  });

  test('the same Langfuse observation of two exports is one recording, with the time between start and end', async () => {
    await using dir = await temporaryFolder();
    await lastgoodHere(['import', join(FIXTURES, 'langfuse.jsonl'), '--to', 'suite'], { cwd: dir.path });
    const recordings = lines<Record<string, unknown>>(join(dir.path, 'suite/recordings/recorded.jsonl'));
    expect(recordings).toMatchObject([{ latency_ms: 1200, model: 'gpt-x' }]);
  });

  test('string checks of an eval become graders, and the recorded verdicts come out again', async () => {
    await using dir = await temporaryFolder();
    const cwd = dir.path;
    const report = json<Report>(
      await lastgoodHere(['import', join(FIXTURES, 'openai-evals.jsonl'), '--to', 'suite', '--json'], {
        cwd,
      }),
    );
    expect(report.dropped).toMatchObject([{ construct: 'grader "python code"', reason: 'it is code' }]);
    const ran = await lastgoodHere(
      ['run', 'suite', '--release', `suite/${report.recorded}`, '--db', 'l.db', '--json', '--quiet'],
      { cwd },
    );
    expect(json<{ snapshot: { passRate: number } }>(ran).snapshot).toMatchObject({ passRate: 0.5 });
  });

  test('labels of people calibrate a judge', async () => {
    await using dir = await temporaryFolder();
    await lastgoodHere(['import', join(FIXTURES, 'phoenix.json'), '--to', 'suite'], { cwd: dir.path });
    expect(lines(join(dir.path, 'suite/labels/recorded.jsonl'))).toEqual([
      { case: 'ex-a', trial: 0, human: 'pass' },
      { case: 'ex-a', trial: 1, human: 'fail' },
    ]);
    expect(casesIn(dir.path).map((c) => c.trials)).toEqual([2, 2]);

    // A rubric and a judge are added by hand; the recorded answers are judged, and the judge is held against the labels.
    const mock = new LLMock({ port: 0 });
    const says = (verdict: string) => ({
      content: JSON.stringify({ criteria: [{ id: 'helps', reason: 'r', verdict }] }),
    });
    mock.on({ userMessage: /Soon\./ }, says('no'));
    mock.on({}, says('yes'));
    await mock.start();
    try {
      const route = {
        provider: 'openai',
        api: 'chat',
        model: 'judge-2026-01-15',
        'base-url': `${mock.url}/v1`,
      };
      await writeFile(join(dir.path, 'suite/judge.yaml'), JSON.stringify({ route }));
      await appendFile(join(dir.path, 'suite/suite.yaml'), 'judge: judge.yaml\n');
      const cases = casesIn(dir.path).map(({ draft: _draft, ...c }) => ({
        ...c,
        grade: [{ rubric: [{ id: 'helps', ask: 'Does the answer help?' }] }],
      }));
      await writeFile(
        join(dir.path, 'suite/cases.jsonl'),
        `${cases.map((c) => JSON.stringify(c)).join('\n')}\n`,
      );
      const here = (...args: string[]) =>
        lastgoodHere([...args, '--json', '--quiet'], { cwd: dir.path, env: { OPENAI_API_KEY: 'none' } });
      const ran = await here('run', 'suite', '--release', 'suite/releases/recorded.yaml');
      expect(
        json<{ snapshot: { answered: number; ungraded: number } }>(ran).snapshot,
        ran.stderr,
      ).toMatchObject({
        answered: 4,
        ungraded: 0,
      });
      const judged = await here('judge', 'calibrate', 'suite/labels/recorded.jsonl', '--snapshot', 'latest');
      expect(json(judged), judged.stderr).toMatchObject({
        kind: 'calibration',
        calibration: { items: 2, agreement: 1 },
      });
    } finally {
      await mock.stop();
    }
  });

  test('a child process imports, prints the account and ends with 3 when something was dropped', async () => {
    await using dir = await temporaryFolder();
    const outcome = await lastgood(['import', join(FIXTURES, 'traces.otlp.jsonl'), '--to', 'suite'], {
      cwd: dir.path,
    });
    expect(outcome.code).toBe(3);
    expect(outcome.stdout).toContain('imported otlp into suite: 4 cases (4 of them drafts without a grader)');
    expect(outcome.stdout).toMatch(/traces\.otlp\.jsonl:3: attribute "gen_ai\.input\.messages": truncated/);
    expect(outcome.stderr).toContain('next: lastgood validate suite/suite.yaml');
  });
});

test('an attribute or an event of a trace that no convention has is reported; those of the conventions are not', async () => {
  await using dir = await temporaryFolder();
  const fixture = readFileSync(join(FIXTURES, 'traces.otlp.jsonl'), 'utf8');
  const clean = await importInto(dir.path, fixture, ['--overwrite'], 'clean.jsonl');
  expect(clean.report?.dropped.filter(({ reason }) => reason === 'unknown key')).toEqual([]);
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        // Where the strange name goes: into a span's attributes, its events, or the attributes of an event.
        where: fc.constantFrom('attribute', 'event', 'attribute of event'),
        name: fc.stringMatching(/^(shop|gen_ai\.shop|llm\.shop|ai\.shop)\.[a-z_]{1,12}$/),
        span: fc.nat({ max: 3 }),
      }),
      async ({ where, name, span }) => {
        let n = 0;
        const changed = fixture.split('\n').map((line) => {
          if (line === '') return line;
          const document = JSON.parse(line) as Trace;
          for (const s of document.resourceSpans[0]?.scopeSpans[0]?.spans ?? []) {
            if (n++ !== span) continue;
            const strange = { key: name, value: { stringValue: 'x' } };
            const event =
              where === 'event' ? { name, attributes: [] } : { name: 'exception', attributes: [strange] };
            if (where === 'attribute') s.attributes.push(strange);
            else s.events = [...(s.events ?? []), event];
          }
          return JSON.stringify(document);
        });
        const { report } = await importInto(dir.path, changed.join('\n'), ['--overwrite', '--dry-run']);
        const found = report?.dropped.filter(({ reason }) => reason === 'unknown key') ?? [];
        expect(found).toHaveLength(1);
        expect(found[0]?.construct).toContain(
          `${where === 'attribute of event' ? 'attribute of event "exception"' : where} ${JSON.stringify(name)}`,
        );
      },
    ),
    { numRuns: 20 },
  );
});

describe('ids, duplicates, choices', () => {
  test('ids do not depend on the order of the source, and importing again changes no file', async () => {
    await using dir = await temporaryFolder();
    const questions = ['first?', 'second?', 'third?', 'first?'];
    await importInto(dir.path, questions.map((q) => chat(q)).join(''));
    const first = readFileSync(join(dir.path, 'suite/cases.jsonl'), 'utf8');
    const ids = casesIn(dir.path).map((c) => c.id);
    const again = await importInto(dir.path, questions.map((q) => chat(q)).join(''), ['--overwrite']);
    expect(readFileSync(join(dir.path, 'suite/cases.jsonl'), 'utf8')).toBe(first);
    expect(again.report).toMatchObject({ cases: 3, duplicates: 1, recordings: 4 });
    await importInto(
      dir.path,
      [...questions]
        .reverse()
        .map((q) => chat(q))
        .join(''),
      ['--overwrite'],
    );
    expect(
      casesIn(dir.path)
        .map((c) => c.id)
        .sort(),
    ).toEqual([...ids].sort());
  });

  test('files that are there are only replaced when that is asked for', async () => {
    await using dir = await temporaryFolder();
    await importInto(dir.path, chat('one?'));
    const before = readFileSync(join(dir.path, 'suite/cases.jsonl'), 'utf8');
    const second = await importInto(dir.path, chat('two?'));
    expect(second).toMatchObject({ code: 2, report: null });
    expect(second.stderr).toContain('IMPORT_EXISTS');
    expect(readFileSync(join(dir.path, 'suite/cases.jsonl'), 'utf8')).toBe(before);
  });

  test('a dry run writes nothing, a limit takes the first, a sample the same ones whatever the order', async () => {
    await using dir = await temporaryFolder();
    const all = Array.from({ length: 30 }, (_, i) => chat(`question ${i}?`));
    const dry = await importInto(dir.path, all.join(''), ['--dry-run']);
    expect(dry.report).toMatchObject({ cases: 30, recordings: 30 });
    expect(existsSync(join(dir.path, 'suite'))).toBe(false);
    await importInto(dir.path, all.join(''), ['--limit', '2']);
    expect(casesIn(dir.path).map((c) => c.messages?.[0]?.content)).toEqual(['question 0?', 'question 1?']);
    const sampled = await importInto(dir.path, all.join(''), ['--sample', '5', '--seed', '7', '--overwrite']);
    expect(sampled.report).toMatchObject({ cases: 5, recordings: 5 });
    const ids = casesIn(dir.path)
      .map((c) => c.id)
      .sort();
    await importInto(dir.path, [...all].reverse().join(''), ['--sample', '5', '--seed', '7', '--overwrite']);
    expect(
      casesIn(dir.path)
        .map((c) => c.id)
        .sort(),
    ).toEqual(ids);
    await importInto(dir.path, all.join(''), ['--sample', '5', '--seed', '8', '--overwrite']);
    expect(
      casesIn(dir.path)
        .map((c) => c.id)
        .sort(),
    ).not.toEqual(ids);
  });

  test('secrets of the environment, credentials by their shape and `redact` rules are taken out before anything is written', async () => {
    await using dir = await temporaryFolder();
    await writeFile(
      join(dir.path, 'lastgood.yaml'),
      'redact:\n  - { pattern: "[a-z]+@example\\\\.com", with: "[mail]" }\n',
    );
    await writeFile(
      join(dir.path, 's.jsonl'),
      chat(
        'mia@example.com has the key sk-live-0123456789abcdefghij and hunter2-hunter2',
        'Write to tom@example.com',
      ),
    );
    const outcome = await lastgoodHere(['import', 's.jsonl', '--to', 'suite', '--json'], {
      cwd: dir.path,
      env: { DESK_PASSWORD: 'hunter2-hunter2' },
    });
    expect(json<Report>(outcome).masked).toBe(2);
    const written = ['cases.jsonl', 'recordings/recorded.jsonl']
      .map((f) => readFileSync(join(dir.path, 'suite', f), 'utf8'))
      .join('');
    expect(written).not.toMatch(/example\.com|sk-live|hunter2/);
    expect(written).toContain('[mail] has the key [secret] and [secret]');
  });
});

describe('hostile and broken sources', () => {
  test('a broken line, a truncated last one, NaN and a line of another kind are reported with their numbers; the rest is taken', async () => {
    await using dir = await temporaryFolder();
    const { code, report } = await importInto(
      dir.path,
      `\uFEFF${chat('one?')}{broken\n\n${chat('two\\u0000?')}{"messages": NaN}\n[1]\n{"messages":[{"role":"user","content":"cut`,
    );
    expect(code).toBe(3);
    expect(report?.cases).toBe(2);
    expect(report?.dropped.map(({ line, reason }) => [line, reason])).toEqual([
      [2, 'it is not JSON'],
      [5, 'it is not JSON'],
      [6, 'it is not a map'],
      [7, 'it is not JSON'],
    ]);
  });

  test('a giant line is skipped and the lines after it are read', async () => {
    await using dir = await temporaryFolder();
    await writeFile(join(dir.path, 'source.jsonl'), chat('one?'));
    const piece = 'x'.repeat(1 << 20);
    await appendFile(join(dir.path, 'source.jsonl'), '{"messages":"');
    for (let i = 0; i < 34; i++) await appendFile(join(dir.path, 'source.jsonl'), piece);
    await appendFile(join(dir.path, 'source.jsonl'), `"}\n${chat('two?')}`);
    const outcome = await lastgoodHere(['import', 'source.jsonl', '--to', 'suite', '--json'], {
      cwd: dir.path,
    });
    expect(json<Report>(outcome)).toMatchObject({ cases: 2, dropped: [{ construct: 'record', line: 2 }] });
  });

  test.each([
    ['an empty file', ''],
    ['a file of no known format', '{"a":1}\n'],
    ['a bare list', '[1,2]\n'],
  ])('%s is wrong input', async (_, text) => {
    await using dir = await temporaryFolder();
    const { code, report, stderr } = await importInto(dir.path, text);
    expect({ code, report }).toEqual({ code: 2, report: null });
    expect(stderr).toContain('IMPORT_FORMAT');
    expect(existsSync(join(dir.path, 'suite'))).toBe(false);
  });

  test('unknown formats and two formats at once are refused by name', async () => {
    await using dir = await temporaryFolder();
    const bad = await importInto(dir.path, chat('x'), ['--from', 'excel']);
    expect(bad.stderr).toContain('there is no format "excel"');
    const both = await lastgoodHere(
      ['import', join(FIXTURES, 'chat.jsonl'), join(FIXTURES, 'braintrust.jsonl'), '--to', 's'],
      { cwd: dir.path },
    );
    expect(both).toMatchObject({ code: 2 });
    expect(both.stderr).toContain('the files are in two formats: chat and braintrust');
  });

  test('a configuration reads no file outside its project, and a link out of it is none', async () => {
    await using dir = await temporaryFolder();
    await mkdir(join(dir.path, 'project/.git'), { recursive: true });
    await writeFile(join(dir.path, 'secret.txt'), 'TOP SECRET');
    await symlink(join(dir.path, 'secret.txt'), join(dir.path, 'project/link.txt'));
    await writeFile(
      join(dir.path, 'project/promptfooconfig.yaml'),
      'prompts: ["file://../secret.txt", "file://link.txt", "{{q}} {{ f }}"]\nproviders: [openai:chat:m]\ntests:\n  - vars: { q: x, f: file:///etc/hostname }\n',
    );
    const outcome = await lastgoodHere(['import', 'promptfooconfig.yaml', '--to', 'suite', '--json'], {
      cwd: join(dir.path, 'project'),
    });
    const report = json<Report>(outcome);
    expect(report.dropped.filter((d) => d.reason.includes('outside the working tree'))).toHaveLength(3);
    const texts = report.written
      .map((f) => readFileSync(join(dir.path, 'project/suite', f), 'utf8'))
      .join('\n');
    expect(texts).not.toContain('TOP SECRET');
  });

  test('names in a source never become paths outside the folder', async () => {
    await using dir = await temporaryFolder();
    const config = {
      prompts: [{ label: '../../evil', raw: 'Say {{q}}' }],
      providers: [{ id: 'openai:chat:m', label: '/../../evil' }],
      tests: [{ vars: { q: 'x', __proto: 1 } }],
    };
    const { report } = await importInto(dir.path, JSON.stringify(config), [], 'config.json');
    expect(report?.written).toEqual(['cases.jsonl', 'prompts/evil.md', 'releases/evil.yaml', 'suite.yaml']);
    expect(readdirSync(dir.path).sort()).toEqual(['config.json', 'suite']);
  });

  test('`__proto__` in a source changes no object and is named', async () => {
    await using dir = await temporaryFolder();
    const { report } = await importInto(
      dir.path,
      '{"messages":[{"role":"user","content":"x"}],"__proto__":{"polluted":1}}\n',
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
    expect(report?.dropped).toMatchObject([{ construct: 'record key "__proto__"' }]);
  });

  test('aliases of a YAML file that multiply are refused', async () => {
    await using dir = await temporaryFolder();
    const bomb = ['prompts: [x]', 'providers: [openai:chat:m]', 'a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      bomb.push(
        `a${i}: &a${i} [${Array(10)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    const { code, stderr } = await importInto(dir.path, bomb.join('\n'), [], 'promptfooconfig.yaml');
    expect(code).toBe(2);
    expect(stderr).toContain('IMPORT_SYNTAX');
  });
});

describe('code of the source', () => {
  const CONFIG = JSON.stringify({
    prompts: ['Say {{q}}'],
    providers: ['exec:echo answered:'],
    tests: [{ vars: { q: 'hi' }, assert: [{ type: 'starts-with', value: 'answered: Say hi' }] }],
  });

  test('a program is only taken where code is allowed, and then gets the prompt as its argument', async () => {
    await using dir = await temporaryFolder();
    const refused = await importInto(dir.path, CONFIG, ['--dry-run'], 'config.json');
    expect(refused.report?.dropped).toMatchObject([{ construct: 'provider "exec:echo answered:"' }]);
    expect(refused.report?.releases).toBe(0);
    const taken = await importInto(dir.path, CONFIG, ['--allow-code'], 'config.json');
    expect(taken.report?.dropped).toEqual([]);
    const release = taken.report?.written.find((f) => f.startsWith('releases/'));
    const ran = await lastgoodHere(
      ['run', 'suite', '--release', `suite/${release}`, '--db', 'l.db', '--json', '--quiet'],
      { cwd: dir.path },
    );
    expect(json<{ snapshot: { passRate: number } }>(ran).snapshot).toMatchObject({ passRate: 1 });
  });
});

describe('drafts', () => {
  const suite = async (dir: string, second: string): Promise<void> => {
    await writeFile(
      join(dir, 'suite.yaml'),
      'name: desk\ncases: cases.jsonl\npolicy: { min-pass-rate: 0.5 }\n',
    );
    await writeFile(
      join(dir, 'cases.jsonl'),
      `{"id":"graded","vars":{"q":"a"},"grade":[{"contains":"a"}]}\n${second}\n`,
    );
    await writeFile(join(dir, 'r.yaml'), 'route: { provider: replay, file: r.jsonl }\n');
    await writeFile(
      join(dir, 'r.jsonl'),
      '{"case_id":"graded","output":"a"}\n{"case_id":"open","output":"b"}\n',
    );
  };
  const run = (cwd: string) =>
    lastgoodHere(['run', 'suite.yaml', '--release', 'r.yaml', '--db', 'l.db', '--json', '--quiet'], { cwd });

  test('a draft is run and shown, and no verdict, floor or count of ungraded answers sees it', async () => {
    await using dir = await temporaryFolder();
    await suite(dir.path, '{"id":"open","vars":{"q":"b"},"draft":true}');
    const first = json<{ snapshot: { id: string; trials: number; ungraded: number; passRate: number } }>(
      await run(dir.path),
    );
    expect(first.snapshot).toMatchObject({ trials: 2, ungraded: 0, passRate: 1 });
    await run(dir.path);
    const compared = await lastgoodHere(['diff', 'latest~1', 'latest', '--db', 'l.db', '--json'], {
      cwd: dir.path,
    });
    expect(json<{ cases: { id: string }[] }>(compared).cases.map((c) => c.id)).toEqual(['graded']);
    const shown = await lastgoodHere(['show', 'latest', '--case', 'open', '--db', 'l.db'], { cwd: dir.path });
    expect(shown.code, shown.stderr).toBe(0);
    expect(shown.stdout).toContain('b');
  });

  test('a graded case that becomes a draft is reported as removed, not dropped silently', async () => {
    await using dir = await temporaryFolder();
    await suite(dir.path, '{"id":"open","vars":{"q":"b"},"grade":[{"contains":"b"}]}');
    await run(dir.path);
    await suite(dir.path, '{"id":"open","vars":{"q":"b"},"draft":true}');
    await run(dir.path);
    const compared = await lastgoodHere(['diff', 'latest~1', 'latest', '--db', 'l.db', '--json'], {
      cwd: dir.path,
    });
    const { cases } = json<{ cases: { id: string; verdict: string }[] }>(compared);
    expect(cases.find((c) => c.id === 'open')).toMatchObject({ verdict: 'removed' });
  });

  test('a draft with graders is an error: they would never count', async () => {
    await using dir = await temporaryFolder();
    await suite(dir.path, '{"id":"open","draft":true,"grade":[{"contains":"b"}]}');
    const validated = await lastgoodHere(['validate', 'suite.yaml'], { cwd: dir.path });
    expect(validated.code).toBe(2);
    expect(validated.stderr + validated.stdout).toContain('SUITE_DRAFT_GRADED');
  });
});
