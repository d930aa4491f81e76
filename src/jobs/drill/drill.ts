// Rehearses the rollback path before it is needed: every step is done for real on a stand-in, timed, and must be proven.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LastgoodError, shortHash, withOwnFile } from '../../base/index.ts';
import {
  changedLayers,
  type DrillCheck,
  type DrillFlips,
  type DrillProof,
  type DrillReport,
  type FlagTest,
  fingerprintLayers,
  hybridRelease,
  type Layers,
  programsOf,
  type Release,
  type SnapshotResults,
  type Suite,
  wholeRelease,
} from '../../core/index.ts';
import { type RunSettings, runSuite } from '../../engine/arms/run-suite.ts';
import { findPool } from '../../engine/comparison/find-pool.ts';
import { loadExaminers } from '../../engine/examiners/load-examiners.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease, releaseToYaml } from '../../release/index.ts';
import { writeRelease } from '../rollback/rollback-plan.ts';
import { answersHold, noToolCalls, nothingLost, readOnlyCases } from './drill-checks.ts';
import { type DrillPlace, openDrillPlace } from './drill-place.ts';
import { type FlipPlace, type Flipped, flipFlag, flipRelease, refuseUnfit } from './flip-flags.ts';

/** Every step must be proven within this time. */
const DRILL_LIMIT_MS = 15 * 60_000;

export interface DrillRequest {
  readonly suite: Suite;
  /** What runs in production (simulator) or on staging. */
  readonly release: Release;
  /** Who says that this is what runs: a file, or the baseline. */
  readonly releaseFrom: string;
  /** A scenario file: calls go to a simulator of it. null: calls go where the release says (staging). */
  readonly scenarioFile: string | null;
  /** Flips real flags of a staging environment as well; absent = none. */
  readonly flips?: FlipPlace | undefined;
  readonly settings?: RunSettings;
}

interface Stage {
  readonly work: Workplace;
  readonly request: DrillRequest;
  readonly place: DrillPlace;
  readonly folder: string;
  /** Gathers what was flipped. */
  readonly tests: FlagTest[];
  /** What was good, and its runs (the blessed one first), where the ledger has a baseline. */
  readonly good: {
    readonly release: Release;
    readonly pool: readonly SnapshotResults[];
    readonly id: string;
  } | null;
}

/** Runs the three proofs one after the other and keeps the record. */
export async function runDrill(work: Workplace, request: DrillRequest): Promise<DrillReport> {
  const { suite, release, flips } = request;
  if (flips !== undefined) await refuseUnfit(work, flips, release.fingerprint);
  const started = work.clock.now();
  const place = await openDrillPlace(work, request);
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-drill-'));
  let calls = 0;
  const proofs: DrillProof[] = [];
  const tests: FlagTest[] = [];
  try {
    const good = await goodOf(work, suite.name);
    const stage: Stage = { work: place.work, request, place, folder, tests, good };
    for (const step of [restoreStep, toolsOffStep, reviewStep]) {
      const { proof, calls: more } = await prove(stage, step(stage));
      proofs.push(proof);
      calls += more;
    }
  } finally {
    await place.close();
    await rm(folder, { recursive: true, force: true });
  }
  const report: DrillReport = {
    schemaVersion: 1,
    kind: 'drill',
    suite: suite.name,
    release: release.name,
    fingerprint: release.fingerprint,
    releaseFrom: request.releaseFrom,
    where: place.where,
    at: started.toISOString(),
    outcome: worstOf(proofs.map((p) => p.outcome)),
    limitMs: DRILL_LIMIT_MS,
    proofs,
    ...(flips === undefined ? {} : { flips: flipsOf(flips, tests) }),
    callsSpent: calls,
  };
  await work.store.keepRecord({ kind: 'drill', suite: suite.name, at: report.at, body: report as never });
  return report;
}

function flipsOf({ feature, environment, through }: FlipPlace, tests: readonly FlagTest[]): DrillFlips {
  return { feature, environment, through, tests };
}

/** Never better than the worst step. */
function worstOf(steps: readonly DrillProof['outcome'][]): DrillReport['outcome'] {
  if (steps.includes('failed')) return 'failed';
  return steps.length > 0 && steps.every((step) => step === 'proven') ? 'passed' : 'inconclusive';
}

async function goodOf(work: Workplace, suite: string): Promise<Stage['good']> {
  const blessed = (await work.store.blessings(suite)).at(-1);
  if (blessed === undefined) return null;
  return {
    release: wholeRelease(await work.store.releaseOf(blessed.snapshot), 'rehearsed'),
    id: blessed.snapshot,
    pool: (await findPool(work.store, (await work.store.results(blessed.snapshot)).summary)).runs,
  };
}

interface Step {
  readonly name: DrillProof['name'];
  readonly target: Release;
  /** What the written and loaded release, and its run, must show besides. */
  readonly shows: (loaded: Release, fresh: SnapshotResults) => Promise<readonly DrillCheck[]>;
  /** What it flips in the staging environment. */
  readonly flip: (place: FlipPlace) => Promise<Flipped>;
}

