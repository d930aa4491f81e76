// The exam of the merge base for one suite, and what the branch makes of it: added, edited and removed cases, weaker rules.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { LastgoodError, throwAll, withRoot } from '../../base/index.ts';
import {
  type Case,
  type CheckExam,
  needsEmbedder,
  needsJudge,
  programsOf,
  type Suite,
} from '../../core/index.ts';
import type { Assignment } from '../../engine/arms/assignment.ts';
import { loadExaminers } from '../../engine/examiners/load-examiners.ts';
import { findSuiteFile } from '../../engine/workplace/settings-file.ts';
import { checkRequests } from '../../run/render-request.ts';
import { loadSuite } from '../../suite/index.ts';
import { type BaseTree, explained, treeFiles } from './changed-base.ts';
import type { ExamSource } from './exam-source.ts';
import { examChanges } from './weakened.ts';

export interface SuiteFiles {
  readonly suite: string;
  readonly judge?: string | undefined;
}

/** What the branch does to the exam of the merge base. */
interface ExamDifferences {
  readonly added: readonly string[];
  /** Another question, other graders, or another examiner. */
  readonly edited: readonly string[];
  readonly removed: readonly string[];
  /** Of the removed ones. */
  readonly removedCritical: readonly string[];
}

export interface BaseExam extends ExamDifferences {
  /** The branch's release under the exam of the merge base. */
  readonly assignment: Assignment;
  /** Where the suite stood, when it was moved since; null = at the same place. */
  readonly movedFrom: string | null;
}

/** null: the merge base has no such suite. */
export async function loadBaseExam(
  now: Assignment,
  files: SuiteFiles,
  base: BaseTree,
  from: 'base' | 'head',
): Promise<BaseExam | null> {
  const found = await findInBase(now.suite, files.suite, base);
  if (found === null) return null;
  const at = base.commit.slice(0, 12);
  const loaded = await withRoot(base.dir, async () => {
    const suite = await loadSuite(found.file);
    return {
      suite,
      ...(await loadExaminers(suite, judgeInBase(files.judge, base))),
      programs: programsOf(suite.cases),
    };
  }).catch((error: unknown) => {
    // Where the branch's own exam decides, the other one is only for naming what changed.
    if (from === 'head' && error instanceof LastgoodError) return null;
    throw explained(error, base, 'EXAM_UNREADABLE', `the exam of the merge base ${at} cannot be used`);
  });
  if (loaded === null) return null;
  try {
    if (from === 'base') throwAll(checkRequests(loaded.suite.cases, now.release));
  } catch (error) {
    throw explained(
      error,
      base,
      'EXAM_UNASKABLE',
      `the release of this change cannot be asked the cases of the merge base ${at}`,
    );
  }
  return {
    assignment: { ...now, ...loaded },
    ...examDifferences(loaded, now),
    movedFrom: found.moved ? relative(base.dir, found.file) : null,
  };
}

/** Whose exam, in what the report says of it. */
export function examOf(
  { from, base, why }: ExamSource,
  own: Assignment,
  theirs: BaseExam | null,
  changedKeys: readonly string[],
): CheckExam {
  const known = theirs ?? { added: [], edited: [], removed: [], removedCritical: [], movedFrom: null };
  const isNew = from === 'base' && base !== null && theirs === null;
  return {
    from: isNew ? 'head' : from,
    commit: base?.commit ?? null,
    why: isNew
      ? `the branch's own exam: the merge base ${base.commit.slice(0, 12)} has no such suite`
      : `${why}${known.movedFrom === null ? '' : `, where the suite stood in ${known.movedFrom}`}`,
    added: known.added,
    edited: known.edited,
    removed: known.removed,
    removedCritical: known.removedCritical,
    changes: [
      ...(theirs === null ? [] : examChanges(theirs.assignment, own)),
      ...changedKeys.map((what) => ({ what, weaker: false })),
    ],
    snapshot: null,
  };
}

/** Case by case, by what the exam fingerprint sees. */
function examDifferences(
  was: Pick<Assignment, 'suite' | 'judge' | 'embedder'>,
  now: Pick<Assignment, 'suite' | 'judge' | 'embedder'>,
): ExamDifferences {
  const otherJudge = was.judge?.fingerprint !== now.judge?.fingerprint;
  const otherEmbedder = was.embedder?.fingerprint !== now.embedder?.fingerprint;
  const old = new Map<string, Pick<Case, 'contentHash' | 'gradersHash' | 'critical'>>();
  for (const { id, contentHash, gradersHash, critical } of was.suite.cases)
    old.set(id, { contentHash, gradersHash, critical });
  const added: string[] = [];
  const edited: string[] = [];
  for (const c of now.suite.cases) {
    const before = old.get(c.id);
    old.delete(c.id);
    if (before === undefined) added.push(c.id);
    else if (
      before.contentHash !== c.contentHash ||
      before.gradersHash !== c.gradersHash ||
      (otherJudge && c.graders.some(needsJudge)) ||
      (otherEmbedder && c.graders.some(needsEmbedder))
    )
      edited.push(c.id);
  }
  const removed = [...old].map(([id]) => id).sort();
  return {
    added: added.sort(),
    edited: edited.sort(),
    removed,
    removedCritical: removed.filter((id) => old.get(id)?.critical === true),
  };
}

/**
 * The suite's file as the branch has it. What the name means is looked up in the merge base first: a change cannot put another suite
 * in front of the one that is asked for.
 */
export async function suiteFileOf(asked: string, cwd: string, base: BaseTree | null): Promise<string> {
  if (base !== null) {
    const there = await findSuiteFile(asked, base.at(cwd)).catch(() => null);
    const here = there === null ? null : resolve(cwd, relative(base.at(cwd), there));
    if (here !== null && existsSync(here)) return here;
  }
  return findSuiteFile(asked, cwd);
}

/** The judge named on the command line is a part of the exam. */
function judgeInBase(judge: string | undefined, base: BaseTree): string | undefined {
  return judge === undefined ? undefined : base.at(judge);
}

/** The suite at the same place, else the one of the same name: moving a suite must not make it a new one. */
async function findInBase(
  now: Suite,
  file: string,
  base: BaseTree,
): Promise<{ readonly file: string; readonly moved: boolean } | null> {
  const files = await treeFiles(base);
  const same = base.at(file);
  if (files.includes(same)) return { file: same, moved: false };
  for (const other of files) {
    if (!/\.(ya?ml|json)$/.test(other)) continue;
    const text = await readFile(other, 'utf8').catch(() => '');
    if (!text.includes('cases') || !text.includes(now.name)) continue;
    const suite = await withRoot(base.dir, () => loadSuite(other)).catch(() => null);
    if (suite?.name === now.name) return { file: other, moved: true };
  }
  return null;
}
