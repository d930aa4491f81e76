// Where the suite and the cases of a check stand, as a reader of the repository finds them.

import { isAbsolute, relative, resolve } from 'node:path';
import type { Place, Suite, SuiteCheck } from '../../core/index.ts';
import type { SuiteRun } from './check-suite.ts';

/** Cases that a reader will want to open. */
export function wantedPlaces(run: SuiteRun, firstRun: SuiteCheck['firstRun']): ReadonlySet<string> {
  return new Set([
    ...run.comparison.cases
      .filter((d) => d.verdict === 'regressed' || ('evidence' in d && d.evidence !== null && d.delta < 0))
      .map((d) => d.id),
    ...firstRun.filter((c) => c.outcome !== 'pass').map((c) => c.id),
  ]);
}

export function placesOf(suite: Suite, wanted: ReadonlySet<string>, places: Places): Record<string, Place> {
  return Object.fromEntries(
    suite.cases
      .filter((c) => wanted.has(c.id) && c.where.file !== undefined)
      .map((c) => [c.id, { file: fromRoot(places, c.where.file as string), line: c.where.line ?? 1 }]),
  );
}

/** Root of the repository, and the folder with its copy at the merge base. */
export interface Places {
  readonly root: string;
  readonly copy: string | undefined;
}

/** With forward slashes, as CI systems want it. A file of the merge base is named by its path in the repository. */
export function fromRoot({ root, copy }: Places, file: string): string {
  const path = resolve(file);
  const inCopy = copy === undefined ? null : relative(copy, path);
  const inside = inCopy !== null && !inCopy.startsWith('..') && !isAbsolute(inCopy);
  return (inside ? inCopy : relative(root, path)).replaceAll('\\', '/');
}
