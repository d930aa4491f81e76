// The rollout demo: a simulated application and agent against a real `lastgood serve`. Gates, flags and guard decide; this only watches.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { childEnvironment } from '../../base/child-environment.ts';
import { LastgoodError } from '../../base/index.ts';
import type { Comparison, DrillReport } from '../../core/index.ts';
import type { RolloutReport } from '../../core/rollout.ts';
import type { DemoRollback, DemoStop, RolloutDemo, RolloutDemoBeat } from '../../core/rollout-demo.ts';
import type { TicketReadiness } from '../../core/ticket.ts';
import { parseScenario, startSimulator } from '../../simulator/index.ts';
import { Mt19937 } from '../../stats/index.ts';
import { type ChildProgram, runJson, type ServedDemo, serve } from './child-commands.ts';
import { type FlagReader, openFlagReader } from './flag-reader.ts';
import { type AgentGuard, DemoAgent, LONG_STEPS } from './rollout-agent.ts';
import { DemoApp, FAULT_SHARE } from './rollout-app.ts';
import { CANDIDATE, CONTROL, DEMO_FEATURE, type DemoFiles, SUITE, writeProject } from './rollout-project.ts';

export interface RolloutDemoInput extends DemoFiles {
  /** Folder for the project and its ledger. */
  readonly project: string;
  readonly seed: number;
  /** Program and first arguments that start lastgood. */
  readonly program: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** The server goes on after the end, until the signal aborts. */
  readonly keepOpen: boolean;
  /** `connectGuard` of lastgood/client. */
  readonly connectGuard: (place: {
    readonly url: string;
    readonly feature: string;
    readonly agent: string;
  }) => AgentGuard;
  readonly tell: (beat: RolloutDemoBeat) => void;
}

const AGENT = 'refund-agent';
/** Answers of the control before the start. */
const HISTORY = 1500;
const REFUND_EVERY_MS = 1200;
/** The candidate is healthy for so long in the stage in which it breaks. */
const HEALTHY_MS = 1500;
const POLL_MS = 50;
/** What has not happened after so long is reported as missing. */
const PATIENCE_MS = 600_000;
/** Actions that the agent asks for after the stop. */
const AFTER_STOP = 3;
const STOP_WHY = 'INC-1: the candidate broke, check the payouts first';

const signed = (why: string): readonly string[] => ['--by', 'ada', '--why', why];

/** Plays it; every number was measured in this run. Throws `DEMO_COMMAND`, `DEMO_INTAKE` or `DEMO_WAIT`. */
export async function playRollout(input: RolloutDemoInput): Promise<RolloutDemo> {
  const db = await writeProject(input.project, input);
  const scenario = parseScenario(await readFile(join(input.project, SUITE, 'scenario.yaml'), 'utf8'));
  const simulator = await startSimulator({ scenario });
  const child: ChildProgram = {
    program: input.program,
    cwd: input.project,
    environment: {
      ...childEnvironment((name) => input.environment[name]),
      LASTGOOD_SIM_URL: simulator.openaiBaseUrl,
      LASTGOOD_SIM_ANTHROPIC_URL: simulator.anthropicBaseUrl,
      // The SDKs insist on a key; the simulator looks at none.
      OPENAI_API_KEY: 'none-needed-for-the-simulator',
      ANTHROPIC_API_KEY: 'none-needed-for-the-simulator',
    },
    signal: input.signal,
  };
  let server: ServedDemo | null = null;
  let flags: FlagReader | null = null;
  try {
    server = await serve(child, ['--step-every', '1s', '--no-monitors']);
    flags = await openFlagReader(server.url);
    const demo = await play({ input, child, db, url: server.url, flags });
    input.tell({ kind: 'end', project: input.project, keepsOpen: input.keepOpen ? server.url : null });
    if (input.keepOpen) await aborted(input.signal);
    return demo;
  } finally {
    await flags?.close();
    await server?.stop();
    await simulator.close();
  }
}

interface Stage {
  readonly input: RolloutDemoInput;
  readonly child: ChildProgram;
  readonly db: string;
  readonly url: string;
  readonly flags: FlagReader;
}

/** What runs beside the watching. */
interface Live extends Stage {
  readonly app: DemoApp;
  readonly agent: DemoAgent;
  /** Throws what ended the application or the agent; returns false once the condition did not come true in time. */
  readonly wait: (isTrue: () => Promise<boolean> | boolean) => Promise<boolean>;
}

async function play(stage: Stage): Promise<RolloutDemo> {
  const { input, url, flags, db } = stage;
  const { tell, project } = input;
  tell({ kind: 'start', url, sdk: flags.sdk });
  const { control, candidate, checks } = await prepare(stage);
  const app = new DemoApp({
    ...{ url, feature: DEMO_FEATURE, flags, rng: new Mt19937(input.seed) },
    ...{ control: control.fingerprint, candidate: candidate.fingerprint },
  });
  await app.sendHistory(HISTORY);
  const conditions = { all: checks.length, met: checks.filter((c) => c.state === 'met').length };
  await start(stage, conditions);
  const guard = input.connectGuard({ url, feature: DEMO_FEATURE, agent: AGENT });
  const agent = new DemoAgent(guard);
  const end = new AbortController();
  const signal = AbortSignal.any([end.signal, input.signal]);
  let failure: unknown = null;
  const background = Promise.all([app.run(signal), agent.work(REFUND_EVERY_MS, signal)]).catch((error) => {
    failure = error;
    end.abort();
  });
  const wait: Live['wait'] = async (isTrue) => {
    const until = Date.now() + PATIENCE_MS;
    while (!(await isTrue())) {
      if (failure !== null) throw failure;
      input.signal.throwIfAborted();
      if (Date.now() >= until) return false;
      await pause(POLL_MS);
    }
    return true;
  };
  try {
    const live = { ...stage, app, agent, wait };
    const rollback = await untilRollback(live);
    const stop = rollback === null ? null : await stopAgent(live);
    return {
      ...{ feature: DEMO_FEATURE, project, db, sdk: flags.sdk, conditions, rollback, stop },
      ...{ agent: agent.counts, answers: app.counts },
      report: await statusOf(stage),
    };
  } finally {
    end.abort();
    await background;
    guard.close();
  }
}

