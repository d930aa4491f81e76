// Which cases of a suite a change can have touched: fingerprints and hashes of now against those of the base commit.

import { relative, resolve } from 'node:path';
import { LastgoodError, withRoot } from '../../base/index.ts';
import {
  type CheckScope,
  changedLayers,
  needsEmbedder,
  needsJudge,
  type Release,
  type Suite,
} from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { loadExaminers } from '../../engine/examiners/load-examiners.ts';
import { loadRelease } from '../../release/index.ts';
import { loadSuite } from '../../suite/index.ts';
import { suiteHash } from '../../suite/suite-hash.ts';
import { type BaseTree, changedFiles } from './changed-base.ts';

export interface Affected {
  readonly scope: CheckScope;
  /** Cases to run; undefined = all of them. */
  readonly ids: ReadonlySet<string> | undefined;
  /** What this comparison cannot see; to be said aloud. */
  readonly blindSpot: string | null;
}

/** Everything is to be run: no base was named. */
export function wholeSuite(suite: Suite): Affected {
  return {
    scope: {
      mode: 'all',
      base: null,
      why: 'every case',
      cases: suite.cases.length,
      affected: suite.cases.length,
      removed: [],
    },
    ids: undefined,
    blindSpot: null,
  };
}

/** Compares what will be run with the same files at the base commit. Any doubt means: run it. */
export async function affectedCases(
  now: Assignment,
  files: { readonly suite: string; readonly release: string; readonly judge?: string | undefined },
  base: BaseTree,
): Promise<Affected> {
  const { suite } = now;
  const all = (why: string, removed: readonly string[] = []): Affected => ({
    scope: {
      mode: 'all',
      base: base.commit,
      why,
      cases: suite.cases.length,
      affected: suite.cases.length,
      removed,
    },
    ids: undefined,
    blindSpot: null,
  });

  const before = await loadBase(files, base);
  if ('problem' in before) return all(before.problem);
  const removed = before.suite.cases
    .filter((c) => !suite.cases.some((n) => n.id === c.id))
    .map((c) => c.id)
    .sort();
  if (now.release.fingerprint !== before.release.fingerprint) {
    const layers = changedLayers(before.release, now.release);
    return all(`the release changed: ${layers.join(', ')}`, removed);
  }
  const application = await changedApplication(now.release, base);
  if (application !== null) return all(application, removed);

  const old = new Map(before.suite.cases.map((c) => [c.id, c]));
  const judgeChanged = now.judge?.fingerprint !== before.judge?.fingerprint;
  const embedderChanged = now.embedder?.fingerprint !== before.embedder?.fingerprint;
  const touched = suite.cases.filter((c) => {
    const was = old.get(c.id);
    return (
      was === undefined ||
      was.contentHash !== c.contentHash ||
      was.gradersHash !== c.gradersHash ||
      (judgeChanged && c.graders.some(needsJudge)) ||
      (embedderChanged && c.graders.some(needsEmbedder))
    );
  });
  const scope = {
    base: base.commit,
    cases: suite.cases.length,
    affected: touched.length,
    removed,
  };
  const blindSpot =
    now.release.layers.route.provider === 'http'
      ? 'the release calls an application over HTTP: a change inside that application cannot be seen from here'
      : null;
  if (touched.length === 0)
    return {
      scope: { ...scope, mode: 'none', why: nothingChanged(suite, before.suite) },
      ids: new Set(),
      blindSpot,
    };
  const added = touched.filter((c) => !old.has(c.id)).length;
  const why = [
    added > 0 ? `${added} new` : '',
    touched.length > added ? `${touched.length - added} with another question, grader or examiner` : '',
  ]
    .filter(Boolean)
    .join(', ');
  return {
    scope: {
      ...scope,
      mode: touched.length === suite.cases.length ? 'all' : 'some',
      why: `the release did not change; cases: ${why}`,
    },
    ids: new Set(touched.map((c) => c.id)),
    blindSpot,
  };
}

function nothingChanged(now: Suite, before: Suite): string {
  const same = 'release, cases and graders are what they were';
  return JSON.stringify(now.policy) === JSON.stringify(before.policy)
    ? same
    : `${same}; the gate policy changed, which needs no call`;
}

type Base = Assignment | { readonly problem: string };

async function loadBase(
  files: { readonly suite: string; readonly release: string; readonly judge?: string | undefined },
  base: BaseTree,
): Promise<Base> {
  const short = base.commit.slice(0, 12);
  try {
    return await withRoot(base.dir, async () => {
      const suite = await loadSuite(base.at(files.suite));
      const release = await loadRelease(base.at(files.release));
      const examiners = await loadExaminers(
        suite,
        files.judge === undefined ? undefined : base.at(files.judge),
      );
      return { suite, release, ...examiners };
    });
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    const absent = /UNREADABLE/.test(error.code);
    return {
      problem: absent
        ? `the suite or the release is not there at ${short}`
        : `the suite or the release does not load at ${short} [${error.code}]`,
    };
  }
}

/** A command is the user's own program: any changed file may be a part of it, exported snapshots and ledgers aside. */
async function applicationFiles(base: BaseTree): Promise<string[]> {
  return (await changedFiles(base.root, base.commit)).filter(
    (f) => !/\.snapshot\.jsonl$|\.db(-wal|-shm)?$/.test(f),
  );
}

/** Did nothing change since the base but these files, so that the application is what it was there? */
export async function applicationStands(base: BaseTree, known: readonly string[]): Promise<boolean> {
  const named = new Set(known.map((file) => relative(base.root, resolve(file)).replaceAll('\\', '/')));
  return (await applicationFiles(base)).every((file) => named.has(file));
}

async function changedApplication(release: Release, base: BaseTree): Promise<string | null> {
  if (release.layers.route.provider !== 'command') return null;
  const files = await applicationFiles(base);
  if (files.length === 0) return null;
  const some = files.slice(0, 3).join(', ');
  return `the release runs a command, and ${files.length === 1 ? 'a file' : `${files.length} files`} changed that may be a part of it: ${some}${files.length > 3 ? ', …' : ''}`;
}

/** The suite with these cases only. */
export function onlyCases(suite: Suite, ids: ReadonlySet<string>): Suite {
  const cases = suite.cases.filter((c) => ids.has(c.id));
  const chosen = { ...suite, cases };
  return { ...chosen, hash: suiteHash(chosen) };
}
