// npm run bench:ledger -- [NIGHTS=365] [LISTED=1000]: what the ledger takes, row by row through the store: fresh cases, a tenth of them changed, a year of
// unchanged nights, lists over many snapshots, and time and memory of exporting and importing large ones.

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { caseExam, examFingerprint } from '../../src/core/exam.ts';
import type { SnapshotStore } from '../../src/core/snapshot.ts';
import type { Suite } from '../../src/core/suite.ts';
import { ledgerStats, openLedger, withLedgerFile } from '../../src/ledger/index.ts';
import { PAD } from '../kit/bench-suite.ts';
import { exchange } from './ledger-exchange.ts';
import { benchSuite, clock, release, trialOf } from './ledger-rows.ts';

const nights = Number(process.argv[2] ?? 365);
const listed = Number(process.argv[3] ?? 1000);
const folder = await mkdtemp(join(tmpdir(), 'lastgood-ledger-bench-'));
let made = 0;
async function night(store: SnapshotStore, suite: Suite, variantOf: (i: number) => string): Promise<string> {
  made++;
  const id = `s${String(made).padStart(6, '0')}`;
  const examiner = { judge: null, embedder: null };
  await store.begin({
    ...{ id, purpose: 'run', suite, release, judge: null, embedder: null, seed: made, labels: {} },
    exam: examFingerprint(suite, examiner),
    caseExam: (c) => caseExam(c, examiner),
    plannedTrials: suite.cases.length,
    startedAt: new Date(clock.now).toISOString(),
    environment: { lastgood: '0.1.0', node: '24.21.0', platform: 'linux-x64' },
  });
  for (let i = 0; i < suite.cases.length; i += 64)
    await store.append(
      id,
      suite.cases.slice(i, i + 64).map((c, n) => trialOf(c, variantOf(i + n))),
    );
  await store.finish(id, {
    ...{ finishedAt: new Date(clock.now).toISOString(), state: 'finished', validity: 'valid' },
    ...{ validityReasons: [], findings: [] },
  });
  clock.now += 86_000_000;
  return id;
}

const project = { root: '/project' };
const tell = (what: string, seen: string): void => console.log(`| ${what} | ${seen} |`);

async function open(name: string): Promise<{ store: SnapshotStore; path: string; bytes(): Promise<number> }> {
  const path = join(folder, name);
  const store = await openLedger(path, { project });
  const bytes = async (): Promise<number> => {
    // Every page in the file itself, as after a clean end.
    await withLedgerFile(path, {}, async (file) => file.db.pragma('wal_checkpoint(TRUNCATE)'));
    return (await stat(path)).size;
  };
  return { store, path, bytes };
}

try {
  console.log('| | seen |\n|---|---|');
  const kinds = [
    ['one sentence over and over', () => PAD],
    ['words in no order', undefined],
  ] as const;
  for (const [kind, words] of kinds) {
    const fresh = await open(`${kind}.db`);
    const suite = benchSuite(10_000, words);
    await night(fresh.store, suite, () => '');
    const first = await fresh.bytes();
    tell(
      `10,000 fresh cases, ~660 B prompt (${kind}), ~290 B answer`,
      `${(first / 10_000).toFixed(0)} bytes a case`,
    );
    for (const part of (await withLedgerFile(fresh.path, {}, ledgerStats)).parts.slice(0, 4))
      tell(`… ${part.part}`, `${(part.bytes / 10_000).toFixed(0)} bytes a case`);
    await night(fresh.store, suite, (i) => (i % 10 === 0 ? ' changed' : ''));
    const second = await fresh.bytes();
    tell(
      'a second snapshot, a tenth of the answers changed',
      `+${((100 * (second - first)) / first).toFixed(1)} %`,
    );
    await fresh.store.close();
  }

  const year = await open('year.db');
  const small = benchSuite(500);
  for (let n = 0; n < nights; n++) await night(year.store, small, () => '');
  const bytes = await year.bytes();
  tell(`${nights} nights of 500 unchanged cases`, `${(bytes / 1e6).toFixed(1)} MB`);
  for (const part of (await withLedgerFile(year.path, {}, ledgerStats)).parts.slice(0, 4))
    tell(`… ${part.part}`, `${(part.bytes / 1e6).toFixed(1)} MB`);
  for (let n = nights; n < listed; n++) await night(year.store, small, () => '');
  const times: number[] = [];
  for (let n = 0; n < 9; n++) {
    const started = performance.now();
    await year.store.list();
    times.push(performance.now() - started);
  }
  tell(
    `list of ${listed} snapshots × 500 cases`,
    `${times.sort((a, b) => a - b)[4]?.toFixed(0)} ms (median of 9)`,
  );
  await year.store.close();

  for (const [cases, trials] of [
    [100_000, 1],
    [50_000, 10],
  ] as const)
    for (const { what, seconds, peakMb, megabytes } of exchange(folder, cases, trials))
      tell(
        `${what} of ${cases.toLocaleString('en')} cases × ${trials} (${megabytes} MB)`,
        `${seconds.toFixed(0)} s, at most ${peakMb} MB of memory in a process of its own`,
      );
} finally {
  await rm(folder, { recursive: true, force: true });
}
