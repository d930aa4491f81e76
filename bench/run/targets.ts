// What is measured for each target, and when it counts as met. The bars are for 10,000 cases (and a tenth, a hundredth and ten times that).

import { createReadStream } from 'node:fs';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type Measured, measure, median } from '../kit/measure.ts';
import { answerTo } from '../kit/mock-server.ts';
import { installedSize } from './install-size.ts';
import { badHour } from './rates.ts';
import {
  type Bench,
  BIN,
  figure,
  folderBytes,
  inTurn,
  type Load,
  peerEval,
  runLastgood,
  runSide,
  type SideName,
  suiteFolder,
} from './sides.ts';

/** One line of the table; `ok` is null where nothing was measured. */
export interface Row {
  readonly target: string;
  readonly what: string;
  readonly bar: string;
  readonly seen: string;
  readonly ok: boolean | null;
  readonly beside: string;
}

export interface Plan {
  readonly bench: Bench;
  readonly cases: number;
  readonly concurrency: number;
  readonly reps: number;
  /** The peer's program; null when it is not installed. */
  readonly peer: string | null;
  /** Also run the peer at ten times `cases`: about a quarter of an hour. */
  readonly peerLarge: boolean;
}

const NO_PEER = 'promptfoo is not installed: npm run bench:run -- --peer';
const count = (n: number): string => n.toLocaleString('en-US');
const load = (plan: Plan, cases = plan.cases): Load => ({
  cases,
  concurrency: plan.concurrency,
  latencyMs: 0,
});

function atLeast(
  target: string,
  what: string,
  value: number | null,
  bar: number,
  unit: string,
  beside = '',
): Row {
  const seen = value === null ? 'not measured' : `${value.toFixed(2)}${unit}`;
  return { target, what, bar: `≥ ${bar}${unit}`, seen, ok: value === null ? null : value >= bar, beside };
}

function atMost(
  target: string,
  what: string,
  value: number | null,
  bar: number,
  unit: string,
  { beside = '', digits = 2 }: { beside?: string; digits?: number } = {},
): Row {
  const seen = value === null ? 'not measured' : `${value.toFixed(digits)}${unit}`;
  return { target, what, bar: `≤ ${bar}${unit}`, seen, ok: value === null ? null : value <= bar, beside };
}

const ratio = (a: number | null, b: number | null): number | null =>
  a === null || b === null ? null : a / b;
const times = (value: number | null): string => (value === null ? '–' : `${value.toFixed(2)} ×`);

/** The peer at the full size takes minutes: once, between two runs of lastgood. */
async function peerOnce({ bench, peer, ...plan }: Plan): Promise<void> {
  const at: Load = { cases: plan.cases, concurrency: plan.concurrency, latencyMs: 0 };
  if (peer === null || figure(bench, 'promptfoo eval', at, 'wallMs') !== null) return;
  await inTurn(bench, ['lastgood run', 'promptfoo eval', 'lastgood run'], at, 1, peer);
}

/** Targets 1, 2 and 4: lastgood beside the plain SDK loop and the floor. */
async function speed(plan: Plan): Promise<Row[]> {
  const { bench, peer } = plan;
  const at = load(plan);
  await inTurn(bench, ['openai SDK loop', 'lastgood run', 'floor'], at, plan.reps);
  const against = (side: SideName): { whole: number | null; beside: string } => ({
    whole: ratio(figure(bench, side, at, 'wallMs'), figure(bench, 'lastgood run', at, 'wallMs')),
    beside: `first request to last answer: ${times(ratio(figure(bench, side, at, 'windowMs'), figure(bench, 'lastgood run', at, 'windowMs')))}; CPU: ${times(ratio(figure(bench, side, at, 'cpuMs'), figure(bench, 'lastgood run', at, 'cpuMs')))}`,
  });
  const sdk = against('openai SDK loop');
  const floor = against('floor');
  const cpu = figure(bench, 'lastgood run', at, 'cpuMs') as number;
  await peerOnce(plan);
  const size = `${count(plan.cases)} cases, ${plan.concurrency} at once`;
  return [
    atLeast('1', `${size}: cases/s ÷ plain openai SDK loop`, sdk.whole, 1.2, ' ×', sdk.beside),
    atLeast('2', `${size}: cases/s ÷ floor`, floor.whole, 0.75, ' ×', floor.beside),
    atMost('4', `${size}: CPU per case`, cpu / plan.cases, 0.5, ' ms', {
      beside: `floor: ${((figure(bench, 'floor', at, 'cpuMs') as number) / plan.cases).toFixed(2)} ms; 0.24 where the bar was set`,
    }),
    atLeast(
      '4',
      'CPU per case of promptfoo ÷ that',
      ratio(figure(bench, 'promptfoo eval', at, 'cpuMs'), cpu),
      13,
      ' ×',
      peer === null ? NO_PEER : '',
    ),
  ];
}

