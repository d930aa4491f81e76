// --batch on every command that takes it, as a user meets it: the results of single calls at half the price, and nothing paid twice.

import { describe, expect, it } from 'vitest';
import { anthropicRelease, deskCases, FALLBACK, helpDesk, MODEL, openaiRelease } from './help-desk.ts';

const PRICES = {
  'as-of': '2026-11-01',
  models: { [MODEL]: { input: 2, output: 8 }, [FALLBACK]: { input: 3, output: 15 } },
};
const PRICED = ['--prices', 'prices.yaml'];
const BATCH = ['--batch', '--batch-poll', '10ms'];
/** So many polls, each after a longer wait, are some four seconds. */
const SLOW = { polls: 14 };

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
    const late = await night('--deadline', '1s', '--json');
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
    const text = await night('--deadline', '500ms');
    expect(text.code).toBe(3);
    expect(text.stdout).toContain('a batch was not back at the deadline');
    expect(text.stdout).toContain('next: run the same command again later');
    expect(text.stderr).toContain('NIGHT_CONTINUED');

    const back = await night('--json');
    expect(back).toMatchObject({
      code: 0,
      json: { state: 'green', waits: false, number: 1, snapshot: { id, answered: 48, ungraded: 0 } },
    });
    // 48 answers and what the judge was asked about them; the sentinel asks in single calls.
    expect(d.simulator.stats().byPath).toMatchObject({ '/v1/batches': 1 });
    const next = await night('--json');
    expect(next).toMatchObject({ code: 0, json: { number: 2 } });
    expect(next.json.snapshot.id).not.toBe(id);
  });
});
