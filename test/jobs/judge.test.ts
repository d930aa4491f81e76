// Whose fault is it? Judges that flip, drift, fail or vote, on a real ledger with a subject that never changes.

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/index.ts';
import { panelOf } from '../../src/core/index.ts';
import { resumeRun } from '../../src/engine/arms/run-suite.ts';
import { compareStored } from '../../src/engine/comparison/compare-stored.ts';
import { judgeNote } from '../../src/engine/examiners/judge-note.ts';
import { calibrationOf } from '../../src/engine/examiners/stored-calibration.ts';
import { judgeCheck } from '../../src/jobs/judge/judge-check.ts';
import { judgeCalibrateJob, judgePreferJob, judgeSentinelJob } from '../../src/jobs/judge/judge-job.ts';
import { runSentinel } from '../../src/jobs/judge/judge-sentinel.ts';
import { regrade } from '../../src/jobs/regrade/regrade.ts';
import { exportSnapshot, importSnapshot, openLedger } from '../../src/ledger/index.ts';
import { judgeSays, verdicts } from '../grade/support-desk.ts';
import { type Desk, failing, refundDesk, ruled, SUITE, whole } from './refund-desk.ts';

const PITIES = (candidate: string): string => (candidate.includes('sorry') ? 'yes' : 'no');

/** Another text every night, of the same quality: nothing is remembered from the night before. */
function nightly(desk: Desk): void {
  let night = 0;
  const subject = desk.subject;
  const run = desk.run;
  desk.subject = (id, trial) => `${subject(id, trial)} (night ${night}, ${trial})`;
  Object.assign(desk, {
    run: (...args: Parameters<Desk['run']>) => {
      night++;
      return run(...args);
    },
  });
}

describe('a panel and votes', () => {
  it('decide by majority; every vote is kept and every judge is part of the exam', async () => {
    const desk = await refundDesk(3);
    desk.judges['new'] = (candidate) => (candidate.includes('ticket-1') ? 'no' : 'yes');
    await desk.write('suite.yaml', SUITE(3, 'panel: [strict.yaml, mild.yaml, new.yaml]\n'));
    const run = await desk.run();
    expect(run).toMatchObject({ passRate: 1, ungraded: 0 });
    expect(desk.calls).toMatchObject({ strict: 3, mild: 3, new: 3 });

    const grades: JsonObject[] = [];
    for await (const stored of desk.work.store.trials(run.id, 'ticket-1'))
      grades.push(stored.grades[0]?.details as JsonObject);
    expect(grades[0]).toMatchObject({ borderline: true, criteria: [{ agreement: 2 / 3 }] });
    const judge = await desk.work.store.releaseOf(run.id, 'judge');
    const members = panelOf(judge).judges;
    expect(((grades[0]?.['votes'] ?? []) as readonly JsonObject[]).map((v) => v['judge']).sort()).toEqual(
      members.map((m) => m.fingerprint.slice(0, 12)).sort(),
    );
    expect(run.findings).toContainEqual(
      expect.objectContaining({
        code: 'BORDERLINE',
        message: expect.stringContaining('2 trials (ticket-1)'),
      }),
    );

    const judgeOf = async (extra: string): Promise<string | undefined> => {
      await desk.write('suite.yaml', SUITE(3, extra));
      return (await desk.assignment()).judge?.fingerprint;
    };
    const same = await judgeOf('panel: [new.yaml, strict.yaml, mild.yaml]\n');
    const two = await judgeOf('panel: [strict.yaml, mild.yaml]\n');
    const one = await judgeOf('judge: strict.yaml\n');
    const thrice = await judgeOf('judge: { release: strict.yaml, votes: 3 }\n');
    const once = await judgeOf('judge: { release: strict.yaml, votes: 1 }\n');
    expect(same).toBe(judge.fingerprint);
    expect(once).toBe(one);
    expect(new Set([same, two, one, thrice]).size).toBe(4);
  });

  it('of one judge are asked as often as the suite says, or the command line', async () => {
    const desk = await refundDesk(2);
    desk.judges['strict'] = (_candidate, _criterion, call) => (call % 3 === 0 ? 'no' : 'yes');
    await desk.write('suite.yaml', SUITE(2, 'judge: { release: strict.yaml, votes: 3 }\n'));
    const three = await desk.run();
    expect(desk.calls['strict']).toBe(6);
    const five = await desk.run({ judgeVotes: 5 });
    // The first three votes on each text are remembered.
    expect(desk.calls['strict']).toBe(10);
    expect(five.exam).not.toBe(three.exam);
    expect((await compareStored(desk.work, three, five)).verdict).toBe('invalid');
    expect(panelOf(await desk.work.store.releaseOf(five.id, 'judge'))).toMatchObject({ votes: 5 });
  });

  it('survive resuming, re-grading, export and import', async () => {
    const desk = await refundDesk(2);
    await desk.write('suite.yaml', SUITE(2, 'panel: [strict.yaml, mild.yaml]\n'));
    const run = await desk.run();
    const again = await regrade(desk.work, { source: run, judgeVotes: 2 });
    expect(again.summary).toMatchObject({ passRate: 1, ungraded: 0 });
    expect(desk.calls).toMatchObject({ strict: 4, mild: 4 });
    await expect(resumeRun(desk.work, run.id)).rejects.toMatchObject({ code: 'SNAPSHOT_FINISHED' });
    await expect(resumeRun(desk.work, again.summary.id)).rejects.toMatchObject({ code: 'RESUME_REGRADE' });

    const other = await openLedger(join(desk.dir, 'other.db'), { create: true });
    try {
      await importSnapshot(other, exportSnapshot(desk.work.store, again.summary.id));
      expect(await other.suiteOf(again.summary.id)).toEqual(await desk.work.store.suiteOf(again.summary.id));
      expect(panelOf(await other.releaseOf(again.summary.id, 'judge'))).toMatchObject({ votes: 2 });
    } finally {
      await other.close();
    }
  });
});