/** Target 3: the whole process against promptfoo, at three sizes; the largest once. */
async function peer(plan: Plan): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [share, bar] of [
    [100, 4],
    [10, 8],
    [1, 15],
  ] as const) {
    const at = load(plan, plan.cases / share);
    if (share === 1) await peerOnce(plan);
    else if (plan.peer !== null)
      await inTurn(plan.bench, ['lastgood run', 'promptfoo eval'], at, plan.reps, plan.peer);
    const wall = (side: SideName): number | null => figure(plan.bench, side, at, 'wallMs');
    const [ours, theirs] = [wall('lastgood run'), wall('promptfoo eval')];
    const beside =
      theirs === null || ours === null
        ? NO_PEER
        : `${(ours / 1000).toFixed(2)} s against ${(theirs / 1000).toFixed(2)} s`;
    rows.push(
      atLeast(
        '3',
        `${count(at.cases)} cases: promptfoo eval ÷ lastgood run`,
        ratio(theirs, ours),
        bar,
        ' ×',
        beside,
      ),
    );
  }
  return rows;
}

async function lines(file: string, kind: string): Promise<number> {
  let found = 0;
  for await (const line of createInterface({ input: createReadStream(file) }))
    if (line.includes(`"kind":"${kind}"`)) found++;
  return found;
}

/** Targets 5 and 6: ten times the cases, exported and reported. */
async function large(plan: Plan): Promise<Row[]> {
  const { bench } = plan;
  const small = load(plan);
  const at = load(plan, plan.cases * 10);
  if (figure(bench, 'lastgood run', small, 'rssMb') === null)
    await runSide(bench, 'lastgood run', small, 0, null);
  const { run, db } = await runLastgood(bench, at, 'large');
  const smallRss = figure(bench, 'lastgood run', small, 'rssMb') as number;

  const folder = join(bench.folder, 'large-out');
  await mkdir(folder, { recursive: true });
  const exported = await measure([BIN, 'export', 'latest', '--db', db, '--dir', folder, '--json']);
  const file =
    exported.code === 0
      ? (JSON.parse(exported.stdout) as { files: { file: string }[] }).files[0]?.file
      : undefined;
  const trials = file === undefined ? 0 : await lines(file, 'trial');
  const page = join(folder, 'report.html');
  const report = await measure([BIN, 'diff', 'latest', 'latest', '--db', db, '--format', 'html', '-o', page]);
  const pageBytes = (await stat(page).catch(() => null))?.size ?? 0;
  await rm(folder, { recursive: true, force: true });
  await rm(join(bench.folder, 'large'), { recursive: true, force: true });

  let peerRss: number | null = null;
  let peerWord = plan.peer === null ? NO_PEER : `promptfoo was not run at this size: --peer-large`;
  if (plan.peer !== null && plan.peerLarge) {
    try {
      peerRss = (await runSide(bench, 'promptfoo eval', at, 0, plan.peer)).rssMb;
      peerWord = `promptfoo: ${peerRss.toFixed(0)} MB`;
    } catch (error) {
      peerWord = (error as Error).message.split('\n')[0] as string;
    }
  }
  const size = `${count(at.cases)} cases`;
  const done = exported.code === 0 && trials === at.cases && report.code === 0 && pageBytes > 0;
  return [
    atMost('5', `${size}: peak memory`, run.rssMb, 350, ' MB', { digits: 0 }),
    atMost('5', `that ÷ peak memory at ${count(plan.cases)}`, run.rssMb / smallRss, 1.35, ' ×', {
      beside: `${smallRss.toFixed(0)} MB at ${count(plan.cases)}`,
    }),
    atLeast('5', "promptfoo's peak memory ÷ that", ratio(peerRss, run.rssMb), 10, ' ×', peerWord),
    {
      target: '6',
      what: `${size}: run, JSONL export and HTML report end with exit 0`,
      bar: 'every trial',
      seen: `run 0, export ${exported.code} (${count(trials)} trials), report ${report.code} (${(pageBytes / 1e6).toFixed(0)} MB)`,
      ok: done,
      beside: `${[run, exported, report].map((m) => `${(m.wallMs / 1000).toFixed(1)} s, ${m.rssMb.toFixed(0)} MB`).join('; ')}`,
    },
  ];
}

