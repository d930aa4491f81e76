// The same suite on two providers through the official SDKs, on the wire formats as they are, and what a signal leaves behind.

import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Comparison } from '../../src/core/index.ts';
import { json, lastgood, lastgoodHere, ROOT, temporaryFolder } from './lastgood.ts';

const CANARY = 'sk-canary-4f2a9c77e1d05b38';
const TRIAGE = join(ROOT, 'suites/support-triage');

interface RunJson {
  snapshot: {
    id: string;
    fingerprint: string;
    validity: string;
    servedModels: string[];
    simulated: boolean;
    passRate: number;
    trials: number;
    state: string;
    calls: number;
  };
}

describe('against the simulator', () => {
  let simulator: ChildProcess;
  let env: Record<string, string>;

  beforeAll(async () => {
    simulator = spawn(
      process.execPath,
      [join(ROOT, 'bin/lastgood.js'), 'simulate', '--json', '--date', '2026-05-01'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const address = await new Promise<{ openaiBaseUrl: string; anthropicBaseUrl: string }>((done) => {
      let text = '';
      simulator.stdout?.on('data', (chunk) => {
        text += chunk;
        if (text.trimEnd().endsWith('}')) done(JSON.parse(text));
      });
    });
    env = {
      LASTGOOD_SIM_URL: address.openaiBaseUrl,
      LASTGOOD_SIM_ANTHROPIC_URL: address.anthropicBaseUrl,
      OPENAI_API_KEY: CANARY,
      ANTHROPIC_API_KEY: CANARY,
    };
  });
  afterAll(async () => {
    const ended = new Promise((done) => simulator.once('exit', done));
    simulator.kill('SIGINT');
    await ended;
  });

  test('two releases, two fingerprints, one diff, and no trace of the key', async () => {
    await using dir = await temporaryFolder();
    const run = async (release: string): Promise<RunJson['snapshot']> => {
      const outcome = await lastgood(
        [
          'run',
          TRIAGE,
          '--release',
          join(TRIAGE, 'releases', release),
          '--trials',
          '1',
          '--json',
          '--quiet',
          '--label',
          `arm=${release}`,
        ],
        { cwd: dir.path, env },
      );
      expect(outcome.stderr).toBe('');
      expect(outcome.code).toBe(0);
      return json<RunJson>(outcome).snapshot;
    };
    const openai = await run('triage.yaml');
    const anthropic = await run('triage-fallback.yaml');
    expect(openai).toMatchObject({
      validity: 'valid',
      simulated: true,
      servedModels: ['gpt-sim-2026-04-01'],
      trials: 42,
    });
    expect(anthropic).toMatchObject({
      validity: 'valid',
      simulated: true,
      servedModels: ['claude-sim-4-6'],
      trials: 42,
    });
    expect(openai.fingerprint).not.toBe(anthropic.fingerprint);

    const diff = await lastgood(['diff', 'label:arm=triage.yaml', anthropic.id, '--json'], {
      cwd: dir.path,
      env,
    });
    const comparison = json<Comparison>(diff);
    expect(comparison.attribution.layersChanged).toEqual(['route', 'params']);
    expect(comparison.overall.pairs).toBe(42);
    expect(comparison.verdict).not.toBe('regressed');
    expect(comparison.baseline.simulated).toBe(true);

    const ledger = join(dir.path, 'snapshots');
    for (const file of readdirSync(ledger)) {
      expect(readFileSync(join(ledger, file)).includes(CANARY), file).toBe(false);
    }
  });

  test('a harmful prompt is found, the gate fails with exit code 1, and the rollback is verified', async () => {
    await using dir = await temporaryFolder();
    const base = { cwd: dir.path, env };
    const good = json<RunJson>(
      await lastgoodHere(
        [
          'run',
          TRIAGE,
          '--release',
          join(TRIAGE, 'releases/triage.yaml'),
          '--trials',
          '10',
          '--json',
          '--quiet',
        ],
        base,
      ),
    ).snapshot;
    expect(
      await lastgoodHere(['bless', good.id, '--by', 'Ada', '--why', 'read by hand'], base),
    ).toMatchObject({
      code: 0,
    });
    const bad = await lastgoodHere(
      ['run', TRIAGE, '--release', join(TRIAGE, 'releases/triage-generous.yaml'), '--quiet'],
      base,
    );
    expect(bad.code).toBe(1);
    expect(bad.stdout).toMatch(/REGRESSED/);
    expect(bad.stdout).toMatch(/cause +your change: .*prompt change/);
    const rollback = await lastgoodHere(
      ['rollback', 'support-triage', '--json', '--quiet', '--write', 'restored.yaml'],
      base,
    );
    const decision = json<{
      kind: string;
      decision: string;
      target: { fingerprint: string; layersRestored: string[] };
      verification: { outcome: string; recovered: number };
      callsSpent: number;
    }>(rollback);
    expect(rollback.code).toBe(0);
    expect(decision).toMatchObject({
      kind: 'rollback',
      decision: 'verified',
      target: { fingerprint: good.fingerprint, layersRestored: ['prompt'] },
      verification: { outcome: 'verified' },
    });
    expect(decision.callsSpent).toBeGreaterThanOrEqual(42 * 5);
    const restored = await lastgoodHere(['fingerprint', 'restored.yaml', '--json'], base);
    expect(json<{ fingerprint: string }>(restored).fingerprint).toBe(good.fingerprint);
    // Nobody ran anything: the best candidate is named, not vouched for.
    const unverified = await lastgoodHere(['rollback', 'support-triage', '--no-verify', '--json'], base);
    expect(unverified.code).toBe(3);
    expect(json<{ decision: string; callsSpent: number }>(unverified)).toMatchObject({
      decision: 'unverified',
      callsSpent: 0,
    });
  });

  test('no candidate, no target: exit code 5 and the reason', async () => {
    await using dir = await temporaryFolder();
    const base = { cwd: dir.path, env };
    const release = join(TRIAGE, 'releases/triage-generous.yaml');
    const only = json<RunJson>(
      await lastgoodHere(['run', TRIAGE, '--release', release, '--trials', '1', '--json', '--quiet'], base),
    ).snapshot;
    const outcome = await lastgoodHere(['rollback', 'support-triage', '--baseline', only.id, '--json'], base);
    expect(outcome.code).toBe(5);
    expect(json<{ decision: string; reason: string }>(outcome)).toMatchObject({
      decision: 'none',
      reason: expect.stringContaining('no regression'),
    });
    const unblessed = await lastgoodHere(['rollback', 'support-triage'], base);
    expect(unblessed).toMatchObject({ code: 3, stderr: expect.stringContaining('bless') });
  });
});

test('Ctrl-C keeps what was done, --resume pays only for the rest', async () => {
  await using dir = await temporaryFolder();
  const cwd = dir.path;
  const log = join(cwd, 'calls.log');
  await writeFile(
    join(cwd, 'bot.mjs'),
    `import { appendFileSync } from 'node:fs';
let text = '';
for await (const chunk of process.stdin) text += chunk;
const { case_id, trial } = JSON.parse(text);
appendFileSync(${JSON.stringify(log)}, case_id + '#' + trial + '\\n');
await new Promise((done) => setTimeout(done, 150));
console.log(JSON.stringify({ output: 'Your parcel is on its way.', model: 'refund-bot-7' }));
`,
  );
  await writeFile(
    join(cwd, 'release.json'),
    JSON.stringify({
      name: 'refund-bot',
      route: { provider: 'command', command: [process.execPath, 'bot.mjs'] },
    }),
  );
  const cases = Array.from({ length: 30 }, (_, i) => ({
    id: `parcel-${i}`,
    vars: { ticket: `Where is parcel ${i}?` },
    grade: [{ contains: 'parcel' }],
  }));
  await writeFile(join(cwd, 'suite.json'), JSON.stringify({ name: 'parcels', cases }));

  const cut = await lastgood(
    ['run', 'suite.json', '--release', 'release.json', '--concurrency', '2', '--json'],
    {
      cwd,
      onStart: (pid) => {
        const poll = setInterval(() => {
          try {
            if (readFileSync(log, 'utf8').split('\n').length > 5) {
              clearInterval(poll);
              process.kill(pid, 'SIGINT');
            }
          } catch {
            // Not a call yet.
          }
        }, 20);
      },
    },
  );
  expect(cut.code).toBe(130);
  const half = json<RunJson>(cut).snapshot;
  expect(half.state).toBe('interrupted');
  const before = readFileSync(log, 'utf8').trim().split('\n');
  expect(before.length).toBeLessThan(30);

  const rest = await lastgood(['run', '--resume', half.id, '--json'], { cwd });
  expect(rest.stderr).toMatch(/^code: command: [^\n]* bot\.mjs \(release refund-bot\)\n$/);
  expect(rest.code).toBe(0);
  expect(json<RunJson>(rest).snapshot).toMatchObject({
    id: half.id,
    state: 'finished',
    validity: 'valid',
    trials: 30,
    passRate: 1,
    calls: 30,
  });
  const after = readFileSync(log, 'utf8').trim().split('\n');
  expect(after).toHaveLength(30);
  expect(new Set(after).size).toBe(30);
});
