// The snapshots of a check as files beside its report: so that its readers on another machine can open what it names.

import type { SuiteCheck } from '../../core/index.ts';
import { exportFiles } from '../../engine/exchange/exchange.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';

/** Writes what the check compared, and makes its next command one that works where only the files are. */
export async function exportCheck(
  work: Workplace,
  check: SuiteCheck,
  dir: string,
  cwd: string,
): Promise<SuiteCheck> {
  const ids = [check.candidate, check.confirmation, check.exam?.snapshot, check.baseline?.snapshot].filter(
    (id): id is string => id != null,
  );
  if (check.candidate === null || ids.length === 0) return check;
  await exportFiles(work, [...new Set(ids)], { suite: check.suite, dir, cwd });
  const { next } = check;
  return next !== null && /^lastgood (show|diff) /.test(next)
    ? { ...check, next: `lastgood import ${shellPath(dir)}/*.snapshot.jsonl && ${next}` }
    : check;
}

/** As a shell takes it, the star left to it. */
function shellPath(path: string): string {
  return /^[\w@./:=,+-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;
}
