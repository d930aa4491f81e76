// `run --batch` as a user meets it: the same answers at half the price, and refusals before anything is sent.

import { describe, expect, it } from 'vitest';
import { anthropicRelease, FALLBACK, helpDesk, MODEL, openaiRelease } from './help-desk.ts';

const PRICES = {
  'as-of': '2026-11-01',
  models: { [MODEL]: { input: 2, output: 8 }, [FALLBACK]: { input: 3, output: 15 } },
};
const BATCH = ['--batch', '--batch-poll', '10ms', '--no-preflight', '--prices', 'prices.yaml'];
const LIVE = BATCH.slice(3);
const PRICED = LIVE.slice(1);

async function desk(more: Parameters<typeof helpDesk>[0]['scenario'] = {}) {
  const d = await helpDesk({
    scenario: more,
    releases: {
      responses: openaiRelease({ params: { 'max-output-tokens': 300, temperature: 0.2 } }),
      chat: openaiRelease({
        route: { provider: 'openai', api: 'chat', model: MODEL, 'base-url': { env: 'DESK_OPENAI_URL' } },
      }),
      messages: anthropicRelease(),
      app: { route: { provider: 'command', command: 'cat' }, prompt: { messages: [] } },
    },
  });
  await d.write('prices.yaml', PRICES);
  return d;
}

// biome-ignore lint/suspicious/noExplicitAny: printed JSON, looked at field by field.
async function answersOf(d: Awaited<ReturnType<typeof desk>>, id: string): Promise<any[]> {
  const { json } = await d.cli('show', id, '--case', 'refund-03', '--json');
  return json.trials;
}

describe.each(['responses', 'chat', 'messages'])('run --batch on %s', (release) => {
  it('gives the answers of single calls at half the cost, and says so in the ledger', async () => {
    const d = await desk({ batches: { errored: 0.1, expired: 0.05 } });
    const batch = await d.run(release, ...BATCH);
    expect(d.simulator.stats().answered).toBe(72);
    d.simulator.reset();
    const live = await d.run(release, ...LIVE);
    const shown = async (id: string) => (await d.cli('show', id, '--json')).json.snapshot;
    const [a, b] = [await shown(batch), await shown(live)];
    expect(a).toMatchObject({ answered: 72, failed: 0, passRate: b.passRate, labels: { mode: 'batch' } });
    expect(a.costUsd / b.costUsd).toBeCloseTo(0.5, 9);
    expect(b.labels).toEqual({});
    for (const { trial } of await answersOf(d, batch)) {
      expect(trial).toMatchObject({ latencyMs: null, served: { serviceTier: 'batch', simulated: true } });
      expect(trial.attempts.at(-1)).toMatchObject({ outcome: 'answered' });
    }
    const texts = async (id: string) => (await answersOf(d, id)).map(({ trial }) => trial.output.text).sort();
    expect(await texts(batch)).toEqual(await texts(live));
    expect((await d.cli('show', batch, '--case', 'refund-03')).stdout).toContain(
      'trial 0: answered in a batch, ',
    );
    const compared = await d.cli('diff', batch, live, '--json');
    expect(compared.json.metrics.costUsd.verdict).toBe('not-tested');
  });
});

it('leaves out a parameter that the model refuses, in the next batch', async () => {
  const d = await desk({
    models: [{ id: MODEL, provider: 'openai', version: 'steady', refuses: ['temperature'] }],
  });
  const id = await d.run('responses', ...BATCH);
  const { json } = await d.cli('show', id, '--json');
  expect(json.snapshot).toMatchObject({ answered: 72, failed: 0 });
  expect(json.snapshot.findings.map((f: { code: string }) => f.code)).toContain('PARAMS_REFUSED');
});

it('a limit holds before anything is sent, and resuming runs the rest in batches', async () => {
  const d = await desk();
  const first = await d.cli(
    'run',
    'suite.yaml',
    '--release',
    'releases/responses.yaml',
    ...BATCH,
    '--max-calls',
    '20',
    '--json',
  );
  expect(first).toMatchObject({ code: 3, json: { snapshot: { answered: 20, skipped: 52 } } });
  expect(d.simulator.stats().answered).toBe(20);
  const again = await d.cli('run', '--resume', first.json.snapshot.id, '--batch-poll', '10ms', '--json');
  expect(again).toMatchObject({ code: 0, json: { snapshot: { answered: 72 } } });
  expect(d.simulator.stats()).toMatchObject({ answered: 72, byPath: { '/v1/files': 2 } });
  expect(d.simulator.stats().byPath).not.toHaveProperty('/v1/responses');
});

