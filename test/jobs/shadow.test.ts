// A candidate on stored live inputs: what is drawn, what differs and where, what it may cost, and that a stopped run goes on.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import type { ShadowReport } from '../../src/core/shadow.ts';
import { answerForm, lexicalDistance } from '../../src/monitor/shadow-difference.ts';
import { reportJsonSchemas } from '../../src/report/json/published-schemas.ts';
import { parseScenario, startSimulator } from '../../src/simulator/index.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { json, lastgood, lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';
import { type Script, type ScriptedReply, type SeenRequest, WireServer } from '../provider/wire-server.ts';

const HOUR = 3_600_000;
const NOW = Date.now();
const isPublished = new Ajv({ strict: false, allErrors: true, validateFormats: false }).compile(
  reportJsonSchemas().get('shadow.schema.json') ?? {},
);

type Shadow = ShadowReport & { readonly next: string | null };

/** What users got: one sentence about the order. */
const observed = (topic: string, n: number): string =>
  `Your ${topic} number ${n} is on its way. We will write to you.`;

/** The candidate: refunds become a list of two points, everything else stays. */
function candidate({ body }: SeenRequest): ScriptedReply {
  const question = String(body['q']);
  const [, n, topic] = /Question (\d+) about (\w+)/.exec(question) ?? [];
  const text =
    topic === 'refund'
      ? `- Denied ${n}.\n- Reasons: nobody may send back what was worn, washed or altered in any way.`
      : observed(topic ?? '', Number(n));
  return { body: { text } };
}

async function desk(says: Script = candidate, more: readonly object[] = []) {
  const dir = await temporaryFolder();
  const server = await WireServer.start({ 'POST /a': says });
  const rows = Array.from({ length: 60 }, (_, i) => {
    const topic = ['refund', 'status', 'cancel'][i % 3] ?? '';
    return {
      id: `o${i}`,
      at: NOW - i * 600_000,
      feature: 'desk',
      release: 'r1',
      template: topic,
      segment: i % 2 === 0 ? 'pro' : 'free',
      tags: ['web'],
      messages: [
        { role: 'system', content: 'You are the old desk.' },
        { role: 'user', content: `Question ${i} about ${topic}` },
      ],
      output: observed(topic, i),
      cost_usd: 0.002,
      latency_ms: 800,
    };
  });
  await writeFile(join(dir.path, 'o.jsonl'), [...rows, ...more].map((r) => JSON.stringify(r)).join('\n'));
  await writeFile(
    join(dir.path, 'bot.yaml'),
    `name: bot\nroute: { provider: http, url: "${server.url}/a", body: { q: "{{ messages.last.content }}" }, output: text }\n`,
  );
  const here = (...args: string[]) => lastgoodHere(args, { cwd: dir.path });
  expect((await here('observe', 'o.jsonl', '--feature', 'desk', '--store', 'outputs')).code).toBe(0);
  return {
    path: dir.path,
    server,
    here,
    shadow: (...args: string[]) => here('shadow', 'desk', '--release', 'bot.yaml', ...args),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await dir[Symbol.asyncDispose]();
    },
  };
}