describe('judge check', () => {
  it('finds what flips on identical texts, and keeps the figures', async () => {
    const desk = await refundDesk(4);
    const run = await desk.run();
    let turn = 0;
    desk.judges['strict'] = (candidate) =>
      candidate.includes('ticket-2') && turn++ % 2 === 0 ? 'no' : 'yes';
    const cached = desk.calls['strict'] ?? 0;
    const found = await judgeCheck(desk.work, { snapshot: run, times: 4 });
    expect(found).toMatchObject({ outputs: 4, times: 4, judgeCalls: 16, ungraded: {} });
    expect((desk.calls['strict'] ?? 0) - cached).toBe(16);
    expect(found.straddling).toEqual([
      { caseId: 'ticket-2', trial: 0, passes: [false, true, false, true], scores: [0, 1, 0, 1] },
    ]);
    // One output of four: 2·2·2 / (4·3) = 2/3, over four outputs 1/6; its variance 1/3, pooled over 12 degrees of freedom 1/12.
    expect(found.flipRate).toBeCloseTo(1 / 6, 12);
    expect(found.scoreSd).toBeCloseTo(Math.sqrt(1 / 12), 12);
    expect(await desk.work.store.records('judge-check')).toHaveLength(1);
    // What was asked in a check is not remembered: the grades of a run do not depend on it.
    expect((await regrade(desk.work, { source: run })).existed).toBe(true);
  });

  it('counts judgings without a grade apart', async () => {
    const desk = await refundDesk(2);
    const run = await desk.run();
    desk.judges['strict'] = whole(() => failing({ retryable: false }));
    expect(await judgeCheck(desk.work, { snapshot: run, times: 2 })).toMatchObject({
      flipRate: null,
      scoreSd: null,
      straddling: [],
      ungraded: { judge_error: 4 },
    });
  });
});

