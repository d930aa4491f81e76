// A project with a suite of many cases, `lastgood run --distributed` on it, and workers as processes of their own.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { ROOT } from '../cli/lastgood.ts';
import { JUDGE_MODEL } from './service.ts';

const BIN = join(ROOT, 'bin/lastgood.js');

export interface Process {
  readonly child: ChildProcess;
  readonly said: () => { readonly out: string; readonly err: string };
  readonly ended: Promise<number | null>;
}

export function start(cwd: string, args: readonly string[], env: Readonly<Record<string, string>>): Process {
  const child = spawn(process.execPath, [BIN, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [out, err] = ['', ''];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  const ended = once(child, 'close').then(() => child.exitCode);
  return { child, said: () => ({ out, err }), ended };
}

export interface ProjectOptions {
  readonly cases: number;
  readonly url: string;
  readonly trials?: number;
  /** Whether a judge on the same service grades each answer too. */
  readonly judged?: boolean;
}

/** A suite of `cases` cases, each with the question `q N`, and a release that asks the service. */
export async function project(
  folder: string,
  { cases, url, trials = 1, judged = false }: ProjectOptions,
): Promise<void> {
  await mkdir(join(folder, 'releases'), { recursive: true });
  const rubric = judged ? [{ rubric: [{ id: 'agrees', ask: 'Does it say yes?' }] }] : [];
  const grade = [{ contains: 'yes' }, ...rubric];
  const lines = Array.from({ length: cases }, (_, n) =>
    JSON.stringify({ id: `c${n}`, vars: { ask: `q ${n}` }, grade }),
  );
  await writeFile(join(folder, 'cases.jsonl'), `${lines.join('\n')}\n`);
  await writeFile(
    join(folder, 'suite.yaml'),
    `name: many\n${judged ? 'judge: releases/judge.yaml\n' : ''}trials: ${trials}\ncases: [cases.jsonl]\n`,
  );
  await writeFile(
    join(folder, 'releases/judge.yaml'),
    `name: judge\nroute: { provider: openai, api: chat, model: ${JUDGE_MODEL}, base-url: '${url}', api-key-env: DESK_KEY }\n`,
  );
  await writeFile(
    join(folder, 'releases/today.yaml'),
    `name: today\nroute: { provider: openai, api: chat, model: gpt-4.1-2025-04-14, base-url: '${url}', api-key-env: DESK_KEY }\nprompt:\n  system: Answer.\n  messages: [{ role: user, content: '{{ ask }}' }]\nparams: { temperature: 0, max-output-tokens: 20 }\n`,
  );
}

export async function until(what: () => boolean | Promise<boolean>, longestMs = 40_000): Promise<void> {
  for (const end = Date.now() + longestMs; Date.now() < end; await sleep(20)) if (await what()) return;
  throw new Error('it did not come to that');
}

/** Rows of all trials of the newest snapshot: how many there are, and of how many trials. */
export async function trialRows(
  address: string,
): Promise<{ readonly rows: number; readonly distinct: number; readonly answered: number }> {
  const url = new URL(address);
  const schema = url.searchParams.get('schema');
  url.searchParams.delete('schema');
  const client = new Client(url.href);
  await client.connect();
  try {
    const { rows } = await client.query(
      `SELECT count(*)::int AS rows, count(DISTINCT (case_no, trial))::int AS distinct, count(*) FILTER (WHERE outcome = 1)::int AS answered
       FROM "${schema}".trial WHERE snapshot = (SELECT max(no) FROM "${schema}".snapshot)`,
    );
    return rows[0];
  } finally {
    await client.end();
  }
}
