// Whose exam a check takes: the one of the merge base, so that a change cannot edit its own exam unseen, or the branch's own.

import { existsSync } from 'node:fs';
import { realpath, symlink } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { type Env, LastgoodError, withRoot } from '../../base/index.ts';
import { readSettings, type Settings } from '../../engine/workplace/settings-file.ts';
import { isServerAddress } from '../../ledger/model/address.ts';
import {
  type BaseTree,
  branches,
  explained,
  gitSetting,
  hasCommit,
  knowsOnlyItself,
  openBaseTree,
  repositoryRoot,
  trackedContent,
} from './changed-base.ts';

export interface ExamSource {
  readonly from: 'base' | 'head';
  /** The tree of the merge base; null without one. With `head` it serves `--changed` only. */
  readonly base: BaseTree | null;
  /** One sentence: which exam, and why. */
  readonly why: string;
}

export interface ExamRequest {
  readonly cwd: string;
  /** `base` (the default), `head`, or a git reference whose merge base is taken. */
  readonly exam?: string | undefined;
  /** Git reference of `--changed`. */
  readonly changed?: string | undefined;
  readonly env: Env;
}

/** Finds the merge base and writes its tree. The caller disposes of `base`. */
export async function openExam({ cwd, exam, changed, env }: ExamRequest): Promise<ExamSource> {
  if (exam === 'head') {
    const base = changed === undefined ? null : await openBaseTree(changed, cwd);
    return { from: 'head', base, why: "the branch's own exam (--exam head)" };
  }
  const named = exam === undefined || exam === 'base' ? undefined : exam;
  if (named !== undefined && changed !== undefined && named !== changed)
    throw new LastgoodError({
      code: 'BAD_OPTION',
      message: `--exam names ${named} and --changed names ${changed}, expected one base`,
      hint: 'leave out one of the two',
    });
  const asked = named ?? changed;
  if ((await repositoryRoot(cwd)) === null) {
    if (asked !== undefined || exam !== undefined) return baseExam(asked ?? 'HEAD', cwd);
    refuseBrokenClone(cwd);
    return { from: 'head', base: null, why: 'the files as they are here: this is not a git repository' };
  }
  if (!(await hasCommit('HEAD', cwd))) {
    if (asked !== undefined) return baseExam(asked, cwd);
    return { from: 'head', base: null, why: 'the files as they are here: nothing is committed yet' };
  }
  return baseExam(asked ?? (await baseBranch(cwd, env)), cwd);
}

async function baseExam(ref: string, cwd: string): Promise<ExamSource> {
  const base = await openBaseTree(ref, cwd);
  try {
    await linkPackages(base, cwd);
  } catch (error) {
    await base.dispose();
    throw error;
  }
  const commit = base.commit.slice(0, 12);
  const why = base.ancestor
    ? `the exam of the merge base with ${ref}, ${commit}`
    : `the exam of ${ref}, ${commit}: this clone is too shallow to know the merge base`;
  return { from: 'base', base, why };
}

/** A clone that git refuses to read (another owner, git not installed) must not pass for a folder without git. */
function refuseBrokenClone(cwd: string): void {
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    if (existsSync(join(folder, '.git')))
      throw new LastgoodError({
        code: 'EXAM_GIT_UNREADABLE',
        message: `${folder} is a git repository that git cannot read here; the exam is taken from its merge base`,
        hint: `install git, or \`git config --global --add safe.directory ${folder}\`; --exam head takes the exam as it is here`,
      });
    if (dirname(folder) === folder) return;
  }
}

/** Where CI systems say which branch a change is to be merged into. */
const TARGETS: readonly (readonly [variable: string, ref: (value: string) => string])[] = [
  ['GITHUB_BASE_REF', (branch) => `origin/${branch}`],
  ['CI_MERGE_REQUEST_DIFF_BASE_SHA', (commit) => commit],
  ['BITBUCKET_PR_DESTINATION_BRANCH', (branch) => `origin/${branch}`],
  ['SYSTEM_PULLREQUEST_TARGETBRANCH', (branch) => `origin/${branch.replace(/^refs\/heads\//, '')}`],
  ['BUILDKITE_PULL_REQUEST_BASE_BRANCH', (branch) => `origin/${branch}`],
];

