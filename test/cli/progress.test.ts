// Progress: a live line on a terminal that never runs into a result, sparse plain lines elsewhere.

import { expect, test } from 'vitest';
import { cliProgress } from '../../src/cli/terminal/progress.ts';

function terminal(errIsTty: boolean, quiet = false) {
  let shown = '';
  let now = 0;
  const progress = cliProgress({ err: (text) => (shown += text), errIsTty }, quiet, () => now);
  return { progress, shown: () => shown, pass: (ms: number) => (now += ms) };
}

test('on a terminal one line is rewritten, and cleared before anything else is said', () => {
  const t = terminal(true);
  t.progress.step({ label: 'trials', done: 1, total: 9 });
  t.progress.step({ label: 'trials', done: 5, total: 9, failed: 2 });
  t.progress.warn({ code: 'MODEL_FLOATING', message: 'a floating alias' });
  expect(t.shown()).toBe(
    '\r\u001b[2Ktrials 1/9\r\u001b[2Ktrials 5/9, 2 failed\r\u001b[2Kwarning: a floating alias [MODEL_FLOATING]\n',
  );
  t.progress.end();
  expect(t.shown().endsWith('\n')).toBe(true);
});

test('elsewhere a plain line now and then, and none for a short run', () => {
  const t = terminal(false);
  t.progress.step({ label: 'trials', done: 1, total: 9 });
  expect(t.shown()).toBe('');
  t.pass(10_000);
  t.progress.step({ label: 'trials', done: 4, total: 9 });
  t.progress.step({ label: 'trials', done: 5, total: 9 });
  expect(t.shown()).toBe('trials 4/9\n');
});

test('a warning is said once, also when progress is not wanted', () => {
  const t = terminal(false, true);
  for (let i = 0; i < 3; i++) t.progress.warn({ code: 'A', message: 'once', hint: 'do this' });
  t.progress.step({ label: 'trials', done: 1, total: 9 });
  expect(t.shown()).toBe('warning: once [A]\n  try: do this\n');
});

test('a step shows how it looks so far, what it has cost, how long the rest takes and what is waited for', () => {
  const t = terminal(true);
  t.progress.step({
    label: 'trials',
    done: 120,
    total: 378,
    failed: 2,
    passed: 108,
    graded: 118,
    costUsd: 0.0312,
    costPartial: false,
    leftMs: 100_000,
    note: 'rate limit: 5 calls/s',
  });
  const line = 'trials 120/378, 91% pass, 2 failed, $0.0312, about 2 min left (rate limit: 5 calls/s)';
  // A line that wraps could not be cleared as a whole.
  expect(t.shown()).toBe(`\r\u001b[2K${line.slice(0, 78)}…`);
});

test('without prices no cost is shown, and a partial one is a lower bound; what was skipped is not done', () => {
  const t = terminal(true);
  t.progress.step({ label: 'trials', done: 3, total: 9, costUsd: 0, costPartial: true });
  t.progress.step({ label: 'trials', done: 3, total: 9, skipped: 6, costUsd: 2.5, costPartial: true });
  expect(t.shown().split('\r\u001b[2K').slice(1)).toEqual([
    'trials 3/9',
    'trials 3/9, 6 skipped, at least $2.50',
  ]);
});
