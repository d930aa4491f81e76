// Where a drill's calls go: to a simulator of a scenario, or where the staging release says.

import { LastgoodError } from '../../base/index.ts';
import { type DrillReport, type Release, wireApiOf } from '../../core/index.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { createProvider } from '../../provider/index.ts';
import { parseScenario, startSimulator } from '../../simulator/index.ts';
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
    const { provider, model = null } = release.layers.route;
    const wire = wireApiOf(release.layers.route);
    if (wire === null) {
      throw new LastgoodError({
        code: 'DRILL_ROUTE',
        message: `release "${release.name}" has a ${provider} route, which the simulator cannot replace`,
        hint: 'drill on staging instead: --staging FILE',
      });
    }
    // Only where the call goes: what is recorded is the release as it is, under its own fingerprint.
    const route =
      provider === 'openai' || provider === 'anthropic'
        ? release.layers.route
        : wire === 'messages'
          ? { provider: 'anthropic' as const, model }
          : { provider: 'openai' as const, api: wire, model };
    const url = wire === 'messages' ? simulator.anthropicBaseUrl : simulator.openaiBaseUrl;
    return { ...release, layers: { ...release.layers, route: { ...route, 'base-url': url } } };
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
