// What a drill would do: files are read and checked, the place is opened, and no call is made.

import type { DrillPlan } from '../../core/index.ts';
import { idleProviderOf, type Workplace } from '../../engine/workplace/workplace.ts';
import type { DrillRequest } from './drill.ts';
import { DRILL_STEPS } from './drill.ts';
import { openDrillPlace } from './drill-place.ts';

/** Throws as the drill itself would before its first call. */
export async function planDrill(work: Workplace, request: DrillRequest): Promise<DrillPlan> {
  const { suite, release, releaseFrom, settings } = request;
  const place = await openDrillPlace(work, request);
  try {
    // A missing key, a route that the simulator cannot replace.
    await idleProviderOf(place.work, release);
    const trials = suite.cases.reduce((sum, c) => sum + (settings?.trials ?? c.trials), 0);
    return {
      ...{ schemaVersion: 1, kind: 'drill-plan', suite: suite.name, release: release.name },
      ...{ fingerprint: release.fingerprint, releaseFrom, where: place.where },
      steps: DRILL_STEPS.map((name) => ({ name, calls: Math.min(trials, settings?.maxCalls ?? trials) })),
    };
  } finally {
    await place.close();
  }
}
