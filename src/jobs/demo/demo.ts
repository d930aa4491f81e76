// The whole story offline: weeks of nightly snapshots against the simulator, a silent provider change, the alarm, the
// per-case deltas, and a rollback target that is verified by running it. Everything goes through the same code as real work.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type Clock, LastgoodError, type Progress, secretMask } from '../../base/index.ts';
import { compareSnapshots } from '../../compare/index.ts';
import {
  type Comparison,
  type DemoBeat,
  type RollbackDecision,
  resolvePolicy,
  type SnapshotResults,
  type SnapshotSummary,
  type Suite,
} from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { runSuite } from '../../engine/arms/run-suite.ts';
import { pageOptions } from '../../engine/pages/diff-page.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { openLedger } from '../../ledger/index.ts';
import { loadRelease } from '../../release/index.ts';
import { comparisonHtml } from '../../report/html/comparison-html.ts';
import { comparisonMarkdown } from '../../report/markdown/comparison-markdown.ts';
import { rollbackMarkdown } from '../../report/text/rollback-text.ts';
import { parseScenario, startSimulator } from '../../simulator/index.ts';
import { Mt19937, wilson } from '../../stats/index.ts';
import { loadSuite } from '../../suite/index.ts';
import { blessSnapshot } from '../baseline/bless.ts';
import { runNight } from '../nightly/night.ts';
import { findRollbackTarget } from '../rollback/rollback.ts';

const DAY_MS = 86_400_000;
/** Nights before the silent change, and nights lived through after it. */
const NIGHTS_BEFORE = 20;
const NIGHTS_AFTER = 3;
/** The night that is blessed, and the night a reworded prompt is tried. */
const BLESSED_NIGHT = 5;
const INNOCENT_NIGHT = 12;
/** Night runs start at 03:15 UTC. */
const NIGHT_TIME_MS = (3 * 60 + 15) * 60_000;

export interface DemoInput {
  /** Folder of the shipped example suite. */
  readonly suiteDir: string;
  /** The folder the story is told in: places of files are kept from here. */
  readonly root: string;
  /** Where the ledger and the reports go; created. */
  readonly outDir: string;
  readonly seed: number;
  readonly progress: Progress;
  readonly environment: Workplace['environment'];
  readonly signal: AbortSignal;
  readonly hardSignal: AbortSignal;
  /** Tells the story as it happens. */
  readonly tell: (beat: DemoBeat) => void;
}

export interface DemoResult {
  readonly nights: number;
  readonly falseAlarms: number;
  readonly alarmAt: string | null;
  readonly comparison: Comparison | null;
  readonly decision: RollbackDecision | null;
  readonly db: string;
  readonly files: readonly string[];
}

/** Plays the story; every number it tells was measured in this run. */
export async function playDemo(input: DemoInput): Promise<DemoResult> {
  const scenario = parseScenario(await readFile(join(input.suiteDir, 'scenario.yaml'), 'utf8'));
  const changeAt = silentChange(scenario);
  const firstNight = Math.floor(changeAt / DAY_MS) * DAY_MS - (NIGHTS_BEFORE - 1) * DAY_MS + NIGHT_TIME_MS;

  await mkdir(input.outDir, { recursive: true });
  const db = join(input.outDir, 'lastgood.db');
  for (const file of [db, `${db}-wal`, `${db}-shm`]) await rm(file, { force: true });

  const simulator = await startSimulator({ scenario, date: new Date(firstNight - DAY_MS).toISOString() });
  const project = { root: input.root };
  const store = await openLedger(db, { create: true, project });
  const time = new DemoTime(firstNight - DAY_MS);
  const rng = new Mt19937(input.seed);
  const environment: Record<string, string> = {
    LASTGOOD_SIM_URL: simulator.openaiBaseUrl,
    LASTGOOD_SIM_ANTHROPIC_URL: simulator.anthropicBaseUrl,
    // The SDKs insist on a key; the simulator looks at none.
    OPENAI_API_KEY: 'none-needed-for-the-simulator',
    ANTHROPIC_API_KEY: 'none-needed-for-the-simulator',
  };
  const work: Workplace = {
    store,
    project,
    clock: time,
    rng,
    env: (name) => environment[name],
    mask: secretMask([]),
    progress: input.progress,
    prices: null,
    environment: input.environment,
    signal: input.signal,
    hardSignal: input.hardSignal,
  };
  try {
    const suite = await loadSuite(join(input.suiteDir, 'suite.yaml'));
    const judge = suite.judgeFile === null ? null : await loadRelease(suite.judgeFile);
    const stage: Stage = {
      input,
      work,
      suite,
      changeAt,
      assignment: async (release) => ({
        suite,
        release: await loadRelease(join(input.suiteDir, 'releases', release)),
        judge,
        embedder: null,
      }),
      goTo: (night) => {
        time.set(time.origin + night * DAY_MS);
        simulator.setDate(time.now().toISOString());
        return time.now().toISOString();
      },
    };
    return await play(stage, db);
  } finally {
    await store.close();
    await simulator.close();
  }
}

