// The drill command: which suite, which release, on what, and the newest record of earlier drills.

import { access } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type DrillReport, LastgoodError, type Release } from '../../core/index.ts';
import { loadRelease } from '../../release/index.ts';
import { loadSuite } from '../../suite/index.ts';
import { findReleaseFile, findSuiteFile } from '../project/settings-file.ts';
import type { RunSettings } from '../run/run-suite.ts';
import type { Workplace } from '../workplace.ts';
import { runDrill } from './drill.ts';
import { ageInDays, newestDrill } from './drill-record.ts';
import { suiteName } from './rollback-job.ts';

export interface DrillJobInput {
  readonly suite: string;
  readonly cwd: string;
  /** What runs in production; default: the release of the suite's newest run. */
  readonly release?: string | undefined;
  /** A staging release: calls go where it says. */
  readonly staging?: string | undefined;
  /** Default: `scenario.yaml` beside the suite. */
  readonly scenario?: string | undefined;
  readonly settings: RunSettings;
}

export async function drillJob(work: Workplace, input: DrillJobInput): Promise<DrillReport> {
  const suite = await loadSuite(await findSuiteFile(input.suite, input.cwd));
  if (input.staging !== undefined) {
    const release = await loadRelease(await findReleaseFile(input.staging, input.cwd));
    return runDrill(work, { suite, release, scenarioFile: null, settings: input.settings });
  }
  const scenarioFile = await scenarioOf(input, suite.file);
  const release = await releaseOf(work, input, suite.name);
  return runDrill(work, { suite, release, scenarioFile, settings: input.settings });
}

async function scenarioOf(input: DrillJobInput, suiteFile: string | null): Promise<string> {
  if (input.scenario !== undefined) return resolve(input.cwd, input.scenario);
  const beside = suiteFile === null ? null : join(dirname(suiteFile), 'scenario.yaml');
  if (
    beside !== null &&
    (await access(beside).then(
      () => true,
      () => false,
    ))
  )
    return beside;
  throw new LastgoodError({
    code: 'DRILL_NOWHERE',
    message: 'there is no scenario.yaml beside the suite, so there is no simulator to rehearse on',
    hint: 'drill on staging: --staging RELEASE, or name a scenario: --scenario FILE',
  });
}

async function releaseOf(work: Workplace, input: DrillJobInput, suite: string): Promise<Release> {
  if (input.release !== undefined) return loadRelease(await findReleaseFile(input.release, input.cwd));
  const newest = (await work.store.list({ suite, purposes: ['run'], limit: 1 }))[0];
  if (newest === undefined) {
    throw new LastgoodError({
      code: 'NO_RELEASE',
      message: `no release was named, and the ledger holds no run of suite "${suite}" to take it from`,
      hint: 'pass --release FILE',
    });
  }
  return work.store.releaseOf(newest.id);
}

/** The newest drill of a suite and its age in days; null when there never was one. */
export async function lastDrillReport(
  work: Workplace,
  asked: string,
  cwd: string,
): Promise<{ report: DrillReport; ageDays: number } | null> {
  const record = await newestDrill(work, await suiteName(work, asked, cwd));
  return record === null
    ? null
    : {
        report: record.body as unknown as DrillReport,
        ageDays: ageInDays(record.at, work.clock.now()),
      };
}
