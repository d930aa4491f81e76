// One run against a server that fails one call in ten, then its ledger held against what was asked and answered.

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { promptOf, writeBenchSuite } from '../kit/bench-suite.ts';
import { measure } from '../kit/measure.ts';
import { answerTo, startMock } from '../kit/mock-server.ts';
import { KEY, runArgs } from './sides.ts';

const FAULTS = { limited: 0.05, serverError: 0.02, hang: 0.01, truncated: 0.01, badJson: 0.01 };

export interface FaultyRun {
  readonly requests: number;
  readonly answered: number;
  readonly failed: number;
  /** What is wrong with the ledger; empty when every trial is one row that says what happened. */
  readonly problems: readonly string[];
}

interface TrialRow {
  readonly id: string;
  readonly trial: number;
  readonly status: string;
  readonly pass: number | null;
  readonly score: number | null;
  readonly output: string | null;
}

export async function faultyRun(folder: string, cases: number, concurrency: number): Promise<FaultyRun> {
  await mkdir(folder, { recursive: true });
  const mock = await startMock({ faults: FAULTS, seed: 13 });
  try {
    await writeBenchSuite(folder, cases, mock.url);
    const db = join(folder, 'ledger.db');
    const run = await measure(runArgs(folder, db, concurrency, '--timeout', '2s'), KEY);
    const ledger = new Database(db, { readonly: true });
    const rows = ledger
      .prepare('SELECT case_id AS id, trial, status, pass, score, output FROM v_trials')
      .all() as TrialRow[];
    ledger.close();
    const answered = rows.filter((row) => row.status === 'answered').length;
    return {
      requests: mock.requests,
      answered,
      failed: rows.length - answered,
      problems: [
        ...(run.code === null ? ['the run did not end'] : []),
        ...problemsOf(rows, cases, (prompt) => mock.billed.get(prompt) ?? 0),
      ],
    };
  } finally {
    await mock.close();
  }
}

function problemsOf(rows: readonly TrialRow[], cases: number, billed: (prompt: string) => number): string[] {
  const problems: string[] = [];
  const seen = new Map<string, number>();
  for (const { id, status, pass, score, output } of rows) {
    seen.set(id, (seen.get(id) ?? 0) + 1);
    const prompt = promptOf(Number(id.slice('case-'.length)));
    if (status === 'answered') {
      if (output !== answerTo(prompt)) problems.push(`${id} keeps an answer that was not given`);
      if (pass !== 1) problems.push(`${id} was answered rightly and did not pass`);
      if (billed(prompt) !== 1) problems.push(`${id} was answered ${billed(prompt)} times`);
    } else {
      if (pass !== null || score !== null) problems.push(`${id} failed and has a score`);
      if (billed(prompt) !== 0) problems.push(`${id} was answered and is kept as failed`);
    }
  }
  for (let i = 0; i < cases; i++) {
    const found = seen.get(`case-${i}`) ?? 0;
    if (found !== 1) problems.push(`case-${i} has ${found} rows`);
  }
  return problems;
}