/** What every step of the story needs. */
interface Stage {
  readonly input: DemoInput;
  readonly work: Workplace;
  readonly suite: Suite;
  readonly changeAt: number;
  /** The suite against one of the shipped releases. */
  readonly assignment: (release: string) => Promise<Assignment>;
  /** Sets the clocks of the program and of the simulator; returns the time. */
  readonly goTo: (night: number) => string;
}

/** One night as the page's plot shows it. */
interface PlottedNight {
  readonly at: string;
  readonly summary: SnapshotSummary;
  readonly passed: number;
  readonly trials: number;
}

interface Alarm {
  readonly comparison: Comparison;
  readonly at: string;
  readonly incident: SnapshotSummary;
}

/** What the nights came to. */
interface Nights {
  readonly series: readonly PlottedNight[];
  readonly falseAlarms: number;
  readonly alarm: Alarm | null;
}

const SETTINGS = { concurrency: 16, labels: { demo: 'simulation' } };

async function play(stage: Stage, db: string): Promise<DemoResult> {
  const { input, work, suite } = stage;
  const { tell } = input;
  tell({
    kind: 'start',
    suite: suite.name,
    cases: suite.cases.length,
    scenario: 'simulated models, no network',
    changeAt: new Date(stage.changeAt).toISOString(),
  });
  await runEarlierRelease(stage);
  const { series, falseAlarms, alarm } = await runNights(stage);
  const played = { nights: series.length, falseAlarms, db };
  if (alarm === null) return { ...played, alarmAt: null, comparison: null, decision: null, files: [] };

  tell({ kind: 'alarm', comparison: alarm.comparison });
  const { decision } = await findRollbackTarget(work, {
    suite: suite.name,
    from: alarm.incident.id,
    settings: { concurrency: SETTINGS.concurrency },
  });
  tell({ kind: 'rollback', decision });
  const files = await writeReports(stage, series, alarm, decision);
  const worst = alarm.comparison.cases.find((c) => c.verdict === 'regressed');
  tell({
    kind: 'written',
    db: resolve(db),
    files,
    baseline: alarm.comparison.baseline.id,
    incident: alarm.comparison.candidate.id,
    worstCase: worst?.id ?? null,
  });
  return { ...played, alarmAt: alarm.at, comparison: alarm.comparison, decision, files };
}

/** A release from before the first night: the rollback finds it later. */
async function runEarlierRelease({ input, work, assignment, goTo }: Stage): Promise<void> {
  const at = goTo(0);
  const { summary } = await runSuite(work, await assignment('triage-fallback.yaml'), SETTINGS);
  input.tell({ kind: 'earlier-release', at, snapshot: summary });
}

