// One disturbed run: faults by seed, the process killed or interrupted at random moments and resumed until it is done, then compared
// with what must be.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startMock } from '../kit/mock-server.ts';
import { audit, closeLife, differences, integrity, type Life, unfinished } from './chaos-books.ts';
import { type Blow, drawWorld, type World, writeWorld } from './chaos-world.ts';

const BIN = fileURLToPath(new URL('../../bin/lastgood.js', import.meta.url));
const MOST_STARTS = 14;
const TIMEOUT_MS = 4000;

export interface ChaosOutcome {
  readonly world: World;
  readonly blows: Readonly<Record<Blow, number>>;
  readonly starts: number;
  readonly requests: number;
  readonly dealt: Readonly<Record<string, number>>;
  /** Answers billed again because their process was ended from outside before they were written. */
  readonly lost: number;
  /** Answers that came after the client's time limit and were asked for again. */
  readonly givenUp: number;
  /** Answers billed without an excuse. */
  readonly notAllowed: number;
  /** Of the lost answers of the subject: the most time between answer and blow. */
  readonly oldestMs: number;
  /** The most time that a process took to leave after a second interrupt. */
  readonly leaveMs: number;
  /** What is wrong; empty = as an undisturbed run. */
  readonly problems: readonly string[];
}

export async function chaosRun(seed: number, size: { cases?: number } = {}): Promise<ChaosOutcome> {
  const world = drawWorld(seed, size);
  const { random } = world;
  const mock = await startMock(world.mock);
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-chaos-'));
  const db = join(folder, 'ledger.db');
  const problems: string[] = [];
  const blows: Record<Blow, number> = { kill: 0, interrupt: 0, leave: 0 };
  const lives: Life[] = [];
  const left = [...world.blows];
  let triesEmpty = world.triesEmpty;
  let leaveMs = 0;
  try {
    await writeWorld(world, folder, mock.url);
    const limits = ['--db', db, '--concurrency', String(world.concurrency), '--max-attempts', '12'];
    const manner = ['--timeout', `${TIMEOUT_MS}ms`, '--quiet', '--json'];
    for (;;) {
      if (lives.length >= MOST_STARTS) {
        problems.push('it never came to an end');
        break;
      }
      const id = unfinished(db);
      const args = id === null ? [folder, '--release', join(folder, 'release.yaml')] : ['--resume', id];
      const blow = left[0] ?? null;
      // At a request, so that it happens in the middle of the work however slow the machine is.
      const at = mock.requests + 1 + Math.floor((random() * world.cases) / world.blows.length);
      const delayMs = random() * 30;
      let struck = false;
      const end = await run(['run', ...args, ...limits, ...manner, '--no-preflight'], (strike) => {
        mock.onRequest =
          blow === null
            ? null
            : (requests) => {
                if (struck || requests < at) return;
                struck = true;
                setTimeout(() => strike(blow), delayMs);
              };
      });
      mock.onRequest = null;
      // What goes out before a dead client is noticed belongs to its life.
      await mock.quiet();
      const hit = end.struck ? blow : null;
      lives.push(closeLife(db, hit ?? 'itself', Date.now(), end.struckMs));
      const state = integrity(db);
      if (state !== 'ok') problems.push(`after ${hit ?? 'the end'}: ${state}`);
      if (hit !== null) {
        left.shift();
        blows[hit]++;
        if (hit === 'leave') leaveMs = Math.max(leaveMs, end.leaveMs);
        // What one interrupt ended has had its time to finish: nothing may be lost.
        if (hit === 'interrupt') lives[lives.length - 1] = { ...(lives.at(-1) as Life), end: 'itself' };
        const finished = unfinished(db) === null && lives.at(-1)?.requestIds.size !== 0;
        // It was done before the blow could stop anything, perhaps already on its way out.
        if (finished && end.code !== 4) break;
        if (end.code === (hit === 'kill' ? null : 130) || end.code === 4) continue;
      }
      if (end.code === 0) break;
      if (end.code === 4) {
        if (!triesEmpty) mock.refill();
        triesEmpty = false;
        continue;
      }
      problems.push(`exit ${end.code} after ${hit ?? 'no blow'}: ${end.stderr.slice(0, 300)}`);
      break;
    }
    problems.push(...differences(db, world));
    const { lost, givenUp, notAllowed, oldestMs } = audit(mock, lives, { ...world, timeoutMs: TIMEOUT_MS });
    problems.push(...notAllowed);
    return {
      world,
      blows,
      starts: lives.length,
      requests: mock.requests,
      dealt: mock.dealt,
      lost,
      givenUp,
      notAllowed: notAllowed.length,
      oldestMs,
      leaveMs,
      problems,
    };
  } finally {
    await mock.close();
    await rm(folder, { recursive: true, force: true });
  }
}