describe('lastgood shadow', () => {
  it('asks the candidate what users asked, and shows how much and where it differs', async () => {
    await using d = await desk();
    const scratch = join(d.path, 'scratch');
    await mkdir(scratch);
    const out = await lastgood(['shadow', 'desk', '--release', 'bot.yaml', '--json'], {
      cwd: d.path,
      env: { TMPDIR: scratch },
    });
    expect(out.code, out.stderr).toBe(0);
    expect((await readdir(scratch)).filter((file) => file.startsWith('lastgood'))).toEqual([]);
    expect(out.stderr).toContain('candidate: 60 calls');
    const report = json<Shadow>(out);
    expect(isPublished(report), JSON.stringify(isPublished.errors)).toBe(true);
    expect(report).toMatchObject({
      kind: 'shadow',
      against: null,
      sample: { observations: 60, withoutQuestion: 0, drawn: 60, questions: 60, noise: null },
      unpaired: { candidateFailed: 0, candidateNotAsked: 0, baselineWithout: 0 },
      difference: {
        pairs: 60,
        changed: 20,
        form: { changed: 20, moves: [{ from: 'text', to: 'list', n: 20 }] },
      },
      cost: {
        baseline: { perCallUsd: expect.closeTo(0.002, 9), latencyMs: 800 },
        candidate: { perCallUsd: null },
      },
      preference: null,
      comparison: null,
      next: null,
    });
    expect(report.groups[0]).toMatchObject({ by: 'template', value: 'refund', pairs: 20, changed: 20 });
    expect(report.groups.filter((g) => g.by === 'template').map((g) => g.distance.mean > 0.3)).toEqual([
      true,
      false,
      false,
    ]);
    // The old system text is the old release's; users' questions are what is asked.
    const asked = d.server.requests.map(({ text }) => text);
    expect(asked).toHaveLength(60);
    expect(asked.join('\n')).not.toContain('old desk');
    const text = await d.shadow('--sample', '30');
    expect(text.stdout).toContain('30 pairs');
    expect(text.stdout).toMatch(/template refund +distance 0\.\d+, length ×\d/);
    expect(text.stdout).toContain('shown to no user');
  });

  it('draws by id: the same inputs again, and more of them with a larger sample', async () => {
    await using d = await desk();
    const drawnBy = async (n: string): Promise<Set<string>> => {
      d.server.requests.length = 0;
      expect((await d.shadow('--sample', n)).code).toBe(0);
      return new Set(d.server.requests.map(({ text }) => text));
    };
    const [ten, again, twenty] = [await drawnBy('10'), await drawnBy('10'), await drawnBy('20')];
    expect(ten.size).toBe(10);
    expect(again).toEqual(ten);
    expect(twenty.size).toBe(20);
    expect([...ten].filter((asked) => !twenty.has(asked))).toEqual([]);
    d.server.requests.length = 0;
    const dry = await d.shadow('--dry-run', '--json');
    expect(json<Record<string, unknown>>(dry)).toMatchObject({
      kind: 'estimate',
      candidate: { calls: 60 },
      baseline: null,
    });
    expect(d.server.requests).toEqual([]);
  });

  it('stops at a limit, says that it cannot tell, and goes on with what is left', async () => {
    await using d = await desk();
    const cut = await d.shadow('--max-calls', '25', '--json');
    expect(cut.code).toBe(3);
    const first = json<Shadow>(cut);
    expect(first).toMatchObject({ stoppedBy: 'max-calls', unpaired: { candidateNotAsked: 35 } });
    expect(first.difference?.pairs).toBe(25);
    // New traffic since then: the run goes on with the inputs it has drawn.
    await writeFile(
      join(d.path, 'new.jsonl'),
      JSON.stringify({ id: 'new', at: NOW, input: 'Question 99 about refund', output: 'x' }),
    );
    await d.here('observe', 'new.jsonl', '--feature', 'desk', '--store', 'outputs');
    const command = first.next?.split(' ').slice(1) ?? [];
    expect(command.slice(0, 2)).toEqual(['shadow', 'desk']);
    d.server.requests.length = 0;
    const rest = await d.here(...command, '--json');
    expect(rest.code, rest.stderr).toBe(0);
    expect(d.server.requests).toHaveLength(35);
    const whole = json<Shadow>(rest);
    expect(whole).toMatchObject({ stoppedBy: null, next: null, difference: { pairs: 60, changed: 20 } });
    expect(whole.snapshots).toEqual(first.snapshots);
    expect(whole.sample).toEqual(first.sample);
    const id = first.snapshots.candidate ?? '';
    const other = await d.here('shadow', 'other', '--release', 'bot.yaml', '--resume', id);
    expect(other).toMatchObject({ code: 2, stderr: expect.stringContaining('SHADOW_RESUME') });
  });

  it('loses nothing when it is killed', async () => {
    let answered = 0;
    await using d = await desk((seen) => (++answered > 12 ? 'hang' : candidate(seen)));
    const scratch = join(d.path, 'scratch');
    await mkdir(scratch);
    const killed = await lastgood(['shadow', 'desk', '--release', 'bot.yaml'], {
      cwd: d.path,
      env: { TMPDIR: scratch },
      onStart: (pid) => {
        const timer = setInterval(() => {
          // Eight calls hang, so the twelve before them are answered.
          if (d.server.requests.length < 20) return;
          clearInterval(timer);
          process.kill(pid, 'SIGKILL');
        }, 20);
        timer.unref();
      },
    });
    expect(killed.code).toBeNull();
    // No copy of what users asked is left behind.
    expect((await readdir(scratch)).filter((file) => file.startsWith('lastgood-shadow'))).toEqual([]);
    answered = Number.NEGATIVE_INFINITY;
    d.server.requests.length = 0;
    const rest = await d.shadow('--resume', 'latest', '--json');
    expect(rest.code, rest.stderr).toBe(0);
    expect(json<Shadow>(rest)).toMatchObject({ stoppedBy: null, difference: { pairs: 60, changed: 20 } });
    // What was in flight is asked again, what was answered is not.
    expect(d.server.requests.length).toBeGreaterThanOrEqual(48);
    expect(d.server.requests.length).toBeLessThan(60);
  });

  it('tells a candidate that fails from one that was not asked, and never takes either for the same', async () => {
    await using d = await desk((seen) =>
      String(seen.body['q']).includes('refund') ? { status: 400, body: { error: 'no' } } : candidate(seen),
    );
    const out = await d.shadow('--max-attempts', '1', '--json');
    expect(out.code).toBe(3);
    const report = json<Shadow>(out);
    expect(report.unpaired).toEqual({ candidateFailed: 20, candidateNotAsked: 0, baselineWithout: 0 });
    expect(report.difference).toMatchObject({ pairs: 40, changed: 0 });
    expect((await d.shadow('--max-attempts', '1')).stdout).toContain(
      'without a pair: the candidate failed on 20',
    );
  });

  it('ends when no call can succeed, and keeps what there is', async () => {
    await using d = await desk(() => ({ status: 401, body: { error: 'key' } }));
    const out = await d.shadow('--json');
    expect(out.code).toBe(4);
    const report = json<Shadow>(out);
    expect(report).toMatchObject({ stoppedBy: 'fatal', difference: null });
    expect(report.next).toContain('--resume');
  });

  it('runs another release beside it, within one limit for both, and says how much production differs from itself', async () => {
    const twice = Array.from({ length: 24 }, (_, i) => ({
      id: `t${i}`,
      at: NOW - HOUR,
      release: 'r1',
      input: 'Question 500 about status',
      output: observed('status', 500 + (i % 2)),
    }));
    await using d = await desk(candidate, twice);
    await writeFile(
      join(d.path, 'old.yaml'),
      `name: old\nroute: { provider: http, url: "${d.server.url}/a", body: { q: "old {{ messages.last.content }}" }, output: text }\n`,
    );
    const out = await d.shadow('--against', 'old.yaml', '--json');
    expect(out.code, out.stderr).toBe(0);
    const report = json<Shadow>(out);
    expect(report).toMatchObject({
      against: { name: 'old' },
      difference: { pairs: 61, changed: 0, distance: { mean: 0 } },
    });
    expect(report.sample).toMatchObject({ drawn: 84, questions: 61, noise: { pairs: 23 } });
    expect(report.sample.noise?.distance).toBeGreaterThan(0);
    d.server.requests.length = 0;
    const cut = await d.shadow('--against', 'old.yaml', '--max-calls', '20', '--json');
    expect(cut.code).toBe(3);
    expect(d.server.requests.length).toBeLessThanOrEqual(20);
  });

  it('sends nothing that a rule of today names, stores none of it, and can still be continued', async () => {
    await using d = await desk();
    await writeFile(join(d.path, 'lastgood.yaml'), 'redact: [{ pattern: "Question [0-9]+" }]\n');
    const cut = json<Shadow>(await d.shadow('--max-calls', '1', '--json'));
    // Three topics are left of sixty questions.
    expect(cut.sample).toMatchObject({ drawn: 60, questions: 3 });
    const rest = await d.here(...(cut.next?.split(' ').slice(1) ?? []), '--json');
    expect(rest.code, rest.stderr).toBe(0);
    expect(d.server.requests).toHaveLength(3);
    const sent = d.server.requests.map(({ text }) => text).join('\n');
    expect(sent).toContain('[redacted] about');
    expect(sent).not.toMatch(/Question \d/);
  });

  it('refuses what holds no question', async () => {
    await using dir = await temporaryFolder();
    const row = {
      id: 'a',
      at: NOW,
      feature: 'desk',
      messages: [{ role: 'user', content: 'Hi' }],
      output: 'Hello',
    };
    await writeFile(join(dir.path, 'o.jsonl'), JSON.stringify(row));
    await writeFile(
      join(dir.path, 'bot.yaml'),
      'name: bot\nroute: { provider: http, url: "http://127.0.0.1:9/" }\n',
    );
    const here = (...args: string[]) => lastgoodHere(args, { cwd: dir.path });
    await here('observe', 'o.jsonl');
    const none = await here('shadow', 'desk', '--release', 'bot.yaml');
    expect(none).toMatchObject({ code: 3, stderr: expect.stringContaining('SHADOW_NO_INPUTS') });
    expect(none.stderr).toContain('--store outputs');
    expect(await here('shadow', 'dexk', '--release', 'bot.yaml')).toMatchObject({ code: 2 });
  });
});