/**
 * Target 7: 1,000 cases again without a single call, whole processes. lastgood grades the answers it holds, by the same exam and by
 * another one; promptfoo evaluates again from its disk cache. A resumed run is measured by bench/read.ts.
 */
async function rerun(plan: Plan): Promise<Row[]> {
  const { bench, peer } = plan;
  const at = load(plan, Math.min(plan.cases, 1000));
  const same: Measured[] = [];
  const other: Measured[] = [];
  const theirs: Measured[] = [];
  let growth = 0;
  const home = join(bench.folder, 'peer-again');
  if (peer !== null) await peerEval(bench, at, peer, home, { cache: true });
  for (let n = 0; n < plan.reps; n++) {
    const folder = join(bench.folder, 'again');
    const { suite, db, bytes } = await runLastgood(bench, at, 'again');
    bench.mock.reset();
    const regrade = (from: string): Promise<Measured> =>
      measure([BIN, 'regrade', 'latest', '--suite', from, '--db', db, '--quiet']);
    same.push(await regrade(suite));
    growth = Math.max(growth, (await folderBytes(folder)) / bytes - 1);
    other.push(await regrade(await suiteFolder(bench, at.cases, 3)));
    if (peer !== null) theirs.push(await peerEval(bench, at, peer, home, { cache: true }));
    const codes = [same, other, theirs].map((runs) => runs.at(-1)?.code ?? 0);
    if (codes.some((code) => code !== 0) || bench.mock.answered !== 0)
      throw new Error(`again: exit ${codes.join(', ')}, ${bench.mock.answered} calls instead of none`);
    await rm(folder, { recursive: true, force: true });
  }
  await rm(home, { recursive: true, force: true });
  const seconds = (runs: readonly Measured[]): number => median(runs.map((run) => run.wallMs)) / 1000;
  const peerSeconds = theirs.length === 0 ? null : seconds(theirs);
  const both = (runs: readonly Measured[]): string =>
    `${seconds(runs).toFixed(2)} s${peerSeconds === null ? '' : ` against ${peerSeconds.toFixed(2)} s`}`;
  const cases = `${count(at.cases)} cases`;
  return [
    atMost('7', `${cases} regraded, the same exam: whole process`, seconds(same), 0.6, ' s', {
      beside: `0 calls; ledger +${(100 * growth).toFixed(1)} %; under another exam ${seconds(other).toFixed(2)} s`,
    }),
    atLeast('7', 'promptfoo from its cache ÷ that', ratio(peerSeconds, seconds(same)), 12, ' ×', both(same)),
    atLeast(
      '7',
      'promptfoo from its cache ÷ another exam',
      ratio(peerSeconds, seconds(other)),
      12,
      ' ×',
      both(other),
    ),
  ];
}

