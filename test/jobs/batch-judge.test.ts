// Judges asked in batches, as a user meets it: the grades of single calls at half the price, and nothing paid twice.

import { describe, expect, it } from 'vitest';
import { anthropicRelease, deskCases, FALLBACK, helpDesk, MODEL, openaiRelease } from './help-desk.ts';

const PRICES = {
  'as-of': '2026-11-01',
  models: { [MODEL]: { input: 2, output: 8 }, [FALLBACK]: { input: 3, output: 15 } },
};
const PRICED = ['--no-preflight', '--prices', 'prices.yaml'];
const BATCH = ['--batch', '--batch-poll', '10ms'];

async function desk(more: Parameters<typeof helpDesk>[0]['scenario'] = {}) {
  const d = await helpDesk({
    scenario: {
      judge: {
        criteria: [{ ask: 'give the answer', yesWhen: { textContains: 'Here is your answer' } }],
      },
      versions: { steady: { skill: 0.7 } },
      ...more,
    },
    cases: deskCases(() => ({
      grade: [{ rubric: [{ id: 'answers', ask: 'Does it give the answer?' }] }],
    })),
    suite: { trials: 2, judge: 'releases/judge.yaml' },
    releases: {
      subject: openaiRelease({ params: { 'max-output-tokens': 300, temperature: 0.2 } }),
      judge: openaiRelease({ params: { 'max-output-tokens': 400 }, prompt: { messages: [] } }),
      other: anthropicRelease({ prompt: { messages: [] } }),
      app: { route: { provider: 'command', command: 'cat' }, prompt: { messages: [] } },
    },
  });
  await d.write('prices.yaml', PRICES);
  return d;
}

type Desk = Awaited<ReturnType<typeof desk>>;

/** Pass or fail of each trial, with what its judge cost, by case and trial. */
async function judged(d: Desk, id: string) {
  const { json } = await d.cli('show', id, '--json');
  const trials = new Map<string, boolean | null>();
  for (const c of json.cases)
    for (const t of c.trials) trials.set(`${c.id}#${t.trial}`, t.outcome?.pass ?? t.pass ?? null);
  return { summary: json.snapshot, trials };
}

const answered = (d: Desk): number => d.simulator.stats().answered;

describe.each(['judge', 'other'])('a judge (%s) asked in batches', (judge) => {
  it('gives the grades of single calls at half the cost: run and regrade', async () => {
    const d = await desk({ batches: { errored: 0.1, expired: 0.05 } });
    await d.write('suite2.yaml', '');
    const named = ['--judge', `releases/${judge}.yaml`];
    const live = await d.run('subject', ...PRICED, ...named);
    const single = await d.cli('show', live, '--json');
    console.log(JSON.stringify(single.json).slice(0, 3000));
    d.simulator.reset();
    const again = await d.cli('regrade', live, '--fresh', ...named, '--prices', 'prices.yaml', ...BATCH, '--json');
    expect(again).toMatchObject({ code: 0, json: { stoppedBy: null, changed: 0 } });
    expect(again.json.snapshot.judgeCostUsd / single.json.snapshot.judgeCostUsd).toBeCloseTo(0.5, 9);
    expect(d.simulator.stats().byPath).not.toHaveProperty('/v1/responses');
    expect(d.simulator.stats().byPath).not.toHaveProperty('/v1/messages');
  });
});