describe('the sentinel', () => {
  it('names the judge as the cause when it drifts, and re-grading the baseline shows that nothing else changed', async () => {
    const desk = await refundDesk(40);
    nightly(desk);
    const baseline = await desk.run();
    const quiet = await desk.run();
    expect((await compareStored(desk.work, baseline, quiet)).verdict).toBe('unchanged');
    expect(await runSentinel(desk.work, { baseline })).toMatchObject({ verdict: 'steady', p: 1 });

    // Without a word, the same judge finds fault with every second ticket.
    desk.judges['strict'] = (candidate) => (/ticket-\d*[02468]\b/.test(candidate) ? 'no' : PITIES(candidate));
    const after = await desk.run();
    const alarm = await compareStored(desk.work, baseline, after);
    expect(alarm.verdict).toBe('regressed');
    const bot = desk.calls['bot'];
    const sentinel = await runSentinel(desk.work, { baseline, n: 30 });
    expect(sentinel).toMatchObject({
      verdict: 'drifted',
      direction: 'stricter',
      compared: 30,
      failToPass: 0,
    });
    expect(sentinel.sentence).toMatch(/^the judge drifted, it is stricter than it was/);

    const fresh = await regrade(desk.work, { source: baseline, fresh: true });
    const truth = await compareStored(desk.work, fresh.summary, after);
    expect(truth.counts.regressed).toBe(0);
    expect(truth.overall.delta).toBe(0);
    expect(desk.calls['bot']).toBe(bot);
  });

  it('clears the judge when it is the subject that changed', async () => {
    const desk = await refundDesk(40);
    nightly(desk);
    const baseline = await desk.run();
    const subject = desk.subject;
    desk.subject = (id, trial) => (/[02468]$/.test(id) ? 'No.' : subject(id, trial));
    const after = await desk.run();
    expect((await compareStored(desk.work, baseline, after)).verdict).toBe('regressed');
    expect(await runSentinel(desk.work, { baseline })).toMatchObject({ verdict: 'steady' });
  });

  it('says nothing about a judge that does not answer, and refuses another judge', async () => {
    const desk = await refundDesk(4);
    const baseline = await desk.run();
    desk.judges['strict'] = whole(() => failing({ retryable: false }));
    expect(await runSentinel(desk.work, { baseline })).toMatchObject({ verdict: 'unknown', compared: 0 });
    await expect(
      judgeSentinelJob(desk.work, { ref: baseline.id, cwd: desk.dir, judge: 'mild.yaml' }),
    ).rejects.toMatchObject({ code: 'JUDGE_OTHER' });
  });
});

describe('an outage of the judge', () => {
  it('that takes 30 % of its calls regresses nothing: the verdict is inconclusive, with counts and reasons', async () => {
    const desk = await refundDesk(60);
    nightly(desk);
    const baseline = await desk.run();
    desk.judges['strict'] = whole((request, call) => {
      const number = Number(/ticket-(\d+)/.exec(request.messages[1]?.content ?? '')?.[1]);
      switch (number % 10) {
        case 0:
          return failing({ retryable: false, httpStatus: 500 });
        case 1:
          return failing({
            retryable: false,
            cause: 'timeout',
            code: 'timeout',
            message: 'no answer in time',
          });
        case 2: {
          const reply = ruled(request, () => 'yes', call);
          return reply.kind === 'answered'
            ? { ...reply, output: { text: '{"criteria": [', toolCalls: [] } }
            : reply;
        }
        default:
          return ruled(request, PITIES, call);
      }
    });
    const after = await desk.run();
    expect(after).toMatchObject({ ungraded: 36, answered: 120, validity: 'degraded' });
    const comparison = await compareStored(desk.work, baseline, after);
    expect(comparison).toMatchObject({ verdict: 'inconclusive', counts: { regressed: 0, ungraded: 18 } });
    expect(comparison.gate.outcome).not.toBe('pass');
    expect(comparison.reason).toContain('36 judge_error');
    expect(comparison.coverage.missing.candidate).toMatchObject({
      missing: 36,
      byReason: { judge_error: 36 },
    });
    expect(comparison.flips.passToFail).toBe(0);
  });
});

