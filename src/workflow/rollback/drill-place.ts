// Where a drill's calls go: to a simulator of a scenario, or where the staging release says.

import { type DrillReport, LastgoodError, type Release } from '../../core/index.ts';
import { createProvider } from '../../provider/index.ts';
import { parseScenario, startSimulator } from '../../simulator/index.ts';
import { readText } from '../project/checked-file.ts';
import type { Workplace } from '../workplace.ts';
import type { DrillRequest } from './drill.ts';

export interface DrillPlace {
  readonly work: Workplace;
  readonly where: DrillReport['where'];
  close(): Promise<void>;
}

/** The SDKs insist on a key; the simulator looks at none, and a real one must not leave for it. */
const NO_KEY = 'none-needed-for-the-simulator';

export async function openDrillPlace(work: Workplace, request: DrillRequest): Promise<DrillPlace> {
  if (request.scenarioFile === null)
    return { work, where: { kind: 'staging', name: request.release.name }, close: async () => {} };
  const scenario = parseScenario(await readText(request.scenarioFile));
  const simulator = await startSimulator({ scenario });
  const redirected = (release: Release): Release => {
    const { provider } = release.layers.route;
    if (provider !== 'openai' && provider !== 'anthropic') {
      throw new LastgoodError({
        code: 'DRILL_ROUTE',
        message: `release "${release.name}" has a ${provider} route, which the simulator cannot stand in for`,
        hint: 'drill on staging instead: --staging FILE',
      });
    }
    const url = provider === 'openai' ? simulator.openaiBaseUrl : simulator.anthropicBaseUrl;
    // Only where the call goes: what is recorded is the release as it is, under its own fingerprint.
    return { ...release, layers: { ...release.layers, route: { ...release.layers.route, 'base-url': url } } };
  };
  return {
    where: { kind: 'simulator', name: simulator.name },
    work: {
      ...work,
      providerFor: (release) =>
        createProvider(redirected(release), {
          env: (name) => (/key|token|secret/i.test(name) ? NO_KEY : work.env(name)),
          mask: work.mask,
        }),
    },
    close: () => simulator.close(),
  };
}
