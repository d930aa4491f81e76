// The user's repository as it was at another commit, written to a temporary folder; neither the work tree nor git's index is touched.

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { promisify } from 'node:util';
import type { ErrorCode } from '../../base/error-catalogue.ts';
import { formatError, LastgoodError } from '../../base/index.ts';

const run = promisify(execFile);

/** Larger blobs are no prompts; leaving them out keeps monorepos fast. */
const LARGEST_BLOB = 32 * 1024 * 1024;
/** Files that can hold the cases of a large suite. */
const CASE_FILE = /\.(jsonl?|csv|ya?ml)$/i;
const LARGEST_CASE_FILE = 16 * LARGEST_BLOB;
const LIST_BUFFER = 512 * 1024 * 1024;

export interface BaseTree {
  /** Commit, 40 hex digits: where the branch left `ref` when both have a common ancestor, else `ref` itself. */
  readonly commit: string;
  /** Is `commit` a common ancestor? In a shallow clone there may be none. */
  readonly ancestor: boolean;
  /** Temporary folder that holds the tree. */
  readonly dir: string;
  /** Root of the user's repository. */
  readonly root: string;
  /** The same file in the base tree; it need not exist there. */
  at(file: string): string;
  dispose(): Promise<void>;
}

/** Root of the repository that holds `folder`; null outside of one. */
export async function repositoryRoot(folder: string): Promise<string | null> {
  try {
    return (await git(folder, ['rev-parse', '--show-toplevel'])).trim();
  } catch {
    return null;
  }
}

/** Writes the tree of `ref` (or of the commit where this branch left it). The caller disposes of it. */
export async function openBaseTree(ref: string, cwd: string): Promise<BaseTree> {
  const root = await rootOf(cwd);
  const { commit, ancestor } = await commitOf(ref, cwd);
  const dir = await mkdtemp(join(tmpdir(), 'lastgood-base-'));
  const dispose = (): Promise<void> => rm(dir, { recursive: true, force: true });
  try {
    await writeTree(root, commit, dir);
  } catch (error) {
    await dispose();
    throw error;
  }
  const prefix = (await git(cwd, ['rev-parse', '--show-prefix'])).replace(/\n$/, '');
  return {
    commit,
    ancestor,
    dir,
    root,
    // Through the prefix git gives, not the root: on some systems the working folder is reached through a link.
    at: (file) => resolve(dir, prefix, relative(cwd, resolve(cwd, file))),
    dispose,
  };
}

/** Files that differ between the commit and the work tree, untracked ones included; paths from the repository's root. */
export async function changedFiles(root: string, commit: string): Promise<string[]> {
  const [tracked, untracked] = await Promise.all([
    git(root, ['diff', '--name-only', '-z', '--no-renames', commit, '--']),
    git(root, ['ls-files', '--others', '--exclude-standard', '-z']),
  ]);
  return [...new Set([...tracked.split('\0'), ...untracked.split('\0')])].filter((f) => f !== '').sort();
}

async function rootOf(cwd: string): Promise<string> {
  try {
    return (await git(cwd, ['rev-parse', '--show-toplevel'])).trim();
  } catch (cause) {
    throw new LastgoodError({
      code: 'CHANGED_NO_GIT',
      message: `a base commit needs a git repository: ${lastLine(cause)}`,
      where: { file: cwd },
      hint: 'run it inside a clone, or leave out --changed and --exam to check the files as they are',
      cause,
    });
  }
}

async function commitOf(ref: string, cwd: string): Promise<Pick<BaseTree, 'commit' | 'ancestor'>> {
  let tip: string;
  try {
    if (ref.startsWith('-')) throw new Error('a name cannot begin with "-"');
    tip = (
      await git(cwd, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])
    ).trim();
  } catch (cause) {
    throw new LastgoodError({
      code: 'CHANGED_NO_BASE',
      message: `there is no commit "${ref}" in this clone`,
      hint: 'fetch it first: `git fetch origin main` (GitHub: actions/checkout with fetch-depth: 0; GitLab: GIT_DEPTH: 0); --exam head needs no base',
      cause,
    });
  }
  try {
    return { commit: (await git(cwd, ['merge-base', tip, 'HEAD'])).trim(), ancestor: true };
  } catch {
    // A shallow clone has no common ancestor: the tip itself asks for more cases, never for fewer than changed.
    return { commit: tip, ancestor: false };
  }
}

