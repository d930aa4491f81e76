// A large snapshot made, exported and imported, each in a process of its own, so that the memory of each is its own.
// As a script: node bench/run/ledger-exchange.ts FOLDER CASES TRIALS, or one step of it with make|export|import in front.

import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { boundHeap } from '../../src/cli/terminal/limit-heap.ts';
import { caseExam, examFingerprint } from '../../src/core/exam.ts';
import { exportSnapshot, importSnapshot, openLedger } from '../../src/ledger/index.ts';
import { PAD } from '../kit/bench-suite.ts';
import { benchSuite, clock, release, trialOf } from './ledger-rows.ts';

const ID = 'slarge01';
const project = { root: '/project' };

export interface Step {
  readonly what: 'make' | 'export' | 'import';
  readonly seconds: number;
  readonly peakMb: number;
  /** Of the exported file. */
  readonly megabytes: number;
}

/** Does the three steps and gives back those of the exchange. */
export function exchange(folder: string, cases: number, trials: number): Step[] {
  const step = (what: Step['what']): Step =>
    JSON.parse(
      execFileSync(
        process.execPath,
        [fileURLToPath(import.meta.url), what, folder, String(cases), String(trials)],
        { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] },
      ),
    );
  step('make');
  return [step('export'), step('import')];
}

async function make(path: string, cases: number, trials: number): Promise<void> {
  const store = await openLedger(path, { project });
  const suite = benchSuite(cases, () => PAD);
  const examiner = { judge: null, embedder: null };
  await store.begin({
    ...{ id: ID, purpose: 'run', suite, release, judge: null, embedder: null, seed: 1, labels: {} },
    exam: examFingerprint(suite, examiner),
    caseExam: (c) => caseExam(c, examiner),
    plannedTrials: cases * trials,
    startedAt: new Date(clock.now).toISOString(),
    environment: { lastgood: '0.1.0', node: '24.21.0', platform: 'linux-x64' },
  });
  for (let t = 0; t < trials; t++)
    for (let i = 0; i < cases; i += 500)
      await store.append(
        ID,
        suite.cases.slice(i, i + 500).map((c) => {
          const row = trialOf(c, ` ${t % 5}`);
          return { ...row, trial: { ...row.trial, trial: t } };
        }),
      );
  await store.finish(ID, {
    ...{ finishedAt: new Date(clock.now).toISOString(), state: 'finished', validity: 'valid' },
    ...{ validityReasons: [], findings: [] },
  });
  await store.close();
}

async function takeOut(path: string, file: string): Promise<void> {
  const store = await openLedger(path, { project });
  async function* chunks(): AsyncGenerator<string> {
    let waiting = '';
    for await (const line of exportSnapshot(store, ID, project)) {
      waiting += `${line}\n`;
      if (waiting.length < 1024 * 1024) continue;
      yield waiting;
      waiting = '';
    }
    yield waiting;
  }
  await pipeline(Readable.from(chunks()), createWriteStream(file));
  await store.close();
}

async function takeIn(path: string, file: string): Promise<void> {
  const store = await openLedger(path, { project });
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  await importSnapshot(store, lines, project);
  await store.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [what, folder, cases, trials] = process.argv.slice(2) as [string, string, string, string];
  if (!['make', 'export', 'import'].includes(what))
    console.log(exchange(what, Number(folder), Number(cases)));
  else {
    const path = join(folder, `large-${cases}.db`);
    const file = join(folder, `large-${cases}.jsonl`);
    const started = performance.now();
    // As the commands do.
    if (what !== 'make') boundHeap();
    if (what === 'make') await make(path, Number(cases), Number(trials));
    if (what === 'export') await takeOut(path, file);
    if (what === 'import') await takeIn(join(folder, `away-${cases}.db`), file);
    console.log(
      JSON.stringify({
        what,
        seconds: (performance.now() - started) / 1000,
        peakMb: Math.round(process.resourceUsage().maxRSS / 1024),
        megabytes: what === 'make' ? 0 : Math.round(statSync(file).size / 1e6),
      }),
    );
  }
}