function restoreStep({ request, good, work }: Stage): Step {
  const { release, suite } = request;
  const layers = good === null ? [] : changedLayers(release, good.release).filter(isModelOrPrompt);
  return {
    name: 'restore model and prompt',
    target:
      good === null || layers.length === 0
        ? release
        : hybridRelease(release, good.release, layers, release.pin),
    shows: async (_, fresh) => [
      {
        what: 'the baseline says what is put back',
        holds: good === null ? null : true,
        detail:
          good === null
            ? 'no baseline is blessed, so nothing says which model and prompt were good'
            : layers.length === 0
              ? 'the good model and prompt run already; their file was written, loaded and run all the same'
              : `${layers.join(' and ')} of ${good.id}`,
      },
      answersHold(suite, fresh, good?.pool ?? [], null),
    ],
    flip: (place) => flipRelease(work, place),
  };
}

function isModelOrPrompt(layer: string): boolean {
  return layer === 'route' || layer === 'prompt';
}

function toolsOffStep({ request, good, work }: Stage): Step {
  const { release, suite } = request;
  const { tools } = release.layers;
  const readOnly = readOnlyCases(suite);
  return {
    name: 'tools off, read-only answers on',
    target:
      tools === undefined
        ? release
        : withLayers(release, 'tools off', { ...release.layers, tools: { ...tools, choice: 'none' } }),
    shows: async (_, fresh) => [
      await noToolCalls(work.store, fresh.summary.id),
      answersHold(suite, fresh, good?.pool ?? [], readOnly),
    ],
    flip: (place) => flipFlag(work, place, { key: 'ai.tools.enabled', value: false }),
  };
}

function reviewStep({ request, good, work }: Stage): Step {
  const { release, suite } = request;
  return {
    name: 'automatic to human review',
    target: withLayers(release, 'human review', {
      ...release.layers,
      automation: { ...release.layers.automation, mode: 'review' },
    }),
    shows: async (loaded, fresh) => {
      const stored = await work.store.releaseOf(fresh.summary.id);
      const modes = [loaded, stored].map((r) => r.layers.automation?.['mode'] ?? 'none');
      return [
        {
          what: 'automation mode is review',
          holds: modes.every((m) => m === 'review'),
          detail: `the written file says ${String(modes[0])}, what ran ${String(modes[1])}`,
        },
        await nothingLost(work.store, fresh.summary),
        answersHold(suite, fresh, good?.pool ?? [], null),
      ];
    },
    flip: (place) => {
      const value = place.ticket?.firstRollback?.flags['ai.action.mode'] ?? 'human';
      return flipFlag(work, place, { key: 'ai.action.mode', value });
    },
  };
}

function withLayers(release: Release, what: string, layers: Layers): Release {
  return {
    ...release,
    name: `${release.name}, ${what}`,
    file: null,
    layers,
    ...fingerprintLayers(layers),
  };
}

/** Writes the release, loads it from the file, runs the loaded one, and looks at what came out. */
async function prove(stage: Stage, step: Step): Promise<{ proof: DrillProof; calls: number }> {
  const { work, request, folder } = stage;
  const { name, target } = step;
  const start = work.clock.now().getTime();
  const checks: DrillCheck[] = [];
  let snapshot: string | null = null;
  let calls = 0;
  try {
    const file = join(folder, `${name.replaceAll(/\W+/g, '-')}.yaml`);
    await writeRelease(file, releaseToYaml(target), target.fingerprint);
    const loaded = await withOwnFile(() => loadRelease(file));
    checks.push({
      what: 'the written release loads to the intended fingerprint',
      holds: loaded.fingerprint === target.fingerprint,
      detail: shortHash(loaded.fingerprint),
    });
    const run = await runSuite(
      work,
      // Where things are (a command's folder, a key's variable) is not written into the file's content.
      {
        suite: request.suite,
        release: { ...loaded, paths: target.paths },
        ...(await loadExaminers(request.suite)),
        programs: programsOf(request.suite.cases),
      },
      {
        deadlineMs: DRILL_LIMIT_MS,
        ...request.settings,
        purpose: 'confirmation',
        labels: { ...request.settings?.labels, drill: name },
      },
    );
    calls = run.report.calls;
    snapshot = run.summary.id;
    const { validity, validityReasons } = run.summary;
    const { stoppedBy } = run.report;
    const cutOff = stoppedBy !== null && stoppedBy !== 'fatal';
    checks.push({
      what: 'it answers',
      // Cut off by a limit the answer is unknown; calls that fail for good are an answer.
      holds: validity === 'valid' ? true : cutOff ? null : false,
      detail: validity === 'valid' ? `${run.summary.answered} answers` : validityReasons.join('; '),
    });
    checks.push(...(await step.shows(loaded, await work.store.results(run.summary.id))));
    if (request.flips !== undefined) {
      const { check, test } = await step.flip(request.flips);
      checks.push(check);
      if (test !== null) stage.tests.push(test);
    }
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    checks.push({ what: 'the step can be done', holds: false, detail: error.message });
  }
  const elapsedMs = work.clock.now().getTime() - start;
  checks.push({
    what: 'within 15 minutes',
    holds: elapsedMs <= DRILL_LIMIT_MS,
    detail: `${(elapsedMs / 1000).toFixed(1)} s`,
  });
  return {
    calls,
    proof: {
      name,
      outcome: checks.some((c) => c.holds === false)
        ? 'failed'
        : checks.some((c) => c.holds === null)
          ? 'inconclusive'
          : 'proven',
      elapsedMs,
      fingerprint: target.fingerprint,
      layersChanged: changedLayers(request.release, target),
      snapshot,
      checks,
    },
  };
}
