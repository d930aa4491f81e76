// --batch on every command that takes it, as a user meets it: the results of single calls at half the price, and nothing paid twice.

import { describe, expect, it } from 'vitest';
import { anthropicRelease, deskCases, FALLBACK, helpDesk, MODEL, openaiRelease } from './help-desk.ts';

const PRICES = {
  'as-of': '2026-11-01',
  models: { [MODEL]: { input: 2, output: 8 }, [FALLBACK]: { input: 3, output: 15 } },
};
const PRICED = ['--prices', 'prices.yaml'];
const BATCH = ['--batch', '--batch-poll', '10ms'];
/** More polls than a command makes before its deadline. */
const SLOW = { polls: 200 };

async function desk(more: Parameters<typeof helpDesk>[0]['scenario'] = {}) {
  const d = await helpDesk({
    scenario: {
      judge: { criteria: [{ ask: 'give the answer', yesWhen: { textContains: 'Here is your answer' } }] },
      ...more,
    },
    cases: deskCases(() => ({ grade: [{ rubric: [{ id: 'answers', ask: 'Does it give the answer?' }] }] })),
    suite: { trials: 2, judge: 'releases/judge.yaml' },
    releases: {
      subject: openaiRelease({ params: { 'max-output-tokens': 300 } }),
      claude: anthropicRelease(),
      judge: openaiRelease({ params: { 'max-output-tokens': 400 }, prompt: { messages: [] } }),
      other: anthropicRelease({ prompt: { messages: [] } }),
      app: { route: { provider: 'command', command: 'cat' }, prompt: { messages: [] } },
    },
  });
  await d.write('prices.yaml', PRICES);
  return d;
}

type Desk = Awaited<ReturnType<typeof desk>>;

/** How each trial was graded, and what the snapshot cost. */
async function shown(d: Desk, id: string) {
  const { json } = await d.cli('show', id, '--json');
  const trials: Record<string, boolean | null> = {};
  for (const c of json.cases) for (const t of c.trials) trials[`${c.id}#${t.trial}`] = t.pass;
  return { summary: json.snapshot, trials };
}

/** Single calls of models, as they should not be made. */
function singleCalls(d: Desk): number {
  const { byPath } = d.simulator.stats();
  return ['/v1/responses', '/v1/messages'].reduce((sum, path) => sum + (byPath[path] ?? 0), 0);
}

/** Lets the service end its batches while the work lasts. */
async function hurried<T>(d: Desk, work: () => Promise<T>): Promise<T> {
  const { url } = d.simulator;
  let isOver = false;
  const polling = (async () => {
    while (!isOver) {
      const list = (await (await fetch(`${url}/v1/batches?limit=100`)).json()) as { data: { id: string }[] };
      for (const { id } of list.data)
        for (let n = 0; n < 50; n++) await (await fetch(`${url}/v1/batches/${id}`)).text();
    }
  })();
  try {
    return await work();
  } finally {
    isOver = true;
    await polling;
  }
}

describe.each(['judge', 'other'])('a judge (%s) in batches', (judge) => {
  it('run, regrade and calibrate: the grades of single calls at half the cost', async () => {
    const d = await desk({
      versions: { steady: { skill: 0.7 } },
      batches: { errored: 0.1, expired: 0.05 },
    });
    const named = ['--judge', `releases/${judge}.yaml`];
    const live = await shown(d, await d.run('subject', ...PRICED, ...named, '--no-preflight'));
    expect(new Set(Object.values(live.trials))).toEqual(new Set([true, false]));

    d.simulator.reset();
    const again = await d.cli('regrade', live.summary.id, '--fresh', ...named, ...PRICED, ...BATCH, '--json');
    expect(again).toMatchObject({ code: 0, json: { stoppedBy: null, changed: 0 } });
    expect(again.json.snapshot.judgeCostUsd / live.summary.judgeCostUsd).toBeCloseTo(0.5, 9);
    expect(singleCalls(d)).toBe(0);

    // The answers are those of the run before, so its cached verdicts would do: another exam asks afresh.
    d.simulator.reset();
    const votes = ['--judge-votes', '2'];
    const two = await d.run('subject', ...PRICED, ...named, ...votes, '--no-preflight', ...BATCH);
    const batched = await shown(d, two);
    expect(batched.summary).toMatchObject({ ungraded: 0, validity: 'valid', labels: { mode: 'batch' } });
    expect(batched.trials).toEqual(live.trials);
    expect(batched.summary.costUsd / live.summary.costUsd).toBeCloseTo(0.5, 9);
    expect(batched.summary.judgeCostUsd).toBeGreaterThan(0);
    expect(singleCalls(d)).toBe(0);

    const labels = Object.entries(live.trials).map(([key, pass]) => {
      const [id, trial] = key.split('#');
      return JSON.stringify({ case: id, trial: Number(trial), human: pass === true ? 'pass' : 'fail' });
    });
    await d.write('labels.jsonl', labels.join('\n'));
    d.simulator.reset();
    const other = judge === 'judge' ? 'other' : 'judge';
    const calibrate = [
      'judge',
      'calibrate',
      'labels.jsonl',
      '--snapshot',
      live.summary.id,
      '--judge',
      `releases/${other}.yaml`,
    ];
    const limited = await d.cli(...calibrate, ...PRICED, ...BATCH, '--max-cost', '0.004');
    expect(limited).toMatchObject({ code: 3, stderr: expect.stringContaining('CALIBRATION_STOPPED') });
    expect(limited.stderr).toContain('cost limit of $0.004 (--max-cost)');
    const calibrated = await d.cli(...calibrate, ...PRICED, ...BATCH, '--json');
    expect(calibrated).toMatchObject({ code: 0, json: { kind: 'calibration' } });
    expect(calibrated.json.calibration.accuracy ?? calibrated.json.calibration.agreement).toBeTruthy();
    expect(singleCalls(d)).toBe(0);
  });
});