/** Meets the conditions of the ticket. */
async function prepare({ input, child }: Stage): Promise<TicketReadiness> {
  const run = <T>(args: readonly string[], expected?: readonly number[]): Promise<T> =>
    runJson<T>(child, args, expected);
  const trials = ['--trials', '3'];
  await run(['run', SUITE, '--release', CONTROL, ...trials]);
  await run(['bless', 'latest', ...signed('the answers were read by hand')]);
  const pair = ['--baseline-release', CONTROL, '--release', CANDIDATE];
  // A verdict of any kind is an answer; `ticket check` says what it is worth.
  const [compared, drill] = await Promise.all([
    run<Comparison>(['compare', SUITE, ...pair, ...trials], [0, 1, 3]),
    run<DrillReport>(['drill', SUITE, '--release', CONTROL], [0, 1, 3]),
    run(['registry', 'set', DEMO_FEATURE, CONTROL, ...signed('serves today')]),
  ]);
  const ready = await run<TicketReadiness>(['ticket', 'check', DEMO_FEATURE], [0, 3]);
  const { control, candidate } = ready;
  const { baseline, verdict } = compared;
  input.tell({
    ...{ kind: 'offline', at: now(), control: control.release, candidate: candidate.release, verdict },
    passRate: { control: baseline.passRate, candidate: compared.candidate.passRate },
    drill: drill.outcome,
  });
  return ready;
}

/** Throws `DEMO_COMMAND` with the conditions that are open, if any. */
async function start({ input, child }: Stage, conditions: RolloutDemo['conditions']): Promise<void> {
  const { percent } = await runJson<RolloutReport>(child, [
    ...['rollout', 'start', DEMO_FEATURE, ...signed('shorter replies')],
  ]);
  input.tell({ kind: 'started', at: now(), conditions: conditions.all, met: conditions.met, percent });
}

const now = (): string => new Date().toISOString();

const percentOf = ({ flags }: Stage): Promise<number> =>
  flags.read('ai.rollout.percent', -1, { feature: DEMO_FEATURE });

/** `rollout status` ends with 1 where the rollout was stopped. */
const statusOf = ({ child }: Stage): Promise<RolloutReport> =>
  runJson<RolloutReport>(child, ['rollout', 'status', DEMO_FEATURE], [0, 1]);

/** The first stage passes, the candidate breaks in the second, and a gate takes it back. Null = no gate did. */
async function untilRollback(live: Live): Promise<DemoRollback | null> {
  const { input, app, agent, wait } = live;
  const first = await percentOf(live);
  let percent = first;
  const moved = async (): Promise<boolean> => {
    percent = await percentOf(live);
    return percent !== first && percent !== -1;
  };
  if (!(await wait(moved)) || percent === 0) return null;
  input.tell({ kind: 'advanced', at: now(), from: first, to: percent, answers: app.counts });
  await pause(HEALTHY_MS, undefined, { signal: input.signal });
  app.breakCandidate();
  // Begins while the agent may act by itself, and goes on until it is stopped. What it throws is counted.
  void agent.payOut();
  input.tell({ kind: 'fault', at: now(), share: FAULT_SHARE });
  if (!(await wait(async () => (await percentOf(live)) === 0))) return null;
  const report = await statusOf(live);
  if (report.status !== 'rolled-back') return null;
  await wait(() => agent.counts.drafted > 0);
  const at = Date.parse(report.since);
  const rollback: DemoRollback = {
    ...{ at: report.since, by: report.by, reason: report.reason, answers: app.counts },
    afterFaultMs: at - (app.firstFault ?? at),
    lastCandidateMs: Math.max(0, app.lastCandidate - at),
  };
  input.tell({ kind: 'rolled-back', rollback, report });
  return rollback;
}

/** A person stops the feature while the agent is in the middle of an action. */
async function stopAgent(live: Live): Promise<DemoStop> {
  const { input, child, agent, wait, flags } = live;
  const actionMode = await flags.read('ai.action.mode', 'unknown', { feature: DEMO_FEATURE });
  input.tell({ kind: 'agent', at: now(), actionMode });
  const stopped = await runJson<{ readonly at: string; readonly by: string; readonly why: string }>(child, [
    ...['stop', DEMO_FEATURE, ...signed(STOP_WHY)],
  ]);
  if (!(await wait(() => agent.abortedAt !== null)))
    throw new LastgoodError({
      code: 'DEMO_WAIT',
      message: `the stop of ${stopped.at} did not reach the agent within ${PATIENCE_MS / 1000} s`,
      exitCode: 4,
    });
  const before = agent.counts.stopped;
  for (let i = 0; i < AFTER_STOP; i++) await agent.refund();
  const at = Date.parse(stopped.at);
  const stop: DemoStop = {
    ...{ at: stopped.at, by: stopped.by, why: stopped.why },
    ...{ reachedMs: (agent.abortedAt ?? at) - at, step: agent.steps, steps: LONG_STEPS },
    refused: agent.counts.stopped - before,
    startedAfter: agent.startedAfter(at),
  };
  input.tell({ kind: 'stopped', stop, agent: agent.counts });
  return stop;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
