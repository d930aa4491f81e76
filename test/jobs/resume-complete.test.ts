// An interrupted run that has every trial already: nothing is asked, so nothing that asking needs may be missing.

import { expect, test } from 'vitest';
import { storedSuite, storeRun } from '../../bench/kit/ledgers.ts';
import { SILENT } from '../../src/base/index.ts';
import { resumeRun } from '../../src/engine/arms/run-suite.ts';
import { openWorkplace } from '../../src/engine/workplace/open-workplace.ts';
import type { Workplace } from '../../src/engine/workplace/workplace.ts';
import { temporaryFolder } from '../cli/lastgood.ts';

async function workplace(path: string, signal: AbortSignal, answeredCases = 4): Promise<Workplace> {
  const work = await openWorkplace({
    db: `${path}/ledger.db`,
    environment: {},
    progress: SILENT,
    version: '0',
    node: process.versions.node,
    platform: 'test',
    signal,
    hardSignal: new AbortController().signal,
  });
  await storeRun(work.store, storedSuite('small', 4, 1), {
    id: 'shalted',
    startedAt: '2026-03-15T02:00:00.000Z',
    trials: 1,
    passes: (caseNo) => caseNo !== 2,
    state: 'interrupted',
    answeredCases,
  });
  return work;
}

test('is closed without a key for the model', async () => {
  await using dir = await temporaryFolder();
  const work = await workplace(dir.path, new AbortController().signal);
  const { summary, report } = await resumeRun(work, 'shalted');
  expect(summary).toMatchObject({ state: 'finished', validity: 'valid', answered: 4, plannedTrials: 4 });
  expect(report).toMatchObject({ calls: 0, trials: 0, stoppedBy: null, fatal: null });
  await work.store.close();
});

test('stays open when it is interrupted once more', async () => {
  await using dir = await temporaryFolder();
  const work = await workplace(dir.path, AbortSignal.abort());
  const { summary, report } = await resumeRun(work, 'shalted');
  expect(report.stoppedBy).toBe('cancelled');
  expect(summary.state).toBe('interrupted');
  await work.store.close();
});

test('is asked for its key where a single trial is missing', async () => {
  await using dir = await temporaryFolder();
  const work = await workplace(dir.path, new AbortController().signal, 3);
  await expect(resumeRun(work, 'shalted')).rejects.toMatchObject({
    message: expect.stringContaining('OPENAI_API_KEY'),
  });
  expect(await work.store.resolve('shalted', { now: new Date() })).toMatchObject({ state: 'interrupted' });
  await work.store.close();
});