describe('nightly --batch', () => {
  it('is undecided when the batch is late, and the next command continues that night', async () => {
    const d = await desk({ batches: SLOW });
    const night = (...more: string[]) =>
      d.cli(
        'nightly',
        'suite.yaml',
        '--release',
        'releases/subject.yaml',
        '--confirm-after',
        '0s',
        ...PRICED,
        ...BATCH,
        ...more,
      );
    await d.bless(await d.run('subject', '--no-preflight'));
    d.simulator.reset();
    const late = await night('--deadline', '3s', '--json');
    expect(late).toMatchObject({
      code: 3,
      json: {
        state: 'unknown',
        waits: true,
        number: null,
        decision: null,
        snapshot: { state: 'interrupted' },
      },
    });
    expect(late.stderr).toContain('BATCH_LEFT');
    const { id } = late.json.snapshot;
    const text = await night('--deadline', '1s');
    expect(text.code).toBe(3);
    expect(text.stdout).toContain('a batch was not back at the deadline');
    expect(text.stdout).toContain('next: run the same command again later');
    expect(text.stderr).toContain('NIGHT_CONTINUED');

    const back = await hurried(d, () => night('--json'));
    expect(back).toMatchObject({
      code: 0,
      json: { state: 'green', waits: false, number: 1, snapshot: { id, answered: 48, ungraded: 0 } },
    });
    // One file with trials; nothing was submitted twice.
    expect(d.simulator.stats().byPath['/v1/files']).toBe(1);
    const { json: status } = await d.cli('status', 'help-desk', '--json');
    expect(JSON.stringify(status)).toContain('"state":"green"');
    expect(JSON.stringify(status)).not.toContain('was not back');
    const next = await hurried(d, () => night('--json'));
    expect(next).toMatchObject({ code: 0, json: { number: 2 } });
    expect(next.json.snapshot.id).not.toBe(id);
  });

  it('gathers its evidence in further batches: an alarm after a second run', async () => {
    const d = await desk({
      models: [
        {
          id: MODEL,
          provider: 'openai',
          version: 'steady',
          updates: [{ at: '2026-05-01', version: 'lost' }],
        },
        { id: FALLBACK, provider: 'anthropic', version: 'steady' },
      ],
    });
    await d.bless(await d.run('subject', '--no-preflight'));
    d.simulator.setDate('2026-06-01');
    d.simulator.reset();
    const night = await d.cli(
      ...['nightly', 'suite.yaml', '--release', 'releases/subject.yaml', '--confirm-after', '0s'],
      ...['--sentinel', '0', ...PRICED, ...BATCH, '--json'],
    );
    expect(night).toMatchObject({ code: 1, json: { state: 'alarm', waits: false } });
    expect(night.json.rerun).not.toBeNull();
    // The judge's probe.
    expect(singleCalls(d)).toBe(1);
  });
});

describe('shadow --batch', () => {
  const question = (n: number): string => `Question number K${100 + n} about my order`;

  async function observedDesk() {
    const d = await desk();
    const rows = Array.from({ length: 24 }, (_, n) => ({
      ...{ id: `o${n}`, at: Date.now() - n * 60_000, feature: 'orders', release: 'r1' },
      messages: [{ role: 'user', content: question(n) }],
      output: n % 2 === 0 ? `Here is your answer K${100 + n}.` : 'We will look into that.',
    }));
    await d.write('o.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
    await d.write('releases/live.yaml', {
      name: 'live',
      ...openaiRelease({ prompt: { messages: [{ role: 'user', content: '{{ messages.last.content }}' }] } }),
    });
    const observed = await d.cli('observe', 'o.jsonl', '--feature', 'orders', '--store', 'outputs');
    expect(observed.code, observed.stderr).toBe(0);
    const shadow = (...more: string[]) =>
      d.cli('shadow', 'orders', '--suite', 'suite.yaml', '--no-preflight', ...PRICED, ...more, '--json');
    return { d, shadow };
  }

  it('gives what single calls give, and a stopped one is continued without paying twice', async () => {
    const { d, shadow } = await observedDesk();
    const release = ['--release', 'releases/claude.yaml'];
    const live = await shadow(...release);
    expect(live.code, live.stderr).toBeLessThan(2);
    const answered = d.simulator.stats().answered;
    d.simulator.reset();
    const votes = ['--judge-votes', '2'];
    const limited = await shadow(...release, ...BATCH, ...votes, '--max-calls', '10');
    expect(limited.json).toMatchObject({ stoppedBy: 'max-calls', unpaired: { candidateNotAsked: 14 } });
    expect(limited.json.next).toContain(' --batch --resume ');
    const [, , ...again] = limited.json.next.split(' ');
    const rest = await shadow(...again.slice(1), '--batch-poll', '10ms');
    expect(rest.code, rest.stderr).toBe(live.code);
    expect(rest.json).toMatchObject({ stoppedBy: null, difference: live.json.difference });
    expect(rest.json.preference).toMatchObject({ judgeCalls: expect.any(Number) });
    expect(rest.json.cost.candidateUsd / live.json.cost.candidateUsd).toBeCloseTo(0.5, 9);
    expect(singleCalls(d)).toBe(0);
    expect(d.simulator.stats().answered).toBeLessThanOrEqual(2 * answered);
    const refused = await shadow('--release', 'releases/app.yaml', ...BATCH);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining('BATCH_UNSUPPORTED') });
  });
});
