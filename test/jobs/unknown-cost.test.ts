// A call that got no answer may still be on the bill: whoever sums up says so, and never "$0".

import { expect, it } from 'vitest';
import { spent, spentOnAll } from '../../src/report/parts/format.ts';
import { deskCases, helpDesk, MODEL, openaiRelease } from './help-desk.ts';

it('a run whose only call got no connection costs an unknown sum, wherever it is told', async () => {
  const d = await helpDesk({
    cases: deskCases().slice(0, 1),
    suite: { trials: 1 },
    releases: {
      // Nothing listens on this port: it cannot be asked for.
      dead: openaiRelease({
        route: { provider: 'openai', api: 'responses', model: MODEL, 'base-url': 'http://127.0.0.1:1/v1' },
      }),
    },
  });
  await d.write('prices.yaml', `as-of: 2026-03-01\nmodels:\n  ${MODEL}: { input: 1, output: 1 }\n`);
  const run = (...more: string[]) =>
    d.cli(
      ...['run', 'suite.yaml', '--release', 'releases/dead.yaml', '--max-attempts', '1', '--no-preflight'],
      ...['--prices', 'prices.yaml', ...more],
    );
  // Nobody was reached: the run stops and the trial counts as not run, but its call may be on the bill.
  const unknown = { failed: 0, skipped: 1, calls: 1, costUsd: null, knownCostUsd: 0, unpricedTrials: 1 };
  const { json } = await run('--json');
  expect(json.snapshot).toMatchObject(unknown);
  const { id } = json.snapshot;
  expect((await run()).stdout).toMatch(/1 call, cost unknown/);
  expect((await d.cli('show', id, '--json')).json.snapshot).toMatchObject(unknown);
  expect((await d.cli('show', id)).stdout).toMatch(/cost +unknown for 1 call/);
  expect((await d.cli('list', '--json')).json.snapshots).toContainEqual(expect.objectContaining(unknown));
  const night = await d.cli(
    ...['nightly', 'suite.yaml', '--release', 'releases/dead.yaml', '--max-attempts', '1'],
    ...['--prices', 'prices.yaml', '--sentinel', '0'],
  );
  expect(night.stdout).toMatch(/1 call, cost unknown/);
});

it('what is known of a cost is told as the least it can be', () => {
  expect(spent({ costUsd: 0 })).toBe('$0');
  expect(spent({ costUsd: null, knownCostUsd: 0, unpricedTrials: 3 })).toBe('unknown');
  expect(spent({ costUsd: null, knownCostUsd: 1.5, unpricedTrials: 1 })).toBe(
    'at least $1.50 (unknown for 1 trial)',
  );
  // Of a night: its run, the run again, fresh trials.
  expect(spent(spentOnAll([{ costUsd: 1 }, { costUsd: 0.25 }]))).toBe('$1.25');
  const lost = { costUsd: null, knownCostUsd: 0.5, unpricedTrials: 2 };
  expect(spent(spentOnAll([{ costUsd: 1 }, lost, { ...lost, knownCostUsd: 0 }]))).toBe(
    'at least $1.50 (unknown for 4 trials)',
  );
});
