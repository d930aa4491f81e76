// The folder of the rollout demo: the shipped suite, and the shipped ticket with stages of seconds.

import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface DemoFiles {
  /** Folder of the shipped suite. */
  readonly suiteDir: string;
  readonly ticket: string;
}

export const DEMO_FEATURE = 'support-triage';
export const SUITE = `suites/${DEMO_FEATURE}`;
export const CONTROL = `${SUITE}/releases/triage.yaml`;
export const CANDIDATE = `${SUITE}/releases/triage-concise.yaml`;

/** Writes the project; a ledger of an earlier demo is removed. Returns the ledger's file. */
export async function writeProject(project: string, { suiteDir, ticket }: DemoFiles): Promise<string> {
  const db = join(project, 'lastgood.db');
  for (const file of [db, `${db}-wal`, `${db}-shm`]) await rm(file, { force: true });
  await mkdir(join(project, 'features'), { recursive: true });
  await cp(suiteDir, join(project, SUITE), { recursive: true });
  const scenario = join(project, SUITE, 'scenario.yaml');
  await writeFile(scenario, faultlessScenario(await readFile(scenario, 'utf8')));
  await writeFile(join(project, 'lastgood.yaml'), 'db: lastgood.db\n');
  const text = await readFile(ticket, 'utf8');
  await writeFile(join(project, `features/${DEMO_FEATURE}.yaml`), shortTicket(text));
  return db;
}

/** The scenario with a model and a judge that make no mistake on the suite: only production shows the fault of the candidate. */
function faultlessScenario(text: string): string {
  return text
    .replace('skill: { default: 0.97 }', 'skill: { default: 1 }')
    .replace('judge: { sensitivity: 0.997, specificity: 0.98 }', 'judge: { sensitivity: 1, specificity: 1 }')
    .replace(/^ +ease: .*\n/gm, '');
}

/** The ticket with an hour as a second, samples of a tenth, and an agent that may act until a rollback. */
function shortTicket(text: string): string {
  const body = text.replace(/^(?:#.*\n)+/, '');
  return `# The ticket of this demo. It is ${DEMO_FEATURE} as it is shipped, but an hour of the ladder lasts a second,
# gates are read over a tenth of the answers, and the agent acts by itself until the rollback makes it draft.
${body
  .replace(/^( +- \{ percent: \d+, for: \d+)h/gm, '$1s')
  .replace(/(\bover: )(\d+)0 /g, '$1$2 ')
  .replace(/^(flags: \{.*ai\.action\.mode: )draft/m, '$1auto')}`;
}
