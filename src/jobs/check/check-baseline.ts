// What a suite is checked against: named, blessed, or committed; and the clean snapshots that may be pooled with it.

import { relative, resolve } from 'node:path';
import { LastgoodError } from '../../base/index.ts';
import type { CheckBaseline, SnapshotResults, SnapshotSummary } from '../../core/index.ts';
import { findPool } from '../../engine/comparison/find-pool.ts';
import { importBaseline, type SnapshotFile, snapshotFiles } from '../../engine/exchange/baseline-file.ts';
import { importFiles } from '../../engine/exchange/exchange.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { type BaseTree, trackedContent } from './changed-base.ts';

export interface FoundBaseline {
  readonly summary: SnapshotSummary;
  readonly pool: readonly string[];
  readonly about: CheckBaseline;
}

export interface BaselineSearch {
  readonly suite: string;
  readonly against?: string | undefined;
  /** Folder with exported snapshots. */
  readonly dir: string;
  /** The tree of the merge base: files that the change commits are no yardstick for it. null = the branch's own files count. */
  readonly base?: BaseTree | null | undefined;
  /** The folder at the base commit, whose files go before those here. */
  readonly baseDir?: string | undefined;
  readonly cwd: string;
}

/**
 * `--against`; else what was blessed last, in the ledger or in a committed file; else the newest committed snapshot; null when there is
 * none.
 */
export async function findBaseline(work: Workplace, search: BaselineSearch): Promise<FoundBaseline | null> {
  const { store, clock } = work;
  const { suite } = search;
  const now = clock.now();
  if (search.against !== undefined) {
    const isFile = search.against.endsWith('.snapshot.jsonl');
    const file = isFile ? await fileOfBase(search.against, search) : search.against;
    const taken = isFile ? (await importFiles(work, [file], search.cwd)).snapshots[0] : undefined;
    const summary = await store.resolve(taken?.snapshot ?? search.against, { suite, now });
    if (summary.suite !== suite) {
      throw new LastgoodError({
        code: 'CHECK_OTHER_SUITE',
        message: `--against names a snapshot of suite "${summary.suite}", expected one of "${suite}"`,
        hint: 'check one suite at a time, or use a reference every suite has: baseline, latest, @2026-03-15',
      });
    }
    return pooled(work, summary, { source: 'against', file: isFile ? search.against : null });
  }
  const blessing = (await store.blessings(suite)).at(-1);
  const files = await committedFiles(work, search, blessing === undefined);
  const newer = files[0]?.blessed?.at;
  // A ledger that outlives a night in a cache must not hold on to a baseline that was replaced in git.
  if (blessing !== undefined && !(newer !== undefined && newer > blessing.at))
    return pooled(work, await store.resolve('baseline', { suite, now }), {
      source: 'blessed',
      file: null,
    });
  return fromFiles(work, search, files);
}

/** The snapshot files that count, best first. */
async function committedFiles(
  work: Workplace,
  search: BaselineSearch,
  needed: boolean,
): Promise<SnapshotFile[]> {
  const { progress } = work;
  const warn = (message: string): void => progress.warn({ code: 'SNAPSHOT_UNREADABLE', message });
  let files = search.baseDir === undefined ? [] : await snapshotFiles(search.baseDir, search.suite, warn);
  if (files.length === 0) {
    const here = await snapshotFiles(search.dir, search.suite, warn);
    files = [];
    for (const file of here) if (!(await broughtByChange(file.path, search.base ?? null))) files.push(file);
    const brought = here.length - files.length;
    if (needed && (brought > 0 || (files.length > 0 && search.baseDir !== undefined))) {
      progress.warn({
        code: 'BASELINE_FROM_THIS_CHANGE',
        message:
          brought > 0
            ? `${search.suite}: the base commit has no exported snapshot, and ${brought === 1 ? 'the one' : `the ${brought}`} that this change brings cannot be its yardstick`
            : `${search.suite}: the base commit has no exported snapshot, so the baseline is one that was put here`,
        hint: 'export and commit the baseline on the main branch first',
      });
    }
  }
  return files;
}

async function fromFiles(
  work: Workplace,
  search: BaselineSearch,
  files: readonly SnapshotFile[],
): Promise<FoundBaseline | null> {
  const { store, clock } = work;
  const taken = await importBaseline(work, files);
  if (taken === null) return null;
  const summary = await store.resolve(taken.file.id, { suite: search.suite, now: clock.now() });
  // Only what the files hold: runs that the ledger of this machine happens to have would make the answer depend on the machine.
  return pooled(work, summary, {
    source: 'file',
    file: shown(taken.file.path, search),
    only: new Set(taken.pool),
  });
}

/** Is this file committed (or staged) by the change, other than the merge base has it? */
async function broughtByChange(path: string, base: BaseTree | null): Promise<boolean> {
  if (base === null) return false;
  const { now, base: was } = await trackedContent(base.root, base.commit, path);
  return now !== null && now !== was;
}

/** The file that `--against` names, as the merge base has it; one that git does not know is taken as it is. */
async function fileOfBase(named: string, { base, cwd }: BaselineSearch): Promise<string> {
  if (base == null) return named;
  const path = resolve(cwd, named);
  const { now, base: was } = await trackedContent(base.root, base.commit, path);
  if (was !== null) return base.at(path);
  if (now === null) return named;
  throw new LastgoodError({
    code: 'BASELINE_FROM_THIS_CHANGE',
    message: `--against names ${named}, which this change commits itself; expected a file of the merge base`,
    hint: 'commit the baseline on the main branch first; --exam head takes it as it is',
  });
}

/** The path as a reader knows it, also for a file that was read from the base commit. */
function shown(path: string, { dir, baseDir, cwd }: BaselineSearch): string {
  const folder = baseDir !== undefined && path.startsWith(baseDir) ? baseDir : dir;
  return [relative(cwd, dir), relative(folder, path)]
    .filter((p) => p !== '')
    .join('/')
    .replaceAll('\\', '/');
}

/** Where a baseline comes from. `only`: the runs that may be pooled with it; absent = all that fit. */
interface Source {
  readonly source: CheckBaseline['source'];
  readonly file: string | null;
  readonly only?: ReadonlySet<string> | undefined;
}

async function pooled(
  work: Workplace,
  summary: SnapshotSummary,
  { source, file, only }: Source,
): Promise<FoundBaseline> {
  const found = await findPool(work.store, summary);
  const pool = found.runs
    .slice(1)
    .map((run) => run.summary.id)
    .filter((id) => only?.has(id) ?? true);
  const leftOut = found.leftOut.filter(({ snapshot }) => only?.has(snapshot) ?? true);
  return {
    summary,
    pool,
    about: {
      snapshot: summary.id,
      source,
      file,
      pooled: pool.length,
      ...(leftOut.length === 0 ? {} : { leftOut }),
    },
  };
}

/** The results of some cases only. */
export function resultsOf(results: SnapshotResults, ids: ReadonlySet<string> | undefined): SnapshotResults {
  return ids === undefined ? results : { ...results, cases: results.cases.filter((c) => ids.has(c.id)) };
}
