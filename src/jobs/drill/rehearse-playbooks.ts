// After the proofs of a drill: the playbooks that rest on this suite are rehearsed, command by command, and the times are kept.

import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { LastgoodError } from '../../base/index.ts';
import type { DrillReport, PlaybookCheck } from '../../core/index.ts';
import { keepRehearsal } from '../../engine/records/playbook-rehearsals.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { findSuiteFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { parseMonitors, parseTicket } from '../../rollout/index.ts';
import { loadSuite } from '../../suite/index.ts';

/** Checks the playbook of a ticket file as `playbook check` does; nothing is changed. */
export type RehearsePlaybook = (ticket: string) => Promise<PlaybookCheck>;

/** Of every ticket in `features/` that names the suite, in order of name. The drill's outcome does not depend on it. */
export async function rehearsePlaybooks(
  work: Pick<Workplace, 'store' | 'progress'>,
  drill: Pick<DrillReport, 'suite' | 'at'>,
  { cwd, rehearse }: { readonly cwd: string; readonly rehearse: RehearsePlaybook },
): Promise<readonly PlaybookCheck[]> {
  const folder = join(cwd, 'features');
  const files = (await readdir(folder).catch(() => [])).filter((f) => f.endsWith('.yaml')).sort();
  const checks: PlaybookCheck[] = [];
  for (const name of files) {
    const file = join(folder, name);
    try {
      if (!(await rests(file, drill.suite, cwd))) continue;
      const check = await rehearse(file);
      await keepRehearsal(work.store, drill, check);
      checks.push(check);
    } catch (error) {
      if (!(error instanceof LastgoodError)) throw error;
      const { code, message, hint } = error;
      const said = `the playbook of ${name} could not be rehearsed: ${message}`;
      work.progress.warn({ code, message: said, ...(hint === undefined ? {} : { hint }) });
    }
  }
  return checks;
}

/** Does this ticket name the suite? A file that only watches a feature has no playbook. */
async function rests(file: string, suite: string, cwd: string): Promise<boolean> {
  const text = await readText(file);
  let asked: string;
  try {
    asked = parseTicket(text, file).suite;
  } catch (error) {
    if (isOnlyWatching(text, file)) return false;
    throw error;
  }
  return (await loadSuite(await findSuiteFile(asked, cwd))).name === suite;
}

function isOnlyWatching(text: string, file: string): boolean {
  try {
    parseMonitors(text, file);
    return true;
  } catch (error) {
    if (error instanceof LastgoodError) return false;
    throw error;
  }
}