describe('judge calibrate', () => {
  it('holds verdicts on frozen outputs against labels, is kept for the judge and shown in every report', async () => {
    const desk = await refundDesk(60);
    desk.subject = (id, trial) =>
      Number(id.slice(7)) % 2 === 0 ? `Sorry? No, ${trial}.` : `So sorry about ${id}, ${trial}.`;
    const run = await desk.run();
    expect(await judgeNote(desk.work.store, run.judge)).toMatch(/^judge [0-9a-f]{12} uncalibrated/);
    expect((await compareStored(desk.work, run, await desk.run())).notes.join()).toContain('uncalibrated');
    const rows = Array.from({ length: 60 }, (_, i) => ({
      case: `ticket-${i}`,
      trial: 0,
      human1: i % 2 === 0 ? 'fail' : 'pass',
      human2: i % 2 === 0 && i !== 4 ? 'fail' : 'pass',
      human3: i % 2 === 0 ? 'fail' : 'pass',
    }));
    await desk.write('labels.jsonl', rows.map((row) => JSON.stringify(row)).join('\n'));
    const found = await judgeCalibrateJob(desk.work, {
      labels: join(desk.dir, 'labels.jsonl'),
      snapshot: run.id,
      cwd: desk.dir,
    });
    expect(found.judge).toBe(run.judge);
    expect(found.calibration).toMatchObject({
      items: 60,
      raters: 3,
      agreement: 1,
      mayGate: true,
      corrected: { observed: 0.5, value: 0.5 },
    });
    expect(await calibrationOf(desk.work.store, run.judge ?? '')).toMatchObject({ at: found.at });
    const note = await judgeNote(desk.work.store, run.judge);
    expect(note).toMatch(
      /^judge [0-9a-f]{12}: J 1\.00 \[0\.\d\d, 1\.\d\d\], κ 1\.00, AC1 1\.00 on 60 labels, 2026-03-0\d$/,
    );
    expect((await compareStored(desk.work, run, await desk.run())).notes).toContain(note);

    // Another judge on the same labels: its verdicts are made first, and its calibration is its own.
    desk.judges['mild'] = () => 'yes';
    const mild = await judgeCalibrateJob(desk.work, {
      labels: join(desk.dir, 'labels.jsonl'),
      snapshot: run.id,
      judge: 'mild.yaml',
      cwd: desk.dir,
    });
    expect(mild.judge).not.toBe(found.judge);
    expect(mild.calibration).toMatchObject({ mayGate: false, specificity: { value: 0 } });
    expect(await judgeNote(desk.work.store, mild.judge)).toContain('should warn, not decide');
  });

  it('reads recorded verdicts from CSV and names the column or row that is wrong', async () => {
    const desk = await refundDesk(1);
    const calibrateFile = (text: string, columns = {}): ReturnType<typeof judgeCalibrateJob> =>
      desk
        .write('labels.csv', text)
        .then(() =>
          judgeCalibrateJob(desk.work, { labels: join(desk.dir, 'labels.csv'), cwd: desk.dir, columns }),
        );
    const found = await calibrateFile('id,human,judge\n1,yes,Yes!\n2,no,no\n3,no,garbage\n4,yes,\n', {
      alias: { 'Yes!': 'yes' },
      unparsable: ['garbage'],
    });
    expect(found).toMatchObject({ judge: 'recorded:judge', suite: '*' });
    expect(found.calibration).toMatchObject({
      items: 4,
      unparsable: 2,
      labels: ['no', 'yes'],
      agreement: 0.5,
    });
    await expect(calibrateFile('id,humans,judge\n1,yes,yes\n')).rejects.toMatchObject({
      code: 'LABELS_NO_COLUMN',
      hint: 'did you mean "humans"?',
    });
    await expect(calibrateFile('id,human,judge\n1,yes,yes\n2,,no\n')).rejects.toMatchObject({
      code: 'LABELS_NO_LABEL',
      where: { line: 3 },
    });
    await expect(calibrateFile('id,human\n1,yes\n')).rejects.toMatchObject({ code: 'LABELS_NO_VERDICT' });
    await expect(calibrateFile('id,human\n')).rejects.toMatchObject({ code: 'LABELS_EMPTY' });
  });
});