interface End {
  readonly code: number | null;
  readonly struck: boolean;
  readonly struckMs: number;
  readonly leaveMs: number;
  readonly stderr: string;
}

function run(args: readonly string[], onStart: (strike: (blow: Blow) => void) => void): Promise<End> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BIN, ...args], {
      env: {
        PATH: process.env['PATH'] ?? '',
        OPENAI_API_KEY: 'sk-loopback-chaos-key',
        ANTHROPIC_API_KEY: 'sk-loopback-chaos-key',
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    let struckMs = 0;
    let secondMs = 0;
    let again: NodeJS.Timeout | undefined;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    onStart((blow) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      struckMs = Date.now();
      child.kill(blow === 'kill' ? 'SIGKILL' : 'SIGINT');
      if (blow !== 'leave') return;
      // Again and again: two signals that a busy machine delivers late are one to the process.
      again = setInterval(() => {
        if (secondMs === 0) secondMs = Date.now();
        child.kill('SIGINT');
      }, 20);
    });
    child.on('close', (exitCode, signal) => {
      clearInterval(again);
      // One more interrupt, after Node has taken its handlers down on the way out, ends it as a shell would tell it: 130.
      const code = signal === 'SIGINT' ? 130 : exitCode;
      const endMs = Date.now();
      const struck = struckMs > 0;
      resolve({
        code,
        struck,
        struckMs: struck ? struckMs : endMs,
        leaveMs: secondMs === 0 ? 0 : endMs - secondMs,
        stderr,
      });
    });
  });
}

/** Seeds in turn, `abreast` at a time, with what they add up to. */
async function main(runs: number, first: number, abreast: number): Promise<void> {
  const sum: Record<string, number> = {};
  const add = (key: string, n: number): void => {
    sum[key] = (sum[key] ?? 0) + n;
  };
  const most = { oldestMs: 0, leaveMs: 0 };
  const count = (outcome: ChaosOutcome): void => {
    const { blows, dealt, world } = outcome;
    add('runs', 1);
    add('runs that differ', outcome.problems.length > 0 ? 1 : 0);
    add('processes', outcome.starts);
    add('requests', outcome.requests);
    add('answers lost with their process', outcome.lost);
    add('answers given up after the time limit', outcome.givenUp);
    add('answers repeated without excuse', outcome.notAllowed);
    add(`subject on ${world.wire}`, 1);
    add(world.judge === null ? 'no judge' : `judge on ${world.judge}`, 1);
    for (const [blow, n] of Object.entries(blows)) add(`blow: ${blow}`, n);
    for (const [fault, n] of Object.entries(dealt)) add(`fault: ${fault}`, n);
    most.oldestMs = Math.max(most.oldestMs, outcome.oldestMs);
    most.leaveMs = Math.max(most.leaveMs, outcome.leaveMs);
    if (outcome.problems.length > 0)
      console.log(`seed ${world.seed}: ${outcome.problems.slice(0, 6).join('; ')}`);
    // What there is so far, for whoever must stop it.
    if ((sum['runs'] ?? 0) % 10 === 0) console.log(JSON.stringify({ ...sum, ...most }));
  };
  let next = first;
  const walk = async (): Promise<void> => {
    while (next < first + runs) count(await chaosRun(next++));
  };
  await Promise.all(Array.from({ length: abreast }, walk));
  console.log(JSON.stringify({ ...sum, ...most }, null, 1));
  process.exitCode = (sum['runs that differ'] ?? 0) === 0 ? 0 : 1;
}

// As a program: node bench/run/chaos.ts [RUNS] [FIRST_SEED] [AT_A_TIME]
if (process.argv[1] === import.meta.filename)
  await main(Number(process.argv[2] ?? 200), Number(process.argv[3] ?? 1), Number(process.argv[4] ?? 1));
