// What a suite is checked against: named, blessed, or committed; and the clean snapshots that may be pooled with it.

import { relative } from 'node:path';
import {
  type CheckBaseline,
  LastgoodError,
  type SnapshotResults,
  type SnapshotSummary,
} from '../../core/index.ts';
import { importFiles } from '../ledger/exchange.ts';
import type { Workplace } from '../workplace.ts';
import { importBaseline, MOST_POOLED, snapshotFiles } from './baseline-file.ts';

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
  /** The same folder at the base commit: a change must not bring its own yardstick. */
  readonly baseDir?: string | undefined;
  readonly cwd: string;
}

/** `--against`, else the blessed snapshot, else the newest committed one; null when there is none. */
export async function findBaseline(work: Workplace, search: BaselineSearch): Promise<FoundBaseline | null> {
  const { store, clock } = work;
  const { suite } = search;
  const now = clock.now();
  if (search.against !== undefined) {
    const isFile = search.against.endsWith('.snapshot.jsonl');
    const taken = isFile ? (await importFiles(work, [search.against], search.cwd)).snapshots[0] : undefined;
    const summary = await store.resolve(taken?.snapshot ?? search.against, { suite, now });
    if (summary.suite !== suite) {
      throw new LastgoodError({
        code: 'CHECK_OTHER_SUITE',
        message: `--against names a snapshot of suite "${summary.suite}", but "${suite}" is checked`,
        hint: 'check one suite at a time, or use a reference every suite has: baseline, latest, @2026-03-15',
      });
    }
    return pooled(work, summary, 'against', isFile ? search.against : null);
  }
  if ((await store.blessings(suite)).length > 0)
    return pooled(work, await store.resolve('baseline', { suite, now }), 'blessed', null);
  return fromFiles(work, search);
}

async function fromFiles(work: Workplace, search: BaselineSearch): Promise<FoundBaseline | null> {
  const { store, clock, progress } = work;
  const warn = (message: string): void => progress.warn({ code: 'SNAPSHOT_UNREADABLE', message });
  let files = search.baseDir === undefined ? [] : await snapshotFiles(search.baseDir, search.suite, warn);
  if (files.length === 0) {
    files = await snapshotFiles(search.dir, search.suite, warn);
    if (files.length > 0 && search.baseDir !== undefined) {
      progress.warn({
        code: 'BASELINE_FROM_THIS_CHANGE',
        message: `${search.suite}: the base commit has no exported snapshot, so the baseline is one that this change brings itself`,
        hint: 'export and commit the baseline on the main branch first',
      });
    }
  }
  const taken = await importBaseline(work, files);
  if (taken === null) return null;
  const summary = await store.resolve(taken.file.id, { suite: search.suite, now: clock.now() });
  return {
    summary,
    pool: taken.pool,
    about: {
      snapshot: summary.id,
      source: 'file',
      file: shown(taken.file.path, search),
      pooled: taken.pool.length,
    },
  };
}

/** The path as a reader knows it, also for a file that was read from the base commit. */
function shown(path: string, { dir, baseDir, cwd }: BaselineSearch): string {
  const folder = baseDir !== undefined && path.startsWith(baseDir) ? baseDir : dir;
  return [relative(cwd, dir), relative(folder, path)]
    .filter((p) => p !== '')
    .join('/')
    .replaceAll('\\', '/');
}

async function pooled(
  work: Workplace,
  summary: SnapshotSummary,
  source: CheckBaseline['source'],
  file: string | null,
): Promise<FoundBaseline> {
  const alike = await work.store.list({
    suite: summary.suite,
    fingerprint: summary.fingerprint,
    purposes: ['run'],
  });
  const pool = alike
    .filter(
      (s) =>
        s.id !== summary.id &&
        s.state === 'finished' &&
        s.validity === 'valid' &&
        s.startedAt <= summary.startedAt,
    )
    .slice(0, MOST_POOLED)
    .map((s) => s.id);
  return { summary, pool, about: { snapshot: summary.id, source, file, pooled: pool.length } };
}

/** The results of some cases only. */
export function resultsOf(results: SnapshotResults, ids: ReadonlySet<string> | undefined): SnapshotResults {
  return ids === undefined ? results : { ...results, cases: results.cases.filter((c) => ids.has(c.id)) };
}
