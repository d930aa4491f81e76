// The drill command: which suite, which release, on what, and the newest record of earlier drills.

import { access } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { LastgoodError, shortHash } from '../../base/index.ts';
import { type DrillReport, type Release, wholeRelease } from '../../core/index.ts';
import type { ReleaseTicket } from '../../core/ticket.ts';
import type { RunSettings } from '../../engine/arms/run-suite.ts';
import { ageInDays, newestDrill } from '../../engine/records/drill-record.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { findReleaseFile, findSuiteFile, findTicketFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/index.ts';
import { parseTicket } from '../../rollout/index.ts';
import { currentOf, type RegistryPlace, registryOf } from '../../rollout/registry.ts';
import { loadSuite } from '../../suite/index.ts';
import { knownPlace } from '../registry/set-pointer.ts';
import { suiteName } from '../rollback/rollback-job.ts';
import { runDrill } from './drill.ts';
import { type FlipPlace, refuseProduction, refuseUnfit } from './flip-flags.ts';

export interface DrillJobInput {
  readonly suite: string;
  readonly cwd: string;
  /** What runs in production; default: the release of the suite's baseline. */
  readonly release?: string | undefined;
  /** A staging release: calls go where it says. */
  readonly staging?: string | undefined;
  /** Default: `scenario.yaml` beside the suite. */
  readonly scenario?: string | undefined;
  /** Flip the flags of an environment as well. */
  readonly flips?:
    | (Omit<FlipPlace, 'feature' | 'ticket' | 'cwd'> & { readonly feature: string | undefined })
    | undefined;
  readonly settings: RunSettings;
}

export async function drillJob(work: Workplace, input: DrillJobInput): Promise<DrillReport> {
  if (input.flips !== undefined) return drillWithFlips(work, input, input.flips);
  const suite = await loadSuite(await findSuiteFile(input.suite, input.cwd));
  if (input.staging !== undefined) {
    const release = await loadRelease(await findReleaseFile(input.staging, input.cwd));
    return runDrill(work, {
      suite,
      release,
      releaseFrom: input.staging,
      scenarioFile: null,
      settings: input.settings,
    });
  }
  const scenarioFile = await scenarioOf(input, suite.file);
  const { release, from } = await productionOf(work, input, suite.name);
  return runDrill(work, { suite, release, releaseFrom: from, scenarioFile, settings: input.settings });
}

/** The suite and feature of a ticket, or a suite and the feature that the registry has for it. */
async function drillWithFlips(
  work: Workplace,
  input: DrillJobInput,
  asked: NonNullable<DrillJobInput['flips']>,
): Promise<DrillReport> {
  const { cwd } = input;
  const { environment } = asked;
  refuseProduction(environment);
  const places = registryOf(await asked.shipping.changes(0));
  const named = await suiteFile(input.suite, cwd);
  // What is no suite is a feature, whose ticket names its suite.
  const first = asked.feature ?? (named === null ? input.suite : null);
  const ofName = first === null ? null : await ticketOf(first, cwd);
  const suite = await loadSuite(named ?? (await findSuiteFile(ofName?.suite ?? input.suite, cwd)));
  const feature =
    ofName?.feature ??
    first ??
    featureOfSuite(places, { suite: suite.name, environment, asked: input.suite });
  const ticket = ofName ?? (await ticketOf(feature, cwd));
  const flips: FlipPlace = { ...asked, feature, ticket, cwd };
  const { settings } = input;
  if (input.staging !== undefined) {
    const release = await loadRelease(await findReleaseFile(input.staging, cwd));
    return runDrill(work, {
      ...{ suite, release, releaseFrom: input.staging, scenarioFile: null, flips, settings },
    });
  }
  const { release, from } =
    input.release === undefined
      ? await inForce(work, { places, feature, environment })
      : await productionOf(work, input, suite.name);
  await refuseUnfit(work, flips, release.fingerprint);
  const scenarioFile = await scenarioOf(input, suite.file);
  return runDrill(work, { suite, release, releaseFrom: from, scenarioFile, flips, settings });
}

async function ticketOf(asked: string, cwd: string): Promise<ReleaseTicket | null> {
  try {
    const file = await findTicketFile(asked, cwd);
    return parseTicket(await readText(file), file);
  } catch (error) {
    if (error instanceof LastgoodError && error.code === 'TICKET_NOT_FOUND') return null;
    throw error;
  }
}

/** Null where there is no such suite. */
async function suiteFile(asked: string, cwd: string): Promise<string | null> {
  try {
    return await findSuiteFile(asked, cwd);
  } catch (error) {
    if (error instanceof LastgoodError && error.code === 'SUITE_NOT_FOUND') return null;
    throw error;
  }
}

function featureOfSuite(
  places: readonly RegistryPlace[],
  {
    suite,
    environment,
    asked,
  }: { readonly suite: string; readonly environment: string; readonly asked: string },
): string {
  const all = places.filter((p) => p.environment === environment && currentOf(p).suite === suite);
  const alike = all.filter((p) => p.feature === asked);
  const found = alike.length === 1 ? alike : all;
  const [only] = found;
  if (only !== undefined && found.length === 1) return only.feature;
  throw new LastgoodError({
    code: 'DRILL_ENVIRONMENT',
    message:
      only === undefined
        ? `no feature of the suite ${suite} points to a release in ${environment}`
        : `${found.length} features of the suite ${suite} are in ${environment}: ${found.map((p) => p.feature).join(', ')}`,
    hint:
      only === undefined
        ? `lastgood registry set FEATURE RELEASE --suite ${suite} --environment ${environment}`
        : 'name one: --feature NAME',
    exitCode: 3,
  });
}

/** What the environment points to, as the ledger knows it. */
async function inForce(
  work: Workplace,
  at: { readonly places: readonly RegistryPlace[]; readonly feature: string; readonly environment: string },
): Promise<{ readonly release: Release; readonly from: string }> {
  const pointer = currentOf(knownPlace(at.places, at.feature, at.environment));
  const snapshot = (await work.store.list({ fingerprint: pointer.fingerprint }))[0]?.id;
  if (snapshot === undefined)
    throw new LastgoodError({
      code: 'NO_RELEASE',
      message: `${pointer.release} ${shortHash(pointer.fingerprint)}, which ${at.feature} points to in ${at.environment}, was never run with this ledger`,
      hint: 'pass --release FILE with that release',
    });
  const release = wholeRelease(await work.store.releaseOf(snapshot), 'rehearsed');
  return { release, from: `registry of ${at.environment}` };
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