/** Runs the nights: one is blessed, on one a harmless prompt change is tried, and one raises the alarm. */
async function runNights(stage: Stage): Promise<Nights> {
  const { input, work, assignment, goTo, changeAt } = stage;
  const production = await assignment('triage.yaml');
  let baseline: SnapshotResults | null = null;
  const clean: SnapshotResults[] = [];
  let falseAlarms = 0;
  let alarm: Alarm | null = null;
  const series: PlottedNight[] = [];
  for (let n = 1; n <= NIGHTS_BEFORE + NIGHTS_AFTER && !input.signal.aborted; n++) {
    const at = goTo(n);
    const night = await runNight(work, production, baseline, clean, SETTINGS);
    const results = await work.store.results(night.summary.id);
    series.push(plotted(at, results));
    input.tell({
      kind: 'night',
      at,
      snapshot: night.summary,
      verdict: night.comparison?.verdict ?? null,
      rerun: night.rerun !== null,
      alarm: night.alarm,
    });
    if (n === BLESSED_NIGHT) {
      await bless(stage, night.summary.id);
      baseline = results;
    } else if (baseline === null) clean.push(results);
    if (n === INNOCENT_NIGHT && baseline !== null) await tryPromptChange(stage, at, baseline, clean);
    if (night.alarm && alarm === null && night.rerun !== null) {
      if (Date.parse(at) < changeAt) falseAlarms++;
      else alarm = { comparison: night.rerun.comparison, at, incident: night.rerun.summary };
    }
  }
  return { series, falseAlarms, alarm };
}

function plotted(at: string, { summary, cases }: SnapshotResults): PlottedNight {
  const graded = cases.flatMap((c) => c.trials).filter((t) => t.pass !== null);
  return { at, summary, passed: graded.filter((t) => t.pass).length, trials: graded.length };
}

async function bless({ input, work }: Stage, snapshot: string): Promise<void> {
  const blessing = await blessSnapshot(work, {
    ref: snapshot,
    by: 'demo',
    why: 'five quiet nights, outputs read by hand',
  });
  input.tell({ kind: 'blessed', snapshot: blessing.snapshot });
}

async function tryPromptChange(
  { input, work, suite, assignment }: Stage,
  at: string,
  baseline: SnapshotResults,
  pool: readonly SnapshotResults[],
): Promise<void> {
  const { summary } = await runSuite(work, await assignment('triage-concise.yaml'), SETTINGS);
  const comparison = compareSnapshots(baseline, await work.store.results(summary.id), {
    policy: resolvePolicy(suite.policy),
    pool,
  });
  input.tell({ kind: 'prompt-change', at, comparison });
}

/** Writes the page and the Markdown; returns where they are. */
async function writeReports(
  { input, work }: Stage,
  series: readonly PlottedNight[],
  alarm: Alarm,
  decision: RollbackDecision,
): Promise<readonly string[]> {
  const points = series.map((p) => {
    const interval = wilson(p.passed, p.trials, 0.95);
    return {
      at: p.at,
      value: p.trials === 0 ? null : p.passed / p.trials,
      interval: interval === null ? undefined : ([interval.lower, interval.upper] as const),
      label: `${p.at.slice(0, 10)} ${p.summary.id}`,
    };
  });
  const html = comparisonHtml(alarm.comparison, {
    ...(await pageOptions(work.store, alarm.comparison)),
    rollback: decision,
    history: { points, marks: [{ at: alarm.at, text: `alarm ${alarm.at.slice(0, 10)}` }] },
    banner:
      'This is a simulation: the models, their answers and the provider change are scripted and seeded. No real model was called.',
  });
  const markdown = `${comparisonMarkdown(alarm.comparison)}\n${rollbackMarkdown(decision)}`;
  const [page, text] = [join(input.outDir, 'report.html'), join(input.outDir, 'report.md')];
  await writeFile(page, html);
  await writeFile(text, markdown);
  return [page, text];
}

/** Simulated time: a night is set, and the minutes within it pass with every look at the clock. */
class DemoTime implements Clock {
  readonly origin: number;
  #now: number;

  constructor(start: number) {
    this.origin = start;
    this.#now = start;
  }

  set(time: number): void {
    this.#now = time;
  }

  now(): Date {
    this.#now += 1;
    return new Date(this.#now);
  }
}

/** When the first undisclosed update of the scenario takes effect. */
function silentChange(scenario: ReturnType<typeof parseScenario>): number {
  const dates = scenario.models.flatMap((m) =>
    (m.updates ?? []).filter((u) => !u.disclosed).map((u) => Date.parse(u.at)),
  );
  const first = Math.min(...dates);
  if (!Number.isFinite(first)) {
    throw new LastgoodError({
      code: 'DEMO_SCENARIO',
      message: 'the scenario has no undisclosed update, so there is no story to tell',
    });
  }
  return first;
}