it('--dry-run prints the price of a batch', async () => {
  const d = await desk();
  const estimate = async (...more: string[]) =>
    (await d.cli('run', 'suite.yaml', '--release', 'releases/responses.yaml', ...more, '--dry-run', '--json'))
      .json;
  const [batch, live] = [await estimate(...BATCH), await estimate(...LIVE)];
  expect(batch.costUpperUsd / live.costUpperUsd).toBeCloseTo(0.5, 9);
  expect(d.simulator.stats().requests).toBe(0);
});

describe('refused before anything is sent', () => {
  const refusal = async (
    d: Awaited<ReturnType<typeof desk>>,
    release: string,
    ...more: string[]
  ): Promise<string> => {
    const said = await d.cli('run', 'suite.yaml', '--release', `releases/${release}.yaml`, ...BATCH, ...more);
    expect(said.code).toBe(2);
    expect(d.simulator.stats().requests).toBe(0);
    expect((await d.cli('list', '--all', '--json')).json?.snapshots ?? []).toEqual([]);
    return said.stderr;
  };

  it('what has no batch API, and what a batch does not have', async () => {
    const d = await desk();
    expect(await refusal(d, 'app')).toContain('BATCH_UNSUPPORTED');
    expect(await refusal(d, 'responses', '--stream')).toContain('BATCH_OPTION');
    expect(await refusal(d, 'responses', '--rerun', 'failures')).toContain('BATCH_OPTION');
    expect(await refusal(d, 'responses', '--release', 'releases/chat.yaml')).toContain('BATCH_OPTION');
    await d.write('releases/flex.yaml', {
      name: 'flex',
      ...openaiRelease({ params: { 'service-tier': 'flex' } }),
    });
    expect(await refusal(d, 'flex')).toContain('BATCH_UNSUPPORTED');
  });

  it('other commands, with their reason', async () => {
    const d = await desk();
    await d.write('labels.jsonl', '{"human":"pass","judge":"pass"}\n');
    await d.run('app', '--no-preflight');
    const release = ['--release', 'releases/responses.yaml'];
    for (const command of [
      ['nightly', 'suite.yaml', ...release, '--spread', '1h'],
      ['nightly', 'suite.yaml', '--release', 'releases/app.yaml'],
      ['nightly', 'suite.yaml', '--release', 'releases/chat.yaml', ...PRICED, '--max-cost', '1'],
      ['check', 'suite.yaml', ...release],
      ['compare', 'suite.yaml', '--baseline-release', 'releases/chat.yaml', ...release],
      ['regrade', 'latest'],
      ['judge', 'calibrate', 'labels.jsonl'],
    ]) {
      const said = await d.cli(...command, '--batch');
      expect(said).toMatchObject({
        code: 2,
        stderr: expect.stringMatching(/\[BATCH_(OPTION|UNSUPPORTED|COST_UNBOUNDED)\]/),
      });
    }
    expect(d.simulator.stats().requests).toBe(0);
  });

  it('a cost limit that could not be checked, and a conversation', async () => {
    const d = await desk();
    expect(await refusal(d, 'chat', '--max-cost', '1')).toContain('BATCH_COST_UNBOUNDED');
    await d.write('suite.yaml', {
      name: 'help-desk',
      cases: [
        { id: 'talk', turns: [{ user: 'Hello' }, { user: 'Where is it?' }], grade: [{ contains: 'a' }] },
      ],
    });
    expect(await refusal(d, 'responses')).toContain('BATCH_CASE');
  });

  it('--batch on a snapshot that was begun without it', async () => {
    const d = await desk();
    const id = (
      await d.cli(
        'run',
        'suite.yaml',
        '--release',
        'releases/responses.yaml',
        ...LIVE,
        '--max-calls',
        '3',
        '--json',
      )
    ).json.snapshot.id;
    const said = await d.cli('run', '--resume', id, '--batch');
    expect(said).toMatchObject({ code: 2, stderr: expect.stringContaining('BATCH_RESUME') });
    expect(d.simulator.stats().answered).toBe(3);
  });
});
