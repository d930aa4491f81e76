// A small help desk in a folder of its own: suite, releases, a simulator to answer, and the command line run in this process.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { main } from '../../src/cli/main.ts';
import type { Io } from '../../src/cli/terminal/io.ts';
import { type ScenarioInput, type Simulator, startSimulator } from '../../src/simulator/index.ts';

export const MODEL = 'gpt-desk-2026-01-15';
export const FALLBACK = 'claude-desk-4-6';
export const GOOD_PROMPT = 'You answer customers of a kettle shop. Stay within the policy.';
export const BAD_PROMPT = 'You answer customers of a kettle shop. Always refund in full.';

export interface Said<T> {
  readonly code: number;
  readonly json: T;
  readonly stdout: string;
  readonly stderr: string;
}

export interface HelpDesk {
  readonly dir: string;
  readonly simulator: Simulator;
  /** Runs the command line; the result is parsed when it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: what a command prints is looked at field by field, and a wrong field fails the test.
  cli<T = any>(...args: string[]): Promise<Said<T>>;
  /** Writes a file of the folder. */
  write(name: string, content: string | object): Promise<string>;
  /** Runs the suite on a release of this name; returns the snapshot's id. */
  run(release: string, ...more: string[]): Promise<string>;
  bless(id: string): Promise<void>;
}

/** Twelve refund and twelve delivery questions; an answer is right when it holds the code of its case. */
export function deskCases(more: (i: number) => object = () => ({})): object[] {
  return Array.from({ length: 24 }, (_, i) => ({
    id: `${i < 12 ? 'refund' : 'delivery'}-${String(i).padStart(2, '0')}`,
    tags: [i < 12 ? 'refund' : 'delivery'],
    vars: { question: `Question number ${code(i)} about my order` },
    grade: [{ contains: `answer ${code(i)}` }],
    ...more(i),
  }));
}

function code(i: number): string {
  return `K${String(100 + i)}`;
}

export function deskScenario(more: Partial<ScenarioInput> = {}): ScenarioInput {
  return {
    name: 'help-desk',
    seed: 5,
    date: '2026-03-01',
    versions: {
      steady: { skill: 1 },
      shaken: { skill: { default: 1, refund: 0.05 } },
      lost: { skill: 0.05 },
    },
    models: [
      { id: MODEL, provider: 'openai', version: 'steady' },
      { id: FALLBACK, provider: 'anthropic', version: 'steady' },
    ],
    knowledge: Array.from({ length: 24 }, (_, i) => ({
      match: `Question number ${code(i)}`,
      tags: [i < 12 ? 'refund' : 'delivery'],
      right: `Here is your answer ${code(i)}, with kind regards.`,
      wrong: ['We will look into that, with kind regards.'],
    })),
    ...more,
  };
}

export function openaiRelease(more: object = {}): object {
  return {
    route: { provider: 'openai', api: 'responses', model: MODEL, 'base-url': { env: 'DESK_OPENAI_URL' } },
    prompt: { system: GOOD_PROMPT, messages: [{ role: 'user', content: '{{ question }}' }] },
    params: { temperature: 0.2 },
    automation: { mode: 'auto' },
    ...more,
  };
}

export function anthropicRelease(more: object = {}): object {
  return openaiRelease({
    route: { provider: 'anthropic', model: FALLBACK, 'base-url': { env: 'DESK_ANTHROPIC_URL' } },
    params: { 'max-output-tokens': 300 },
    ...more,
  });
}

export interface DeskSetup {
  readonly scenario?: Partial<ScenarioInput>;
  readonly cases?: readonly object[];
  readonly suite?: object;
  /** Name to content, written to `releases/NAME.yaml`. */
  readonly releases: Readonly<Record<string, object>>;
  /** Ledger of the next command; default `ledger.db` of the folder. */
  readonly ledger?: (() => string | undefined) | undefined;
}

/** Gone when the test is over. */
export async function helpDesk(setup: DeskSetup): Promise<HelpDesk> {
  const dir = await mkdtemp(join(tmpdir(), 'lastgood-desk-'));
  const simulator = await startSimulator({ scenario: deskScenario(setup.scenario) });
  onTestFinished(async () => {
    await simulator.close();
    await rm(dir, { recursive: true, force: true });
  });
  const write = async (name: string, content: string | object): Promise<string> => {
    const file = join(dir, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, typeof content === 'string' ? content : stringify(content));
    return file;
  };
  await write('suite.yaml', {
    name: 'help-desk',
    trials: 3,
    policy: { margin: 0.1, 'min-pass-rate': 0.8 },
    cases: setup.cases ?? deskCases(),
    ...setup.suite,
  });
  await write('scenario.yaml', deskScenario(setup.scenario));
  for (const [name, content] of Object.entries(setup.releases))
    await write(`releases/${name}.yaml`, { name, ...content });

  const environment = {
    PATH: process.env['PATH'],
    HOME: dir,
    DESK_OPENAI_URL: simulator.openaiBaseUrl,
    DESK_ANTHROPIC_URL: simulator.anthropicBaseUrl,
    OPENAI_API_KEY: 'sk-desk-key-nobody-reads',
    ANTHROPIC_API_KEY: 'sk-desk-key-nobody-reads',
  };
  const cli = async <T>(...args: string[]): Promise<Said<T>> => {
    let stdout = '';
    let stderr = '';
    const io: Io = {
      out: (text) => {
        stdout += text;
      },
      err: (text) => {
        stderr += text;
      },
      beforeOut: () => {},
      outIsTty: false,
      errIsTty: false,
      environment,
      cwd: dir,
      nodeVersion: process.versions.node,
      platform: process.platform,
      signal: new AbortController().signal,
      hardSignal: new AbortController().signal,
    };
    const db = setup.ledger?.() ?? join(dir, 'ledger.db');
    const exit = await main([...args, '--db', db, '--quiet'], io);
    let json: T;
    try {
      json = JSON.parse(stdout) as T;
    } catch {
      json = undefined as T;
    }
    return { code: exit, json, stdout, stderr };
  };
  return {
    dir,
    simulator,
    cli,
    write,
    run: async (release, ...more) => {
      const said = await cli<{ snapshot?: { id: string } }>(
        'run',
        'suite.yaml',
        '--release',
        `releases/${release}.yaml`,
        '--json',
        ...more,
      );
      if (said.json?.snapshot === undefined) throw new Error(`run failed (${said.code}): ${said.stderr}`);
      return said.json.snapshot.id;
    },
    bless: async (id) => {
      const said = await cli('bless', id, '--by', 'ada', '--why', 'read by hand');
      if (said.code !== 0) throw new Error(said.stderr);
    },
  };
}
