// A suite for the simulator's batch endpoints: run through them, killed and resumed, and compared with a run of single calls.

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openLedger } from '../../src/ledger/index.ts';
import type { ScenarioInput, Simulator } from '../../src/simulator/index.ts';

const BIN = fileURLToPath(new URL('../../bin/lastgood.js', import.meta.url));

const OPENAI_MODEL = 'gpt-desk-2026-01-15';
const ANTHROPIC_MODEL = 'claude-desk-4-6-20260101';

export type Wire = 'responses' | 'chat' | 'messages';

export interface BatchShares {
  readonly errored: number;
  readonly expired: number;
  /** Polls for which each batch is running. */
  readonly polls: number;
}

export function batchScenario(batches: BatchShares): ScenarioInput {
  return {
    name: 'batch-desk',
    seed: 7,
    date: '2026-03-01',
    versions: { steady: { skill: 0.9 } },
    models: [
      { id: OPENAI_MODEL, provider: 'openai', version: 'steady' },
      { id: ANTHROPIC_MODEL, provider: 'anthropic', version: 'steady' },
    ],
    judge: { criteria: [{ ask: 'sent', yesWhen: { textContains: 'was sent' } }] },
    knowledge: [{ match: 'order', right: 'Your order was sent.', wrong: ['We will look into that.'] }],
    batches,
  };
}

export interface BatchWorld {
  readonly cases: number;
  readonly wire: Wire;
  /** A judge grades the answers. */
  readonly judged?: boolean | undefined;
  /** Characters that each question is made longer by. */
  readonly padding?: number | undefined;
}

/** Writes suite, release and prices; gives the arguments of a run. */
export async function writeBatchWorld(
  folder: string,
  world: BatchWorld & { readonly simulator: Simulator },
): Promise<readonly string[]> {
  const { cases, wire, simulator, judged, padding = 0 } = world;
  const grade =
    judged === true ? { rubric: [{ id: 'sent', ask: 'Does it say sent?' }] } : { contains: 'was sent' };
  const more = 'so '.repeat(padding / 3);
  const lines = Array.from({ length: cases }, (_, i) =>
    JSON.stringify({ id: `c${i}`, vars: { n: `${i} ${more}` }, grade: [grade] }),
  );
  const route =
    wire === 'messages'
      ? { provider: 'anthropic', model: ANTHROPIC_MODEL, 'base-url': simulator.anthropicBaseUrl }
      : { provider: 'openai', api: wire, model: OPENAI_MODEL, 'base-url': simulator.openaiBaseUrl };
  const release = {
    name: wire,
    route,
    params: { 'max-output-tokens': 200 },
    prompt: { messages: [{ role: 'user', content: 'Where is order {{ n }}?' }] },
  };
  await writeFile(join(folder, 'cases.jsonl'), lines.join('\n'));
  const judge = judged === true ? 'judge: judge.yaml\n' : '';
  await writeFile(join(folder, 'suite.yaml'), `name: batch-desk\ncases: [cases.jsonl]\ntrials: 1\n${judge}`);
  await writeFile(
    join(folder, 'judge.yaml'),
    JSON.stringify({ name: 'judge', route, params: release.params }),
  );
  await writeFile(join(folder, 'release.yaml'), JSON.stringify(release));
  const price = { input: 2, output: 8 };
  await writeFile(
    join(folder, 'prices.yaml'),
    JSON.stringify({ 'as-of': '2026-11-01', models: { [OPENAI_MODEL]: price, [ANTHROPIC_MODEL]: price } }),
  );
  return ['suite.yaml', '--release', 'release.yaml'];
}

export interface ChildEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly wasKilled: boolean;
  /** Most memory that it had, in MB; 0 where the system does not tell. */
  readonly peakMb: number;
}

/** Most memory that a process has had so far, in MB. */
function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}

/** Runs `lastgood ARGS` as a process; it is ended with SIGKILL as soon as `kills` says so. */
export function runChild(folder: string, args: readonly string[], kills?: () => boolean): Promise<ChildEnd> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [BIN, ...args, '--prices', 'prices.yaml', '--json'], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: folder, OPENAI_API_KEY: 'k', ANTHROPIC_API_KEY: 'k' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stdout = '';
    let stderr = '';
    let wasKilled = false;
    let peakMb = 0;
    const weigh = setInterval(() => {
      peakMb = Math.max(peakMb, peakOf(child.pid));
    }, 50);
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    const watch = setInterval(() => {
      if (wasKilled || kills === undefined || !kills()) return;
      wasKilled = true;
      child.kill('SIGKILL');
    }, 5);
    child.on('error', fail);
    child.on('close', (code) => {
      clearInterval(watch);
      clearInterval(weigh);
      done({ code, stdout, stderr, wasKilled, peakMb });
    });
  });
}

export interface Outcome {
  readonly id: string;
  readonly costUsd: number | null;
  readonly judgeCostUsd: number | null;
  /** What each case came to: its answer and whether it passed. */
  readonly results: ReadonlyMap<string, string>;
}

/** A snapshot of a ledger; default the newest. */
export async function outcomeOf(db: string, id?: string): Promise<Outcome> {
  const store = await openLedger(db);
  try {
    const [summary] = (await store.list()).filter((one) => id === undefined || one.id === id);
    if (summary === undefined) throw new Error('the ledger has no snapshot');
    const results = new Map<string, string>();
    for await (const { trial, grades } of store.trials(summary.id)) {
      const text = trial.status === 'answered' ? trial.output.text : `${trial.status} ${trial.cause}`;
      const pass = grades.map((grade) => (grade.status === 'scored' ? grade.pass : grade.status)).join();
      const key = `${trial.caseId}#${trial.trial}`;
      if (results.has(key)) throw new Error(`${key} is in the ledger twice`);
      results.set(key, `${pass} ${text}`);
    }
    const { costUsd, judgeCostUsd } = summary;
    return { id: summary.id, costUsd, judgeCostUsd, results };
  } finally {
    await store.close();
  }
}

/** Lets the service end every batch that it has taken: one that a client has forgotten is run, and billed, all the same. */
export async function endAllBatches({ url }: Simulator): Promise<void> {
  for (const path of ['/v1/batches', '/v1/messages/batches']) {
    const list = (await (await fetch(`${url}${path}?limit=1000`)).json()) as { data: { id: string }[] };
    for (const { id } of list.data)
      for (let poll = 0; poll < 10; poll++) await (await fetch(`${url}${path}/${id}`)).text();
  }
}
