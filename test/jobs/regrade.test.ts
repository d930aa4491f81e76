// Re-grading stored outputs: another examiner, the same answers, not one call to the subject.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { formatError, LastgoodError } from '../../src/base/index.ts';
import type { PairedDelta, Provider, Release } from '../../src/core/index.ts';
import { runSuite } from '../../src/engine/arms/run-suite.ts';
import { compareStored } from '../../src/engine/comparison/compare-stored.ts';
import { diffJob } from '../../src/jobs/compare/diff-job.ts';
import { regradeAs } from '../../src/jobs/regrade/regrade.ts';
import { regradeJob } from '../../src/jobs/regrade/regrade-job.ts';
import { type Desk, refundDesk, SUITE } from './refund-desk.ts';

const NOBODY_IS_KIND = (): string => 'no';

const regradeWith = (
  desk: Desk,
  ref: string,
  more: { judge?: string; suite?: string; fresh?: boolean; judgeVotes?: number },
) => regradeJob(desk.work, { ref, cwd: desk.dir, ...more });

async function outputsOf(desk: Desk, id: string): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const { trial } of desk.work.store.trials(id)) found.push(trial);
  return found;
}

describe('regrade', () => {
  it('makes a new snapshot with the same outputs, other grades, and leaves the old one alone', async () => {
    const desk = await refundDesk();
    desk.judges['mild'] = NOBODY_IS_KIND;
    const run = await desk.run();
    const before = await desk.work.store.results(run.id);
    const subjectCalls = desk.calls['bot'];
    desk.later(3_600_000);

    const { changed, judgeCalls, summary } = await regradeWith(desk, 'latest', { judge: 'mild.yaml' });

    expect(desk.calls['bot']).toBe(subjectCalls);
    // Each bot gives one answer twice, and one text is one question.
    expect(judgeCalls).toBe(6);
    expect(changed).toBe(12);
    expect(summary).toMatchObject({
      purpose: 'regrade',
      labels: { 'regrade-of': run.id },
      startedAt: run.startedAt,
      fingerprint: run.fingerprint,
      validity: 'valid',
      state: 'finished',
      passRate: 0,
      trials: 12,
      answered: 12,
      calls: run.calls,
    });
    expect(summary.exam).not.toBe(run.exam);
    expect(await outputsOf(desk, summary.id)).toEqual(await outputsOf(desk, run.id));
    expect(await desk.work.store.results(run.id)).toEqual(before);
  });

  it('is found by its id and by nothing that means a run', async () => {
    const desk = await refundDesk();
    const run = await desk.run({ labels: { night: 'one' } });
    const { summary } = await regradeWith(desk, run.id, { judge: 'mild.yaml' });
    const { store } = desk.work;
    const now = desk.work.clock.now();
    expect((await store.resolve(summary.id.slice(0, 8), { now })).id).toBe(summary.id);
    for (const ref of ['latest', '@2026-03-20', 'label:night=one'])
      expect((await store.resolve(ref, { suite: 'refund-bot', now })).id).toBe(run.id);
    expect((await store.resolve(`label:regrade-of=${run.id}`, { now })).id).toBe(summary.id);
  });

  it('pays nothing twice: the same exam again is the snapshot that is there', async () => {
    const desk = await refundDesk();
    const run = await desk.run();
    const first = await regradeWith(desk, run.id, { judge: 'mild.yaml' });
    const calls = { ...desk.calls };
    const again = await regradeWith(desk, run.id, { judge: 'mild.yaml' });
    expect(again).toMatchObject({ existed: true, judgeCalls: 0, summary: { id: first.summary.id } });
    expect((await regradeWith(desk, run.id, {})).summary.id).toBe(run.id);
    // Back to the first judge, from the re-graded one: its verdicts are remembered.
    const back = await regradeWith(desk, first.summary.id, { judge: 'strict.yaml' });
    expect(back).toMatchObject({
      existed: false,
      judgeCalls: 0,
      summary: { labels: { 'regrade-of': run.id }, exam: run.exam },
    });
    expect(desk.calls).toEqual(calls);
    expect((await regradeWith(desk, run.id, { fresh: true })).judgeCalls).toBe(6);
  });

  it('takes the suite file of today for cases whose content is the same, and names the others', async () => {
    const desk = await refundDesk(4);
    const run = await desk.run();
    await desk.write(
      'suite.yaml',
      SUITE(5, '', 'max-length: 8')
        .replace('Parcel 1 is late', 'Parcel 1 is lost')
        .replace(/ {2}- \{ id: ticket-2,.*\n/, ''),
    );
    const { leftOut, summary } = await regradeWith(desk, run.id, { suite: join(desk.dir, 'suite.yaml') });
    expect(leftOut).toEqual([
      { caseId: 'ticket-1', why: 'content changed' },
      { caseId: 'ticket-2', why: 'not in the suite any more' },
      { caseId: 'ticket-4', why: 'new in the suite, never run' },
    ]);
    expect(summary).toMatchObject({ cases: 2, trials: 4, passRate: 0, judge: null, judgeCostUsd: 0 });
    expect(summary.findings[0]?.message).toContain('3 cases left out');
  });

  it('refuses what is not finished, what is of another suite and what nothing is left of', async () => {
    const desk = await refundDesk(2);
    const run = await desk.run();
    const refusal = async (more: { suite: string }): Promise<string> => {
      const error = await regradeWith(desk, run.id, more).catch((e: unknown) => e);
      return error instanceof LastgoodError ? formatError(error) : String(error);
    };
    await desk.write('other.yaml', SUITE(2).replace('name: refund-bot', 'name: release-notes'));
    await desk.write('lost.yaml', SUITE(2).replaceAll('is late', 'is lost'));
    const stopped = AbortSignal.abort();
    const { summary } = await runSuite({ ...desk.work, signal: stopped }, await desk.assignment());
    expect(summary.state).toBe('interrupted');
    await expect(regradeWith(desk, summary.id, {})).rejects.toMatchObject({
      code: 'REGRADE_UNFINISHED',
      hint: `finish it first: lastgood run --resume ${summary.id}`,
    });
    // A reference is looked up in the suite that is named.
    expect(await refusal({ suite: join(desk.dir, 'other.yaml') })).toContain('REGRADE_OTHER_SUITE');
    expect(await refusal({ suite: join(desk.dir, 'lost.yaml') })).toContain('REGRADE_NOTHING');
  });

  it('retries only what could not be graded', async () => {
    const desk = await refundDesk(3);
    desk.judges['strict'] = (candidate: string) => (candidate.includes('ticket-1') ? 'perhaps' : 'yes');
    const run = await desk.run();
    expect(run).toMatchObject({ ungraded: 2 });
    desk.judges['strict'] = () => 'yes';
    const asked = desk.calls['strict'] ?? 0;
    const { summary } = await regradeWith(desk, run.id, {});
    expect(summary).toMatchObject({ ungraded: 0, passRate: 1, exam: run.exam, validity: 'valid' });
    // One text, so one question: the second trial waits for the first one's verdict.
    expect((desk.calls['strict'] ?? 0) - asked).toBe(1);
  });

  it('gets a judge ready only when there is something to ask it', async () => {
    const desk = await refundDesk(3);
    const run = await desk.run();
    let readied = 0;
    const providerFor = async (release: Release) => ({
      ...((await desk.work.providerFor?.(release)) as Provider),
      ready: async () => void readied++,
    });
    const work = { ...desk.work, providerFor };
    // Another exam of the same questions: one more grader, which asks nobody.
    await desk.write('longer.yaml', SUITE(3).replace(' }] }\ncases', ' }, { max-length: 4000 }] }\ncases'));
    const suite = join(desk.dir, 'longer.yaml');
    const remembered = await regradeJob(work, { ref: run.id, cwd: desk.dir, suite });
    expect(remembered).toMatchObject({ existed: false, judgeCalls: 0, changed: 0, summary: { trials: 6 } });
    expect(remembered.summary.exam).not.toBe(run.exam);
    expect(readied).toBe(0);
    const fresh = await regradeJob(work, { ref: run.id, cwd: desk.dir, suite, fresh: true });
    expect(fresh.judgeCalls).toBe(3);
    expect(readied).toBeGreaterThan(0);
  });

  it('keeps failed trials failed', async () => {
    const desk = await refundDesk(2);
    const run = await desk.run({ maxCalls: 3, purpose: 'compare' });
    const { summary } = await regradeWith(desk, run.id, { judge: 'mild.yaml' });
    expect(summary).toMatchObject({ answered: 3, skipped: 1, validity: 'degraded' });
  });
});

describe('two exams', () => {
  it('are refused case by case with the complete command, and compared once the baseline is re-graded', async () => {
    const desk = await refundDesk();
    const a = await desk.run();
    desk.judges['mild'] = (candidate: string) => (candidate.includes('sorry about ticket-0') ? 'no' : 'yes');
    await desk.write('suite.yaml', SUITE(6, 'judge: mild.yaml\n'));
    const b = await desk.run();

    const refused = await diffJob(desk.work, { baseline: a.id, candidate: b.id });
    expect(refused.comparison).toMatchObject({ verdict: 'invalid', counts: { edited: 6 } });
    expect(refused.comparison.reason).toContain(`\`lastgood regrade ${a.id} --judge FILE\``);
    expect(refused.next).toBe(`lastgood diff ${a.id} ${b.id} --regrade-baseline`);

    const subjectCalls = desk.calls['bot'];
    const { comparison } = await diffJob(desk.work, {
      baseline: a.id,
      candidate: b.id,
      regradeBaseline: true,
    });
    expect(desk.calls['bot']).toBe(subjectCalls);
    expect(comparison.counts).toMatchObject({ edited: 0, regressed: 0, improved: 0 });
    expect(comparison.overall.delta).toBe(0);
    const first = comparison.cases.find((c): c is PairedDelta => c.id === 'ticket-0');
    expect(first?.baseline).toMatchObject({ passed: 0, trials: 2 });
  });

  it('stay apart where the case itself changed, also after re-grading', async () => {
    const desk = await refundDesk(4);
    const a = await desk.run();
    await desk.write(
      'suite.yaml',
      SUITE(4, 'judge: mild.yaml\n')
        .replace('Parcel 1 is late', 'Parcel 1 is lost')
        .replace(/ {2}- \{ id: ticket-2,.*\n/, ''),
    );
    const b = await desk.run();
    const { summary } = await regradeAs(desk.work, a, b);
    const comparison = await compareStored(desk.work, summary, b);
    expect(comparison.counts).toMatchObject({ edited: 1, removed: 1 });
    expect(comparison.coverage).toMatchObject({ edited: ['ticket-1'], removed: ['ticket-2'], paired: 2 });
  });
});
