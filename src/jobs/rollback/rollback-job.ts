// The rollback command: names and files resolved, then the decision.

import { basename } from 'node:path';
import type { RunSettings } from '../../engine/arms/run-suite.ts';
import { findReleaseFile, findSuiteFile } from '../../engine/workplace/settings-file.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { loadRelease } from '../../release/index.ts';
import { loadSuite } from '../../suite/index.ts';
import { findRollbackTarget, type RollbackResult } from './rollback.ts';

export interface RollbackJobInput {
  readonly suite: string;
  readonly cwd: string;
  readonly from?: string | undefined;
  readonly baseline?: string | undefined;
  readonly releaseFiles: readonly string[];
  readonly verify: boolean;
  readonly maxCandidates?: number | undefined;
  readonly settings: RunSettings;
}

export async function rollbackJob(work: Workplace, input: RollbackJobInput): Promise<RollbackResult> {
  const releases = [];
  for (const file of input.releaseFiles)
    releases.push(await loadRelease(await findReleaseFile(file, input.cwd)));
  return findRollbackTarget(work, {
    suite: await suiteName(work, input.suite, input.cwd),
    from: input.from,
    baseline: input.baseline,
    releases,
    verify: input.verify,
    maxCandidates: input.maxCandidates,
    settings: input.settings,
  });
}

/** The name a suite has in the ledger: as typed when the ledger knows it, else the one its file gives. */
export async function suiteName(work: Pick<Workplace, 'store'>, asked: string, cwd: string): Promise<string> {
  if ((await work.store.list({ suite: asked, limit: 1 })).length > 0) return asked;
  try {
    return (await loadSuite(await findSuiteFile(asked, cwd))).name;
  } catch {
    return basename(asked);
  }
}
