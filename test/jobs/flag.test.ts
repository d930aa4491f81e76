// Flags from the command line: set, served, listed with who and why, and drilled.

import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Flag, FlagAnswer, FlagTest } from '../../src/core/index.ts';
import { openShipping } from '../../src/ledger/sqlite/open-observations.ts';
import { json, lastgood, lastgoodHere, temporaryFolder } from '../cli/lastgood.ts';

const SIGNED = ['--by', 'ada', '--why', 'incident 7'];

async function desk() {
  const folder = await temporaryFolder();
  onTestFinished(() => folder[Symbol.asyncDispose]());
  const cli = (...args: string[]) => lastgoodHere(args, { cwd: folder.path });
  return {
    path: folder.path,
    cli,
    set: (...args: string[]) => cli('flag', 'set', ...args, ...SIGNED),
    get: async (...args: string[]) => json<FlagAnswer>(await cli('flag', 'get', ...args, '--json')),
  };
}

test('a flag is set for everybody or for a part, and says who set it', async () => {
  const d = await desk();
  expect(await d.cli('flag', 'list')).toMatchObject({
    code: 0,
    stdout: expect.stringContaining('No flag is set'),
  });
  expect((await d.set('ai.action.mode', 'auto')).code).toBe(0);
  expect(await d.get('ai.action.mode')).toMatchObject({ value: 'auto', reason: 'STATIC' });
  expect((await d.set('ai.action.mode', 'draft', '--segment', 'beta,internal', '--region', 'eu')).code).toBe(
    0,
  );
  expect(await d.get('ai.action.mode', '--context', 'segment=beta', '--context', 'region=eu')).toMatchObject({
    value: 'draft',
    reason: 'TARGETING_MATCH',
  });
  expect(await d.get('ai.action.mode', '--context', 'segment=beta')).toMatchObject({ value: 'auto' });
  expect((await d.set('ai.action.mode', 'human', '--feature', 'refunds')).code).toBe(0);
  expect(await d.get('ai.action.mode', '--feature', 'refunds')).toMatchObject({ value: 'human' });
  expect(await d.get('ai.action.mode', '--feature', 'search')).toMatchObject({ value: 'auto' });
  expect((await d.cli('flag', 'list', '--feature', 'search')).stdout).toBe(
    `ai.action.mode  every feature  production
  draft for requests with segment=beta,internal and region=eu
  auto for all others
  since ${new Date().toISOString().slice(0, 16).replace('T', ' ')} UTC by ada: incident 7
`,
  );
  // A flip for everybody leaves no rule behind that says otherwise.
  const flip = await d.set('ai.action.mode', 'draft');
  expect(flip.stdout).toContain('draft for every request');
  expect(flip.stdout).toContain('1 rule was removed');
  expect(await d.get('ai.action.mode', '--context', 'segment=pro')).toMatchObject({ value: 'draft' });
  const history = json<{ changes: { by: string; why: string }[] }>(
    await d.cli('flag', 'history', 'ai.action.mode', '--json'),
  );
  expect(history.changes).toHaveLength(4);
  expect(history.changes[0]).toMatchObject({ by: 'ada', why: 'incident 7' });
  expect((await d.cli('flag', 'get', 'ai.prompt.version')).code).toBe(3);
});

test('a percentage that is set again grows in its place', async () => {
  const d = await desk();
  expect((await d.set('new-summary', 'v2', '--percent', '5')).stderr).toContain('FLAG_VALUE');
  expect((await d.set('new-summary', 'v2', '--percent', '5', '--else', 'v1')).code).toBe(0);
  expect((await d.set('new-summary', 'v2', '--percent', '20')).code).toBe(0);
  const { flags } = json<{ flags: Flag[] }>(await d.cli('flag', 'list', '--json'));
  expect(flags).toMatchObject([{ value: 'v1', rules: [{ when: [], percent: 20, value: 'v2' }] }]);
  expect(await d.get('new-summary')).toMatchObject({ errorCode: 'TARGETING_KEY_MISSING' });
  expect((await d.set('by-half', 'true', '--percent', '50')).code).toBe(0);
  const text = (await d.cli('flag', 'get', 'by-half', '--key', 'user-1')).stdout;
  expect(text).toMatch(/^(true|false) {2}SPLIT\n$/);
});

