// The drill command: which suite, which release, on what, and the newest record of earlier drills.

import { access } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { LastgoodError } from '../../base/index.ts';
import { type DrillReport, type Release, wholeRelease } from '../../core/index.ts';
import type { RunSettings } from '../../engine/arms/run-suite.ts';
import { ageInDays, newestDrill } from '../../engine/records/drill-record.ts';
import { findReleaseFile, findSuiteFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/index.ts';
import { loadSuite } from '../../suite/index.ts';
import { suiteName } from '../rollback/rollback-job.ts';
import { type DrillRequest, runDrill } from './drill.ts';

export interface DrillJobInput {
  readonly suite: string;
  readonly cwd: string;
  /** What runs in production; default: the release of the suite's baseline. */
  readonly release?: string | undefined;
  /** A staging release: calls go where it says. */
  readonly staging?: string | undefined;
  /** Default: `scenario.yaml` beside the suite. */
  readonly scenario?: string | undefined;
  readonly settings: RunSettings;
}

export async function drillJob(work: Workplace, input: DrillJobInput): Promise<DrillReport> {
  return runDrill(work, await drillRequest(work, input));
}

/** What is to be drilled, with every file read and checked. No call is made. */
export async function drillRequest(work: Workplace, input: DrillJobInput): Promise<DrillRequest> {
  const suite = await loadSuite(await findSuiteFile(input.suite, input.cwd));
  if (input.staging !== undefined) {
    const release = await loadRelease(await findReleaseFile(input.staging, input.cwd));
    return {
      suite,
      release,
      releaseFrom: input.staging,
      scenarioFile: null,
      settings: input.settings,
    };
  }
  const scenarioFile = await scenarioOf(input, suite.file);
  const { release, from } = await productionOf(work, input, suite.name);
  return { suite, release, releaseFrom: from, scenarioFile, settings: input.settings };
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

/** What is in production, and who says so. */
async function productionOf(
  work: Workplace,
  input: DrillJobInput,
  suite: string,
): Promise<{ readonly release: Release; readonly from: string }> {
  if (input.release !== undefined)
    return {
      release: await loadRelease(await findReleaseFile(input.release, input.cwd)),
      from: input.release,
    };
  // Not the newest run: that may be a pull request's, or an experiment.
  const blessed = (await work.store.blessings(suite)).at(-1);
  if (blessed === undefined) {
    throw new LastgoodError({
      code: 'NO_RELEASE',
      message: `no release was named, and no baseline of suite "${suite}" says what is in production`,
      hint: 'pass --release FILE with the release that is in production',
    });
  }
  return {
    release: wholeRelease(await work.store.releaseOf(blessed.snapshot), 'rehearsed'),
    from: `baseline ${blessed.snapshot}`,
  };
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
