// The example suite of an agent with tools, offline: it passes in production, a hasty prompt is a regression, and the rollback is verified.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { parseScenario, startSimulator } from '../../src/simulator/index.ts';
import { json, lastgoodHere, ROOT, temporaryFolder } from '../cli/lastgood.ts';

const SUITE = join(ROOT, 'suites/agent-orders');
const release = (name: string): string => join(SUITE, `releases/${name}.yaml`);

// biome-ignore lint/suspicious/noExplicitAny: what a command prints is looked at field by field.
type Printed = any;

async function shop() {
  const folder = await temporaryFolder();
  const simulator = await startSimulator({
    scenario: parseScenario(await readFile(join(SUITE, 'scenario.yaml'), 'utf8')),
  });
  onTestFinished(async () => {
    await simulator.close();
    await folder[Symbol.asyncDispose]();
  });
  const env = {
    LASTGOOD_SIM_URL: simulator.openaiBaseUrl,
    LASTGOOD_SIM_ANTHROPIC_URL: simulator.anthropicBaseUrl,
    OPENAI_API_KEY: 'any-text-at-all',
    ANTHROPIC_API_KEY: 'any-text-at-all',
  };
  return (...words: string[]) =>
    lastgoodHere([...words, '--db', join(folder.path, 'ledger.db'), '--quiet'], { env });
}

it('is found good, the hasty prompt is found worse, and the rollback to the good one is verified', async () => {
  const cli = await shop();
  const run = async (name: string): Promise<Printed> =>
    json<Printed>(await cli('run', join(SUITE, 'suite.yaml'), '--release', release(name), '--json')).snapshot;
  const good = await run('agent');
  expect(good).toMatchObject({ cases: 25, answered: 75, failed: 0, validity: 'valid' });
  expect(good.passRate).toBeGreaterThan(0.9);
  expect(good.calls).toBeGreaterThan(150);
  const other = await run('agent-fallback');
  expect(other).toMatchObject({ answered: 75, failed: 0 });
  expect(other.passRate).toBeGreaterThan(0.9);
  expect((await cli('bless', good.id, '--by', 'ada', '--why', 'read by hand')).code).toBe(0);
  const hasty = await run('agent-hasty');
  expect(hasty.passRate).toBeLessThan(0.85);

  const diff = await cli('diff', good.id, hasty.id, '--verbose');
  expect(diff.code).toBe(1);
  expect(diff.stdout).toContain('[tool call] refund_order(');
  const page = await cli('diff', good.id, hasty.id, '--format', 'html');
  expect(page.stdout).toContain('[tool call] lookup_order(');
  const comment = await cli('diff', good.id, hasty.id, '--format', 'markdown');
  expect(comment.stdout).toContain('[tool result] ');

  const back = await cli('rollback', join(SUITE, 'suite.yaml'), '--json');
  expect(back.code, back.stderr).toBe(0);
  expect(json<Printed>(back).decision).toBe('verified');
}, 60_000);

it('check finds the hasty prompt in a run of its own', async () => {
  const cli = await shop();
  const good = json<Printed>(
    await cli('run', join(SUITE, 'suite.yaml'), '--release', release('agent'), '--json'),
  ).snapshot;
  await cli('bless', good.id, '--by', 'ada', '--why', 'read by hand');
  const checked = await cli(
    'check',
    join(SUITE, 'suite.yaml'),
    '--release',
    release('agent-hasty'),
    '--json',
  );
  expect(checked.code, checked.stderr).toBe(1);
}, 60_000);