/** Target 9: bytes of ledger, and what a second snapshot adds when a tenth of the answers changed. */
async function ledger(plan: Plan): Promise<Row[]> {
  const at = load(plan);
  const first = await runLastgood(plan.bench, at, 'ledger');
  const changed = (prompt: string): string => {
    const i = Number(/case (\d+)/.exec(prompt)?.[1]);
    const text = answerTo(prompt);
    return i % 10 === 0 ? `${text.slice(0, -24)} put in another way` : text;
  };
  const second = await runLastgood(plan.bench, at, 'ledger', { answer: changed });
  await rm(join(plan.bench.folder, 'ledger'), { recursive: true, force: true });
  const added = second.bytes - first.bytes;
  return [
    atMost(
      '9',
      `ledger per case, prompts of ~660 B and answers of ~290 B`,
      first.bytes / plan.cases / 1000,
      1.2,
      ' KB',
      {
        beside: 'prompts are stored once, or the next line fails',
      },
    ),
    atMost(
      '9',
      'a second snapshot, 10 % of the answers changed ÷ the first',
      (100 * added) / first.bytes,
      15,
      ' %',
      {
        beside: `${(added / plan.cases).toFixed(0)} B a case`,
        digits: 1,
      },
    ),
  ];
}

/** Target 11: what a user's `npm install lastgood` brings. */
async function install(plan: Plan): Promise<Row[]> {
  plan.bench.note('npm pack, then npm install --omit=dev of the tarball …');
  const { direct, packages, megabytes } = await installedSize(join(plan.bench.folder, 'install'));
  return [
    atMost('11', 'direct runtime dependencies', direct, 20, '', { digits: 0 }),
    atMost('11', 'packages installed in all, lastgood among them', packages, 60, '', { digits: 0 }),
    atMost('11', 'installed size on disk', megabytes, 130, ' MB', { digits: 0 }),
  ];
}

/** Target 12: how much of the rate that the latency allows is reached, once calls are made (as the floor's own figure of 87 and 65 % was taken). */
async function latency(plan: Plan): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [concurrency, bar] of [
    [16, 80],
    [64, 55],
  ] as const) {
    const at: Load = { cases: plan.cases, concurrency, latencyMs: 20 };
    await inTurn(plan.bench, ['lastgood run', 'floor'], at, plan.reps);
    const idealMs = (at.cases / concurrency) * at.latencyMs;
    const share = (side: SideName, key: 'wallMs' | 'windowMs'): number =>
      (100 * idealMs) / (figure(plan.bench, side, at, key) as number);
    rows.push(
      atLeast(
        '12',
        `20 ms latency, ${concurrency} at once, first request to last answer: share of the ideal rate`,
        share('lastgood run', 'windowMs'),
        bar,
        ' %',
        `floor: ${share('floor', 'windowMs').toFixed(0)} %; whole processes: ${share('lastgood run', 'wallMs').toFixed(0)} %, floor ${share('floor', 'wallMs').toFixed(0)} %`,
      ),
    );
  }
  return rows;
}

/** Target 13: a server that fails one call in ten. */
async function faults(plan: Plan): Promise<Row[]> {
  const cases = Math.min(plan.cases, 2000);
  const { problems, rows, requests } = await badHour(cases, 4);
  const answered = rows['answered'] ?? 0;
  return [
    {
      target: '13',
      what: `${count(cases)} cases; 5 % 429, 2 % 500, 1 % hang, 1 % cut off, 1 % bad JSON: one row a trial, none scored from a failed call`,
      bar: 'no exception',
      seen: problems.length === 0 ? 'none' : problems.slice(0, 3).join('; '),
      ok: problems.length === 0,
      beside: `${count(requests)} requests, ${count(answered)} answered, ${cases - answered} failed; kill -9 and resume: npm run bench:chaos`,
    },
  ];
}

/** The measurements in the order they are made, each with the targets it answers. */
export const MEASUREMENTS: readonly { targets: readonly number[]; run(plan: Plan): Promise<Row[]> }[] = [
  { targets: [1, 2, 4], run: speed },
  { targets: [3], run: peer },
  { targets: [5, 6], run: large },
  { targets: [7], run: rerun },
  { targets: [9], run: ledger },
  { targets: [11], run: install },
  { targets: [12], run: latency },
  { targets: [13], run: faults },
];
