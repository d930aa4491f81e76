// The demo of a rollout as a stranger runs it, with every command that it prints at the end; and interrupted.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { json, lastgood, lastgoodHere, ROOT, temporaryFolder } from './lastgood.ts';

const PAGES = /^Watch it: (http:\/\/127\.0\.0\.1:\d+)\/rollouts\/support-triage$/m;

test('a gate takes the broken candidate back, a stop reaches the agent, and the closing commands work', async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  const demo = await lastgood(['demo', '--rollout', '--quiet'], { cwd });
  expect(demo.stderr).toBe('');
  expect(demo.code).toBe(0);
  const lines = demo.stdout.trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(25);
  expect(demo.stdout).toMatch(/^A SIMULATION/);
  expect(demo.stdout).toContain('through @openfeature/server-sdk');
  expect(demo.stdout).toMatch(/unchanged, 100\.0 % → 100\.0 %; drill of the rollback: passed/);
  expect(demo.stdout).toContain('5 of 5 conditions of the ticket are met; 1% of the users');
  expect(demo.stdout).toMatch(/1% → 5% {3}every gate was green/);
  expect(demo.stdout).toMatch(/ROLLED BACK to 0% by gate schema-failures/);
  expect(demo.stdout).toMatch(/ai\.action\.mode is draft: its refunds are only logged/);
  expect(demo.stdout).toMatch(/the payout run ended at step [1-9]\d* of 1200/);
  expect(demo.stdout).toMatch(/[1-9] more actions? refused, none started; before it/);
  // The page of docs shows the same steps.
  const page = await readFile(join(ROOT, 'docs/rollouts.md'), 'utf8');
  const [, shown = ''] = /<!-- output: demo --rollout -->\n```text\n([\s\S]*?)^```/m.exec(page) ?? [];
  const steps = (text: string): string[] =>
    text.match(/^\d\d:\d\d:\d\d {2}\S+/gm)?.map((s) => s.slice(10)) ?? [];
  expect(steps(shown)).toEqual(steps(demo.stdout));
  expect(steps(shown)).toHaveLength(7);
  // Nothing listens any more.
  await expect(fetch(`${PAGES.exec(demo.stdout)?.[1]}/healthz`)).rejects.toThrow('fetch failed');

  const project = join(cwd, 'demo/rollout');
  const commands = [...demo.stdout.matchAll(/^ {2}npx lastgood (.+)$/gm)].map((m) => (m[1] ?? '').split(' '));
  expect(demo.stdout).toContain('\n  cd demo/rollout\n');
  expect(commands.at(-1)).toEqual(['serve']);
  const printed = [];
  for (const args of commands.slice(0, -1)) printed.push(await lastgoodHere(args, { cwd: project }));
  // A rollout that was rolled back is 1.
  expect(printed.map((o) => o.code)).toEqual([1, 0, 0, 0, 0]);
  expect(printed[0]?.stdout).toMatch(/^ROLLED BACK {2}support-triage in production at 0%, stage 2 of 5/);
  expect(printed[1]?.stdout).toContain('ai.rollout.percent is 0, as the log says');
  expect(printed[3]?.stdout).toMatch(/allowed, failed {2}support-triage {2}payout-run payouts-today/);
  expect(printed[4]?.stdout).toMatch(
    /waiting {2}support-triage {2}refund order-\d+, impact 240 \(above 100\)/,
  );

  // What the demo says of the agent is what the log of the guard has: nothing was allowed after the stop.
  const { decisions } = json<{ decisions: { at: number; outcome: string; action: string }[] }>(
    await lastgoodHere(['guard', 'log', 'support-triage', '--json'], { cwd: project }),
  );
  const firstStopped = decisions.findLastIndex((d) => d.outcome === 'stopped');
  expect(firstStopped).toBeGreaterThanOrEqual(2);
  expect(decisions.slice(0, firstStopped + 1).every((d) => d.outcome === 'stopped')).toBe(true);
}, 900_000);

test('two demos at once and a folder that is a file are refused, and an interrupt ends the server', async () => {
  await using folder = await temporaryFolder();
  const cwd = folder.path;
  expect(await lastgoodHere(['demo', '--rollout', '--production'], { cwd })).toMatchObject({ code: 2 });
  expect(await lastgoodHere(['demo', '--keep-open'], { cwd })).toMatchObject({ code: 2 });
  await writeFile(join(cwd, 'file'), '');
  const nowhere = await lastgoodHere(['demo', '--rollout', '--dir', 'file'], { cwd });
  expect(nowhere.code).toBe(2);
  expect(nowhere.stderr).toMatch(/the folder of the demo cannot be written: ENOTDIR.*\[OUTPUT_UNWRITABLE\]/);
  const { code, stdout } = await lastgood(['demo', '--rollout'], {
    cwd,
    onStart: (pid, output) => {
      const timer = setInterval(() => {
        if (!PAGES.test(output.stdout())) return;
        clearInterval(timer);
        process.kill(pid, 'SIGINT');
      }, 20);
      timer.unref();
    },
  });
  expect(code).toBe(130);
  await expect(fetch(`${PAGES.exec(stdout)?.[1]}/healthz`)).rejects.toThrow('fetch failed');
}, 300_000);
