// Answers that were pruned, forgotten or never kept: what stands in their place is nobody's answer, and nothing may be measured on it.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { SnapshotSummary } from '../../src/core/index.ts';
import { resumeRun, runSuite } from '../../src/engine/arms/run-suite.ts';
import { readPrivacy } from '../../src/engine/workplace/privacy.ts';
import { checkOffline } from '../../src/jobs/check/check-offline.ts';
import { noToolCalls } from '../../src/jobs/drill/drill-checks.ts';
import { judgeCheck } from '../../src/jobs/judge/judge-check.ts';
import { judgeCalibrateJob, judgePreferJob } from '../../src/jobs/judge/judge-job.ts';
import { runSentinel } from '../../src/jobs/judge/judge-sentinel.ts';
import { regradeAs } from '../../src/jobs/regrade/regrade.ts';
import { regradeJob } from '../../src/jobs/regrade/regrade-job.ts';
import {
  exportSnapshot,
  importSnapshot,
  openLedger,
  pruneLedger,
  withLedgerFile,
} from '../../src/ledger/index.ts';
import { forget } from '../../src/ledger/sqlite/forget.ts';
import { type Desk, failing, refundDesk, SUITE, whole } from './refund-desk.ts';

const PLACEHOLDER = '[removed from the ledger]';
const ledgerOf = (desk: Desk): string => join(desk.dir, 'lastgood.db');

/** Takes the answers of one case out of the ledger, beside the open store. */
async function forgetCase(desk: Desk, caseId: string): Promise<void> {
  await withLedgerFile(ledgerOf(desk), {}, (file) => forget(file, { kind: 'case', caseId }));
}

async function pruneAll(desk: Desk): Promise<void> {
  const now = new Date('2027-01-01T00:00:00Z');
  await withLedgerFile(ledgerOf(desk), {}, (file) => pruneLedger(file, { keepDays: 1, now, dryRun: false }));
}

/** A run of which only scores are kept. */
async function scoresOnly(desk: Desk): Promise<SnapshotSummary> {
  const work = { ...desk.work, privacy: await readPrivacy([], 'scores') };
  return (await runSuite(work, await desk.assignment())).summary;
}

/** Nobody is shown the placeholder as if it were an answer. */
function watch(desk: Desk): readonly string[] {
  const seen: string[] = [];
  for (const judge of ['strict', 'mild', 'new'])
    desk.judges[judge] = (candidate) => {
      if (candidate.includes(PLACEHOLDER) || candidate === '') seen.push(candidate);
      return candidate.includes('sorry') ? 'yes' : 'no';
    };
  return seen;
}

const removedIn = async (desk: Desk, id: string): Promise<object> =>
  Object.fromEntries([...(await desk.work.store.removedOutputs(id))].map(([c, trials]) => [c, [...trials]]));

