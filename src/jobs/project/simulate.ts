// Serves a scenario file until the caller closes it.

import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFile } from '../../base/package-files.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { parseScenario, type Simulator, startSimulator } from '../../simulator/index.ts';

/** The scenario of the shipped example suite, where none is named. */
const SHIPPED = packageFile('suites/support-triage/scenario.yaml');

export async function serveScenario(input: {
  readonly scenario?: string | undefined;
  readonly port?: number | undefined;
  readonly date?: string | undefined;
  readonly cwd: string;
}): Promise<Simulator> {
  const file = input.scenario === undefined ? fileURLToPath(SHIPPED) : resolve(input.cwd, input.scenario);
  const scenario = parseScenario(await readText(file));
  return startSimulator({
    scenario,
    ...(input.port === undefined ? {} : { port: input.port }),
    ...(input.date === undefined ? {} : { date: input.date }),
  });
}