test('what cannot be served is refused before it is stored', async () => {
  const d = await desk();
  const refused = async (code: string, ...args: string[]): Promise<void> => {
    expect(await d.set(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(code) });
  };
  await refused('FLAG_KEY', 'ai.action.mod', 'draft');
  await refused('FLAG_KEY', 'ai.release', 'abc');
  await refused('FLAG_KEY', 'Big Flag', 'true');
  await refused('FLAG_VALUE', 'ai.action.mode', 'drafts');
  await refused('FLAG_VALUE', 'ai.rollout.percent', '101');
  await refused('FLAG_VALUE', 'ai.tools.enabled', 'no');
  await refused('FLAG_CONDITION', 'mine', 'true', '--when', 'email~=(a+)+$');
  await refused('BAD_OPTION', 'mine', 'true', '--feature', '../etc');
  expect((await d.cli('flag', 'set', 'mine', 'true', '--by', 'ada')).stderr).toContain('WHO_AND_WHY');
  expect((await d.set('mine', 'true', '--when', 'x=1')).code).toBe(0);
  await refused('FLAG_VALUE', 'mine', 'later', '--type', 'string');
  const many = Array.from({ length: 11 }, (_, i) => ['--when', `x${i}=1`]).flat();
  await refused('FLAG_LIMIT', 'mine', 'true', ...many);
  expect((await d.cli('flag', 'list')).stdout.match(/true for requests/g)).toHaveLength(1);
});

test('a drill proves that a flip arrives and that setting it back restores; a flag that never restores fails', async () => {
  const d = await desk();
  const drill = (...more: string[]) =>
    d.cli('flag', 'test', 'ai.tools.enabled', 'false', '--json', '--within', '60s', ...more, ...SIGNED);
  expect((await drill()).stderr).toContain('FLAG_UNKNOWN');
  await d.set('ai.tools.enabled', 'true', '--percent', '40', '--environment', 'staging');
  const passed = await drill();
  expect(passed.code).toBe(0);
  expect(json<FlagTest>(passed)).toMatchObject({ outcome: 'passed', environment: 'staging', keys: 20 });
  const { flags } = json<{ flags: Flag[] }>(await d.cli('flag', 'list', '--json'));
  expect(flags).toMatchObject([{ value: false, rules: [{ percent: 40, value: true }] }]);
  const history = (await d.cli('flag', 'history')).stdout;
  expect(history).toMatch(/flag test, set back[\s\S]*ai.tools.enabled test passed/);

  // Where what is served does not follow, the drill says so, and the flag is back all the same.
  const { testFlag } = await import('../../src/jobs/flag/test-flag.ts');
  const shipping = await openShipping(join(d.path, 'snapshots/lastgood.db'));
  onTestFinished(() => shipping.close());
  const report = await testFlag(
    {
      mask: { text: (t) => t, json: (v) => v, add: () => {} },
      clock: { now: () => new Date() },
      signal: new AbortController().signal,
    },
    shipping,
    {
      ...{ key: 'ai.tools.enabled', feature: '*', environment: 'staging', value: 'false' },
      ...{ by: 'ada', why: 'a stuck cache', through: 'a cache', limitMs: 60 },
      read: async (key) => ({ ok: true, key, value: true, reason: 'STATIC', variant: null, metadata: {} }),
    },
  );
  expect(report).toMatchObject({ outcome: 'failed', flippedMs: null });
  expect(json<{ flags: Flag[] }>(await d.cli('flag', 'list', '--json')).flags).toMatchObject([
    { value: false, rules: [{ percent: 40, value: true }] },
  ]);
});

test('two people who flip at once both stay on record, and a process of its own does it as well', async () => {
  const d = await desk();
  await d.set('ai.tools.enabled', 'true');
  const child = await lastgood(['flag', 'set', 'ai.tools.enabled', 'false', ...SIGNED], { cwd: d.path });
  expect(child).toMatchObject({ code: 0, stdout: expect.stringContaining('false for every request') });
  expect(await d.get('ai.tools.enabled')).toMatchObject({ value: false });
  const both = await Promise.all([d.set('ai.tools.enabled', 'true'), d.set('ai.tools.enabled', 'false')]);
  const history = json<{ changes: unknown[] }>(await d.cli('flag', 'history', '--json'));
  expect(history.changes).toHaveLength(2 + both.filter((b) => b.code === 0).length);
});