describe('judge prefer', () => {
  const TEXTS =
    /BEGIN first [0-9a-f]+\n([\s\S]*?)\nEND first[\s\S]*BEGIN second [0-9a-f]+\n([\s\S]*?)\nEND second/;
  const prefers = (good: string): ReturnType<typeof whole> =>
    whole((request, call) => {
      const [, first = '', second = ''] = TEXTS.exec(request.messages[1]?.content ?? '') ?? [];
      if (first === '') return ruled(request, PITIES, call);
      const wins = first.includes(good) ? 'first' : second.includes(good) ? 'second' : 'first';
      return judgeSays(verdicts({ pairwise: wins }));
    });

  it('counts what survives the swap of the two answers, and spends no subject call', async () => {
    const desk = await refundDesk(12);
    const baseline = await desk.run();
    desk.subject = (id, trial) => `So sorry about ${id}: refunded at once (${trial}).`;
    const candidate = await desk.run();
    const bot = desk.calls['bot'];
    desk.judges['strict'] = prefers('refunded');
    const found = await judgePreferJob(desk.work, {
      baseline: baseline.id,
      candidate: candidate.id,
      cwd: desk.dir,
    });
    expect(found).toMatchObject({
      verdict: 'better',
      counts: { better: 12, inconsistent: 0 },
      judgeCalls: 24,
    });
    const turned = await judgePreferJob(desk.work, {
      baseline: candidate.id,
      candidate: baseline.id,
      cwd: desk.dir,
    });
    expect(turned).toMatchObject({ verdict: 'worse', counts: { worse: 12 } });
    expect(desk.calls['bot']).toBe(bot);
  });

  it('is neither told nor kept, like a check of the judge, when it is cut off', async () => {
    const desk = await refundDesk(2);
    const run = await desk.run();
    desk.subject = (id) => `Refunded, ${id}.`;
    const other = await desk.run();
    const leaving = { ...desk.work, hardSignal: AbortSignal.abort() };
    const [baseline, candidate, cwd] = [run.id, other.id, desk.dir];
    await expect(judgePreferJob(leaving, { baseline, candidate, cwd })).rejects.toThrow(/abort/);
    await expect(judgeCheck(leaving, { snapshot: run, times: 2 })).rejects.toThrow(/abort/);
    expect(await desk.work.store.records('judge-preference')).toEqual([]);
    expect(await desk.work.store.records('judge-check')).toEqual([]);
  });

  it('is invalid when more than 30 % of the pairs turn with the order', async () => {
    const desk = await refundDesk(10);
    const baseline = await desk.run();
    desk.subject = (id) => `Sorry indeed, ${id}.`;
    const candidate = await desk.run();
    desk.judges['strict'] = prefers('nobody says this');
    const found = await judgePreferJob(desk.work, {
      baseline: baseline.id,
      candidate: candidate.id,
      cwd: desk.dir,
    });
    expect(found).toMatchObject({ verdict: 'invalid', counts: { inconsistent: 10 } });
    const same = await judgePreferJob(desk.work, {
      baseline: baseline.id,
      candidate: baseline.id,
      cwd: desk.dir,
    });
    expect(same).toMatchObject({ verdict: 'no difference shown', counts: { tie: 10 }, p: 1, judgeCalls: 0 });
  });

  it('as a grader leaves such a run with a finding and without a pass', async () => {
    const desk = await refundDesk(10);
    await desk.write('suite.yaml', SUITE(10, '', 'judge: pairwise'));
    desk.judges['strict'] = prefers('nobody says this');
    const run = await desk.run();
    expect(run).toMatchObject({ ungraded: 20, validity: 'invalid', passRate: null });
    expect(run.findings).toContainEqual(expect.objectContaining({ code: 'PAIRWISE_INCONSISTENT' }));
  });
});