describe('regrade', () => {
  it('leaves trials without their answer ungraded, says how many, and keeps what was measured on them', async () => {
    const desk = await refundDesk(4);
    const seen = watch(desk);
    const run = await desk.run();
    await forgetCase(desk, 'ticket-0');
    expect(await removedIn(desk, run.id)).toEqual({ 'ticket-0': [0, 1] });

    const input = { ref: run.id, cwd: desk.dir, judge: 'mild.yaml' };
    const { changed, judgeCalls, removed, summary } = await regradeJob(desk.work, input);
    expect({ changed, judgeCalls, removed }).toEqual({ changed: 0, judgeCalls: 3, removed: 2 });
    expect(summary).toMatchObject({ answered: 8, ungraded: 2, passRate: 1, validity: 'degraded' });
    expect(summary.findings).toContainEqual({
      code: 'ANSWERS_REMOVED',
      message: expect.stringContaining('2 of 8 answers could not be graded again'),
    });
    expect(seen).toEqual([]);
    for await (const { grades } of desk.work.store.trials(summary.id, 'ticket-0'))
      expect(grades).toMatchObject([
        { status: 'ungraded', cause: 'no_output', reason: expect.stringContaining('not in the ledger') },
      ]);
    const measured = async (id: string): Promise<unknown> =>
      (await desk.work.store.results(id)).cases.map((c) =>
        c.trials.map((t) => [t.length, t.refusal, t.outputHash]),
      );
    expect(await measured(summary.id)).toEqual(await measured(run.id));
    expect(await removedIn(desk, summary.id)).toEqual({ 'ticket-0': [0, 1] });
    // What is gone stays gone: the same again is no new snapshot.
    expect(await regradeJob(desk.work, input)).toMatchObject({
      existed: true,
      summary: { id: summary.id },
    });
  });

  it('refuses a snapshot of which nothing is left, and makes none', async () => {
    const desk = await refundDesk(3);
    const run = await desk.run();
    await pruneAll(desk);
    const refusal = await regradeJob(desk.work, { ref: run.id, cwd: desk.dir, judge: 'mild.yaml' }).catch(
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({
      code: 'REGRADE_ANSWERS_REMOVED',
      exitCode: 3,
      message: expect.stringContaining(`none of the 6 answers of ${run.id}`),
      hint: expect.stringContaining('run the suite again'),
    });
    expect(await desk.work.store.list()).toHaveLength(1);
    // The grades that were given when the answers were there still stand.
    expect(await regradeJob(desk.work, { ref: run.id, cwd: desk.dir })).toMatchObject({ existed: true });
  });

  it('does not grade answers against cases that are not stored as they were asked', async () => {
    const desk = await refundDesk(3);
    const seen = watch(desk);
    const work = { ...desk.work, privacy: await readPrivacy([], 'outputs') };
    const run = (await runSuite(work, await desk.assignment())).summary;
    const input = { ref: run.id, cwd: desk.dir, judge: 'mild.yaml' };
    await expect(regradeJob(desk.work, input)).rejects.toMatchObject({
      code: 'REGRADE_CASES_ALTERED',
      message: expect.stringContaining('3 of the 3 cases'),
      hint: expect.stringContaining('--suite FILE'),
    });
    expect(seen).toEqual([]);
    const { summary } = await regradeJob(desk.work, { ...input, suite: 'suite.yaml' });
    expect(summary).toMatchObject({ answered: 6, ungraded: 0, passRate: 1 });
  });

  it('keeps the grades of cases whose exam did not change, answer or not', async () => {
    const desk = await refundDesk(3);
    const seen = watch(desk);
    const run = await desk.run();
    await desk.write(
      'suite.yaml',
      SUITE(3).replace('"sorry 0" }', '"sorry 0", grade: [{ contains: ticket }] }'),
    );
    const newer = await desk.run();
    await forgetCase(desk, 'ticket-1');
    const { removed, summary } = await regradeAs(desk.work, run, newer);
    expect({ removed, summary }).toMatchObject({ removed: 0, summary: { ungraded: 0, passRate: 1 } });
    expect(seen).toEqual([]);
    // Asked afresh, no old grade may be given out as a new one.
    const fresh = await regradeJob(desk.work, { ref: run.id, cwd: desk.dir, fresh: true });
    expect(fresh).toMatchObject({ removed: 2, summary: { ungraded: 2 } });
  });
});

describe('a run of which only scores are kept', () => {
  it('cannot be graded or judged again, and says so', async () => {
    const desk = await refundDesk(3);
    const seen = watch(desk);
    const run = await scoresOnly(desk);
    const other = await desk.run();
    await pruneAll(desk);
    expect(await removedIn(desk, run.id)).toEqual({
      'ticket-0': [0, 1],
      'ticket-1': [0, 1],
      'ticket-2': [0, 1],
    });
    const code = (work: Promise<unknown>): Promise<unknown> =>
      work.then(
        () => 'it went through',
        (error: { code?: string }) => error.code,
      );
    expect(await code(regradeJob(desk.work, { ref: run.id, cwd: desk.dir, judge: 'mild.yaml' }))).toBe(
      'REGRADE_ANSWERS_REMOVED',
    );
    expect(await code(judgeCheck(desk.work, { snapshot: run, times: 2 }))).toBe('JUDGE_ANSWERS_REMOVED');
    expect(
      await code(judgePreferJob(desk.work, { baseline: run.id, candidate: other.id, cwd: desk.dir })),
    ).toBe('PREFER_ANSWERS_REMOVED');
    expect(await runSentinel(desk.work, { baseline: run })).toMatchObject({
      verdict: 'unknown',
      compared: 0,
      removed: 3,
      sentence: expect.stringContaining('3 more cannot be judged again'),
    });
    expect(await noToolCalls(desk.work.store, run.id)).toMatchObject({
      holds: null,
      detail: '0 of 6 answers call a tool, 6 are not in the ledger',
    });
    expect(seen).toEqual([]);
  });
});

describe('with some answers gone', () => {
  it('judge check and judge prefer take the others and count the rest', async () => {
    const desk = await refundDesk(4);
    const seen = watch(desk);
    const run = await desk.run();
    desk.subject = (id) => `So very sorry about ${id}.`;
    const other = await desk.run();
    await forgetCase(desk, 'ticket-3');
    expect(await judgeCheck(desk.work, { snapshot: run, times: 2 })).toMatchObject({
      outputs: 3,
      removed: 1,
    });
    // Refused, not down: an outage would be waited for.
    desk.judges['strict'] = whole(() => failing({ code: 'bad_request', httpStatus: 400, retryable: false }));
    const preferred = await judgePreferJob(desk.work, {
      baseline: run.id,
      candidate: other.id,
      cwd: desk.dir,
    });
    expect(preferred).toMatchObject({ removed: 1, counts: { ungraded: 4 }, verdict: 'invalid' });
    expect(preferred.pairs.find((p) => p.caseId === 'ticket-3')?.reason).toContain("both sides' answers");
    expect(seen).toEqual([]);
  });

  it('resuming grades the others once the judge is back', async () => {
    const desk = await refundDesk(6);
    desk.judges['strict'] = whole(() =>
      failing({ code: 'quota', httpStatus: 429, retryable: false, fatal: true, message: 'no credit' }),
    );
    const stopped = (await runSuite(desk.work, await desk.assignment())).summary;
    expect(stopped).toMatchObject({ state: 'interrupted', answered: stopped.ungraded });
    const text = 'So sorry about ticket-0.';
    await withLedgerFile(ledgerOf(desk), {}, (file) => forget(file, { kind: 'text', substring: true, text }));
    expect(Object.keys(await removedIn(desk, stopped.id))).toEqual(['ticket-0']);
    const seen = watch(desk);
    const said: string[] = [];
    const progress = { ...desk.work.progress, warn: (w: { message: string }) => said.push(w.message) };
    const { summary } = await resumeRun({ ...desk.work, progress } as never, stopped.id);
    expect(seen).toEqual([]);
    const trials = (await desk.work.store.results(summary.id)).cases.flatMap((c) => c.trials);
    expect(trials.map((t) => t.pass)).not.toContain(false);
    expect(summary.ungraded).toBe((await desk.work.store.removedOutputs(summary.id)).get('ticket-0')?.size);
    expect(said).toContainEqual(expect.stringMatching(/without a grade: the ledger does not have/));
  });

  it('labels are still held against the verdicts that were given', async () => {
    const desk = await refundDesk(4);
    desk.subject = (id) => (id === 'ticket-0' ? 'No.' : `So sorry about ${id}.`);
    const run = await desk.run();
    await pruneAll(desk);
    const rows = Array.from({ length: 4 }, (_, i) => ({
      case: `ticket-${i}`,
      trial: 0,
      human: i === 0 ? 'fail' : 'pass',
    }));
    await desk.write('labels.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
    const labels = { labels: join(desk.dir, 'labels.jsonl'), snapshot: run.id, cwd: desk.dir };
    expect((await judgeCalibrateJob(desk.work, labels)).calibration).toMatchObject({
      items: 4,
      agreement: 1,
    });
    await expect(judgeCalibrateJob(desk.work, { ...labels, judge: 'mild.yaml' })).rejects.toMatchObject({
      code: 'REGRADE_ANSWERS_REMOVED',
    });
  });

  it('an offline check grades only what is there', async () => {
    const desk = await refundDesk(3);
    await desk.write('suite.yaml', SUITE(3, '', 'contains: sorry'));
    const run = await desk.run();
    await forgetCase(desk, 'ticket-2');
    const { suite } = await desk.assignment();
    const baseline = { summary: run, pool: [], about: {} as never };
    expect(await checkOffline(desk.work, suite, baseline, 'no key')).toMatchObject({
      answers: 4,
      removed: 2,
      passed: 4,
      changed: [],
      broken: [],
    });
  });

  it('an exported snapshot tells it, so that nothing is graded where it is imported either', async () => {
    const desk = await refundDesk(2);
    const run = await desk.run();
    await forgetCase(desk, 'ticket-0');
    const lines: string[] = [];
    for await (const line of exportSnapshot(desk.work.store, run.id)) lines.push(line);
    const hash = (await desk.work.store.results(run.id)).cases[0]?.trials[0]?.outputHash;
    expect(lines.filter((line) => line.includes(`"removedOutputHash":"${hash}"`))).toHaveLength(2);
    // As it was written before there was a mark for it.
    const older = lines.map((line) => line.replace(/"removedOutputHash":"[0-9a-f]{64}",/, ''));
    expect(older).not.toEqual(lines);
    for (const file of [lines, older]) {
      const away = await openLedger(join(desk.dir, `away-${file === older}.db`), { create: true });
      const taken = await importSnapshot(away, file);
      expect(await importSnapshot(away, file)).toEqual(taken);
      const work = { ...desk.work, store: away };
      const again = await regradeJob(work, { ref: run.id, cwd: desk.dir, judge: 'mild.yaml' });
      expect(again).toMatchObject({ removed: 2, summary: { ungraded: 2, passRate: 1 } });
      expect((await away.results(run.id)).cases[0]?.trials[0]?.outputHash === hash).toBe(file === lines);
      await away.close();
    }
  });
});