/** The branch this change left. Fails where it cannot be known: the branch's own commit would be its own yardstick. */
async function baseBranch(cwd: string, env: Env): Promise<string> {
  for (const [variable, ref] of TARGETS) {
    const value = env(variable);
    // Buildkite says "false" outside of pull requests by another variable; an empty one means "not a pull request" everywhere.
    if (value !== undefined && value !== '') return ref(value);
  }
  const usual = await gitSetting('init.defaultBranch', cwd);
  const remote = (await knowsOnlyItself(cwd)) ? '' : 'origin/HEAD';
  for (const ref of [remote, 'origin/main', 'origin/master', 'main', 'master', usual ?? ''])
    if (ref !== '' && (await hasCommit(ref, cwd))) return ref;
  const known = await branches(cwd);
  if (known.length === 1 && known[0]?.startsWith('refs/heads/') === true && (env('CI') ?? '') === '')
    return 'HEAD';
  throw new LastgoodError({
    code: 'EXAM_NO_BASE',
    message: 'the branch that this change is to be merged into is not known in this clone',
    hint: 'name it: --exam origin/BRANCH (GitHub: actions/checkout with fetch-depth: 0; GitLab: GIT_DEPTH: 0); --exam head takes the exam as it is here',
  });
}

/** Graders of the base tree find the packages that are installed here. */
async function linkPackages(base: BaseTree, cwd: string): Promise<void> {
  for (const folder of new Set([base.root, resolve(cwd)])) {
    const packages = join(folder, 'node_modules');
    const copy = base.at(packages);
    if (!existsSync(packages) || existsSync(copy) || !existsSync(dirname(copy))) continue;
    await symlink(packages, copy, 'junction');
  }
}

/** The project's settings: those of the merge base, but for what names the release under test and how fast it is called. */
export async function examSettings({ from, base }: ExamSource, cwd: string): Promise<Settings> {
  const here = await readSettings(cwd);
  if (from === 'head' || base === null) return here;
  const there = base.at(cwd);
  const settings = await settingsOfBase(base, there);
  const home = (path: string): string => {
    if (isServerAddress(path)) return path;
    const inside = relative(there, path);
    return inside.startsWith(`..${sep}`) ? path : resolve(cwd, inside);
  };
  const { prices } = settings;
  return {
    ...settings,
    db: home(settings.db),
    prices: prices === undefined || existsSync(prices) ? prices : home(prices),
    suite: here.suite,
    release: here.release,
    concurrency: here.concurrency,
  };
}

function settingsOfBase(base: BaseTree, folder: string): Promise<Settings> {
  return withRoot(base.dir, () => readSettings(folder)).catch((error: unknown) => {
    throw explained(error, base, 'EXAM_UNREADABLE', 'the settings of the merge base cannot be used');
  });
}

/** What of the settings differs between the merge base and the branch; a change of these is named in the report. */
export async function changedSettings({ from, base }: ExamSource, cwd: string): Promise<string[]> {
  if (base === null) return [];
  const there = base.at(cwd);
  const [was, now] = [await settingsOfBase(base, there), await readSettings(cwd)];
  const inside = (folder: string, path: string | undefined): string =>
    path === undefined || isServerAddress(path) ? (path ?? '') : relative(folder, path);
  const changed = [
    inside(there, was.db) === inside(cwd, now.db) ? '' : 'db',
    inside(there, was.prices) === inside(cwd, now.prices) ? '' : 'prices',
    (was.store ?? 'all') === (now.store ?? 'all') ? '' : 'store',
    sameRules(was.redact, now.redact, there, cwd) ? '' : 'redact',
  ].filter((key) => key !== '');
  const effect = from === 'base' ? 'the value of the merge base holds' : 'the new value holds (--exam head)';
  return changed.map((key) => `lastgood.yaml: \`${key}\` is another one; ${effect}`);
}

function sameRules(was: unknown, now: unknown, there: string, cwd: string): boolean {
  const text = (rules: unknown, folder: string): string =>
    JSON.stringify(rules ?? [], (_, value) =>
      typeof value === 'string' ? value.replace(folder, '.') : value,
    );
  return text(was, there) === text(now, cwd);
}

/**
 * A ledger that the change commits holds what its author wants: blessings, verdicts of the judge, trials to go on with. It is refused,
 * regardless of who names it. One that the base commit has, byte for byte, is as trustworthy as the base.
 */
export async function refuseLedgerOfChange({ from, base }: ExamSource, db: string): Promise<void> {
  if (from === 'head' || base === null || isServerAddress(db)) return;
  const real = await realpath(db).catch(() => db);
  const root = await realpath(base.root).catch(() => base.root);
  for (const file of new Set([resolve(db), real]))
    for (const suffix of ['', '-wal', '-journal']) {
      const within = file.startsWith(root) ? root : base.root;
      const { now, base: was } = await trackedContent(within, base.commit, `${file}${suffix}`);
      if (now !== null && now !== was)
        throw new LastgoodError({
          code: 'EXAM_LEDGER',
          message: `the ledger ${relative(base.root, file)}${suffix} is part of this change, expected one that the change cannot write`,
          hint: 'take it out of git (`git rm --cached`, .gitignore) and commit exported snapshots instead, or pass --db PATH; --exam head takes it as it is',
        });
    }
}