describe("the feature's own suite", () => {
  it('lends no grader that compares with what a case expects, and its verdict is the gate', async () => {
    await using d = await desk();
    await writeFile(
      join(d.path, 'suite.yaml'),
      `name: own
defaults: { grade: [max-length: 70, contains] }
cases:
${[1, 2, 3].map((n) => `  - { id: c${n}, vars: { q: "Where ${n}?" }, expected: "On its way ${n}" }`).join('\n')}
`,
    );
    const out = await d.shadow('--suite', 'suite.yaml', '--json');
    const { graders, comparison } = json<Shadow>(out);
    expect(graders).toHaveLength(1);
    // Every third answer has more than 70 characters now.
    expect(comparison).toMatchObject({
      baseline: { passRate: 1 },
      candidate: { passRate: expect.closeTo(2 / 3) },
    });
    expect(comparison?.verdict).not.toBe('unchanged');
    expect(out.code).not.toBe(0);
  });

  it('grades live inputs with the graders that fit any of them, and asks its judge which answer is better', async () => {
    await using dir = await temporaryFolder();
    const scenario = parseScenario(await readFile(join(ROOT, 'suites/support-triage/scenario.yaml'), 'utf8'));
    const simulator = await startSimulator({ scenario, date: '2026-05-01T03:00:00Z' });
    try {
      const suite = await loadSuite(join(ROOT, 'suites/support-triage/suite.yaml'));
      const rows = suite.cases.slice(0, 12).map((c, i) => ({
        id: `live-${i}`,
        at: NOW - i * 60_000,
        feature: 'support-triage',
        template: 'mail',
        input: c.vars,
        output: 'category: refund\n\nThank you for your message.',
      }));
      await writeFile(join(dir.path, 'o.jsonl'), rows.map((r) => JSON.stringify(r)).join('\n'));
      const db = join(dir.path, 'lastgood.db');
      const here = (...args: string[]) =>
        lastgoodHere([...args, '--db', db], {
          cwd: ROOT,
          env: {
            LASTGOOD_SIM_URL: simulator.openaiBaseUrl,
            LASTGOOD_SIM_ANTHROPIC_URL: simulator.anthropicBaseUrl,
            OPENAI_API_KEY: 'x',
            ANTHROPIC_API_KEY: 'x',
          },
        });
      await here('observe', join(dir.path, 'o.jsonl'), '--store', 'outputs');
      const release = 'suites/support-triage/releases/triage.yaml';
      const out = await here('shadow', 'support-triage', '--release', release, '--prefer', '5', '--json');
      expect(out.stdout, out.stderr).toContain('"kind": "shadow"');
      expect(out.stderr).toContain('judge: at most 10 calls more');
      const report = json<Shadow>(out);
      expect(isPublished(report), JSON.stringify(isPublished.errors)).toBe(true);
      // `extract` and `contains` are single cases' own, and compare with what they expect.
      expect(report.graders).toHaveLength(2);
      expect(report.comparison).toMatchObject({ candidate: { release: 'triage' } });
      expect(report.comparison?.cases).toHaveLength(12);
      const { better = 0, worse = 0, tie = 0, inconsistent = 0, ungraded = 0 } = report.preference ?? {};
      expect(better + worse + tie + inconsistent + ungraded).toBe(5);
      expect(report.preference?.judgeCalls).toBeGreaterThan(0);
      // A run that was cut short asks no judge; the one that continues it does.
      const cut = json<Shadow>(
        await here('shadow', 'support-triage', '--release', release, '--max-calls', '4', '--json'),
      );
      expect(cut).toMatchObject({ preference: null, difference: { pairs: 4 } });
      const next = cut.next?.split(' ').slice(1) ?? [];
      const rest = json<Shadow>(await here(...next, '--prefer', '3', '--json'));
      const again = rest.preference ?? { better: 0, worse: 0, tie: 0, inconsistent: 0, ungraded: 0 };
      expect(again.better + again.worse + again.tie + again.inconsistent + again.ungraded).toBe(3);
    } finally {
      await simulator.close();
    }
  });
});

it('forms and distances of answers', () => {
  expect(
    [
      '',
      ' {"a":1}',
      '{"a":',
      'Run:\n```sh\nls\n```',
      '| a | b |\n|---|---|\n| 1 | 2 |',
      '1. a\n2. b',
      '# A\n\ntext',
      'plain',
    ].map(answerForm),
  ).toEqual(['empty', 'json', 'text', 'code', 'table', 'list', 'headings', 'text']);
  expect(lexicalDistance('Where is my parcel?', 'Where is my parcel?')).toBe(0);
  expect(lexicalDistance('', '')).toBe(0);
  expect(lexicalDistance('', 'Where?')).toBe(1);
  const near = lexicalDistance('Where is my parcel today?', 'Where is my parcel now?');
  const far = lexicalDistance('Where is my parcel today?', 'We cannot refund worn shoes.');
  expect(near).toBeLessThan(far);
  expect(far).toBeGreaterThan(0.7);
});
