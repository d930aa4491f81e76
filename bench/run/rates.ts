// A bad hour in exact rates: 5 % 429, 2 % 500, 1 % hang, 1 % broken off, 1 % bad JSON, and then a judge of whose calls 30 % fail.
// Every trial must end as one row, and none may be scored from a call that failed.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promptOf } from '../kit/bench-suite.ts';
import { answerTo, type Faults, type MockServer, startMock } from '../kit/mock-server.ts';
import { openBooks } from './chaos-books.ts';
import { writeWorld } from './chaos-world.ts';
import { rateLimits, rateTable } from './rate-limits.ts';

const BIN = fileURLToPath(new URL('../../bin/lastgood.js', import.meta.url));

export const BAD_HOUR: Faults = {
  limited: 0.05,
  serverError: 0.02,
  hang: 0.01,
  truncated: 0.01,
  badJson: 0.01,
};

export interface RatesOutcome {
  readonly requests: number;
  readonly billed: number;
  readonly dealt: Readonly<Record<string, number>>;
  /** Rows by status. */
  readonly rows: Readonly<Record<string, number>>;
  /** Calls that the ledger has on its books. */
  readonly calls: number;
  readonly problems: readonly string[];
}

interface Row {
  readonly case_id: string;
  readonly status: string;
  readonly code: string | null;
  readonly output: string | null;
  readonly pass: number | null;
  readonly request_id: string | null;
  readonly calls: number;
}

/** A run of so many cases through the bad hour, without a judge. */
export async function badHour(cases: number, maxAttempts: number): Promise<RatesOutcome> {
  const mock = await startMock({ seed: 13, latencyMs: 2, faults: BAD_HOUR });
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-rates-'));
  try {
    await writeWorld({ cases, trials: 1, wire: 'chat', judge: null }, folder, mock.url);
    const limits = ['--concurrency', '32', '--timeout', '2s', '--max-attempts', String(maxAttempts)];
    await cli(folder, ['run', folder, '--release', join(folder, 'release.yaml'), ...limits]);
    const problems: string[] = [];
    const rows = rowsOf(folder);
    const counts: Record<string, number> = {};
    const billed = new Map(mock.billed.map((b) => [b.requestId, b.about]));
    for (const row of rows) {
      const how = row.status === 'failed' ? `failed: ${row.code}` : row.status;
      counts[how] = (counts[how] ?? 0) + 1;
      const number = Number(row.case_id.slice('case-'.length));
      if (row.status !== 'answered') {
        if (row.pass !== null || row.output !== null) problems.push(`${row.case_id} failed and has a score`);
        continue;
      }
      // A whole answer went out under this very request id, and it was the one to this case.
      if (billed.get(row.request_id ?? '') !== `case ${number}` || row.output !== answerTo(promptOf(number)))
        problems.push(`${row.case_id} holds what was not answered to it`);
      if (row.pass !== 1) problems.push(`${row.case_id} did not pass`);
    }
    if (rows.length !== cases || new Set(rows.map((r) => r.case_id)).size !== cases)
      problems.push(`${rows.length} rows of ${cases} cases`);
    const calls = rows.reduce((n, row) => n + row.calls, 0);
    if (calls !== mock.requests) problems.push(`${mock.requests} requests, ${calls} calls on the books`);
    return {
      requests: mock.requests,
      billed: mock.billed.length,
      dealt: mock.dealt,
      rows: counts,
      calls,
      problems,
    };
  } finally {
    await mock.close();
    await rm(folder, { recursive: true, force: true });
  }
}

export interface JudgeOutcome {
  /** Of the second run's trials. */
  readonly graded: number;
  readonly ungraded: number;
  readonly failedJudgeCalls: number;
  readonly verdict: string;
  readonly regressed: number;
  readonly passToFail: number;
}

/** Two runs of one release whose answers differ in nothing; in the second 30 % of the judge's calls end in a 500, and none is tried again. */
export async function badJudge(cases: number): Promise<JudgeOutcome> {
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-judge-'));
  const run = async (mock: MockServer): Promise<void> => {
    await writeWorld({ cases, trials: 1, wire: 'chat', judge: 'chat' }, folder, mock.url);
    await cli(folder, ['run', folder, '--release', join(folder, 'release.yaml'), '--max-attempts', '1']);
  };
  let mock = await startMock({ seed: 1 });
  try {
    await run(mock);
    // On the same address: another one would be another judge, and so another exam.
    const port = Number(new URL(mock.url).port);
    await mock.close();
    mock = await startMock({ seed: 2, port, judgeFaults: { serverError: 0.3 }, again: ' Once more.' });
    await run(mock);
    const diff = JSON.parse(await cli(folder, ['diff', 'latest~1', 'latest', '--json'])) as {
      verdict: string;
      counts: { regressed: number };
      flips: { passToFail: number };
    };
    const rows = rowsOf(folder, 'DESC');
    return {
      graded: rows.filter((row) => row.pass !== null).length,
      ungraded: rows.filter((row) => row.status === 'answered' && row.pass === null).length,
      failedJudgeCalls: mock.dealt['serverError'] ?? 0,
      verdict: diff.verdict,
      regressed: diff.counts.regressed,
      passToFail: diff.flips.passToFail,
    };
  } finally {
    await mock.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** The rows of the oldest snapshot, or the newest. */
function rowsOf(folder: string, order: 'ASC' | 'DESC' = 'ASC'): Row[] {
  const file = openBooks(join(folder, 'ledger.db'));
  try {
    const id = file?.prepare(`SELECT id FROM snapshot ORDER BY no ${order} LIMIT 1`).pluck().get();
    return file?.prepare('SELECT * FROM v_trials WHERE snapshot = ?').all(id) as Row[];
  } finally {
    file?.close();
  }
}

function cli(folder: string, args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args, '--db', join(folder, 'ledger.db'), '--quiet'], {
      env: { PATH: process.env['PATH'] ?? '', OPENAI_API_KEY: 'sk-loopback-rates-key', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let out = '';
    let err = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      out += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      err += text;
    });
    child.on('close', (code) => {
      // 1 and 3 are verdicts.
      if (code === 0 || code === 1 || code === 3) resolve(out);
      else reject(new Error(`lastgood ${args.join(' ')} ended with ${code}: ${err}`));
    });
  });
}

// As a program: node bench/run/rates.ts [CASES], or: node bench/run/rates.ts limits [SECONDS]
if (process.argv[1] === import.meta.filename) {
  const limits = await rateLimits(process.argv[2] === 'limits' ? Number(process.argv[3] ?? 40) : 40);
  console.log(rateTable(limits));
  const missed = limits.filter((row) => !row.ok).length;
  if (missed > 0 || process.argv[2] === 'limits') process.exit(missed === 0 ? 0 : 1);
  const cases = Number(process.argv[2] ?? 2000);
  const hour = await badHour(cases, 4);
  console.log(JSON.stringify(hour, null, 1));
  const single = await badHour(cases, 1);
  console.log(JSON.stringify(single, null, 1));
  const judge = await badJudge(Math.min(cases, 200));
  console.log(JSON.stringify(judge, null, 1));
  const bad = hour.problems.length + single.problems.length + judge.regressed + judge.passToFail;
  process.exitCode = bad === 0 ? 0 : 1;
}