/** Streams every blob of the commit into `dir`. */
async function writeTree(root: string, commit: string, dir: string): Promise<void> {
  const listed = await git(root, ['ls-tree', '-r', '-l', '-z', '--full-tree', commit]);
  const entries = listed
    .split('\0')
    .map((line) => /^(\d{6}) blob ([0-9a-f]+) +(\d+)\t([\s\S]+)$/.exec(line))
    .flatMap((m) =>
      m === null ? [] : [{ mode: m[1], oid: m[2] as string, size: Number(m[3]), path: m[4] as string }],
    )
    .filter(
      (e) =>
        e.size <= (CASE_FILE.test(e.path) ? LARGEST_CASE_FILE : LARGEST_BLOB) &&
        inside(dir, join(dir, e.path)),
    );
  if (entries.length === 0) return;
  const child = spawn('git', ['cat-file', '--batch'], { cwd: root, stdio: ['pipe', 'pipe', 'ignore'] });
  const closed = once(child, 'close');
  // A child that dies early closes its end; its exit code tells the story.
  child.stdin.on('error', () => {});
  child.stdin.end(entries.map((e) => `${e.oid}\n`).join(''));
  let waiting: Buffer[] = [];
  let length = 0;
  // Bytes the next entry needs at least; joining only then keeps large files linear.
  let needed = 0;
  let next = 0;
  for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
    waiting.push(chunk);
    length += chunk.length;
    if (length < needed) continue;
    let buffer = waiting.length === 1 ? chunk : Buffer.concat(waiting);
    for (;;) {
      const end = buffer.indexOf(10);
      const entry = entries[next];
      if (end < 0 || entry === undefined) break;
      needed = end + 1 + entry.size + 1;
      if (buffer.length < needed) break;
      await writeEntry(dir, entry, buffer.subarray(end + 1, end + 1 + entry.size));
      buffer = buffer.subarray(needed);
      needed = 0;
      next++;
    }
    waiting = [buffer];
    length = buffer.length;
  }
  await closed;
  if (next < entries.length) {
    throw new LastgoodError({
      code: 'CHANGED_UNREADABLE',
      message: `git could not read the files of ${commit.slice(0, 12)} (${next} of ${entries.length} were read)`,
      hint: 'a partial clone needs its blobs: `git fetch --refetch`, or leave out --changed and pass --exam head',
      exitCode: 4,
    });
  }
}

async function writeEntry(
  dir: string,
  entry: { readonly mode: string | undefined; readonly path: string },
  content: Buffer,
): Promise<void> {
  const file = join(dir, entry.path);
  await mkdir(dirname(file), { recursive: true });
  if (entry.mode !== '120000') {
    await writeFile(file, content);
    return;
  }
  const target = content.toString('utf8');
  // A link that leads out of the tree would read today's file as yesterday's.
  if (inside(dir, resolve(dirname(file), target))) await symlink(target, file);
}

function inside(dir: string, file: string): boolean {
  return file.startsWith(dir + sep);
}

/** An error about the tree of the merge base, in a reader's words: no temporary folder, and what to do instead. */
export function explained(
  error: unknown,
  base: Pick<BaseTree, 'dir' | 'commit'>,
  code: ErrorCode,
  message: string,
): unknown {
  if (!(error instanceof LastgoodError)) return error;
  const why = formatError(error)
    .replaceAll(`${base.dir}/`, `${base.commit.slice(0, 12)}:`)
    .replaceAll(base.dir, base.commit.slice(0, 12));
  return new LastgoodError({
    code,
    message: `${message}: ${why}`,
    hint: "--exam head takes the branch's own exam",
    cause: error,
  });
}

/** Every file of the tree, absolute. */
export async function treeFiles(base: BaseTree): Promise<string[]> {
  const listed = await git(base.root, ['ls-tree', '-r', '-z', '--name-only', '--full-tree', base.commit]);
  return listed
    .split('\0')
    .filter((path) => path !== '')
    .map((path) => join(base.dir, path));
}

/** Does git know a commit of this name? */
export async function hasCommit(ref: string, cwd: string): Promise<boolean> {
  return git(cwd, ['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`]).then(
    () => true,
    () => false,
  );
}

/** Names of all branches, local and remote; tags are no branches. */
export async function branches(cwd: string): Promise<string[]> {
  const listed = await git(cwd, ['for-each-ref', '--format=%(refname)', 'refs/heads', 'refs/remotes']);
  return listed.split('\n').filter((name) => name !== '');
}

/**
 * Is what this clone calls the remote's main branch only the branch that is checked out? A shallow clone of one branch says so of
 * whatever it was made of.
 */
export async function knowsOnlyItself(cwd: string): Promise<boolean> {
  const ask = (args: readonly string[]): Promise<string | null> =>
    git(cwd, args).then(
      (text) => text.trim(),
      () => null,
    );
  if ((await ask(['rev-parse', '--is-shallow-repository'])) !== 'true') return false;
  const main = await ask(['symbolic-ref', '--short', 'refs/remotes/origin/HEAD']);
  const current = await ask(['symbolic-ref', '--short', 'HEAD']);
  return main !== null && main === `origin/${current}` && !/^(main|master)$/.test(current ?? '');
}

/** One setting of git; null when it is not set. */
export async function gitSetting(name: string, cwd: string): Promise<string | null> {
  return git(cwd, ['config', '--get', name]).then(
    (text) => text.trim(),
    () => null,
  );
}

/** The content of a file in the index (what the branch has committed or staged) and at `commit`; null = not there. */
export async function trackedContent(
  root: string,
  commit: string,
  file: string,
): Promise<{ readonly now: string | null; readonly base: string | null }> {
  const path = relative(root, file).split(sep).join('/');
  if (path.startsWith('../') || path === '') return { now: null, base: null };
  const literal = `:(literal,top)${path}`;
  const [now, base] = await Promise.all([
    git(root, ['ls-files', '--stage', '-z', '--', literal]),
    git(root, ['ls-tree', '-z', '--full-tree', commit, '--', path]),
  ]);
  const oid = (line: string, at: number): string | null => line.split(/[ \t]/)[at] ?? null;
  return { now: now === '' ? null : oid(now, 1), base: base === '' ? null : oid(base, 2) };
}

async function git(cwd: string, args: readonly string[]): Promise<string> {
  const { stdout } = await run('git', [...args], { cwd, maxBuffer: LIST_BUFFER, encoding: 'utf8' });
  return stdout;
}

function lastLine(cause: unknown): string {
  const { stderr, message } = cause as { stderr?: string; message?: string };
  return (stderr ?? message ?? String(cause)).trim().split('\n').at(-1) ?? '';
}
