// Which words of a command name files of the repository, and the hashes of these files: a changed script is another command.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import { normalizeNewlines, sha256 } from './json.ts';

/** The root of the repository that `folder` belongs to; null outside of one. */
function repositoryOf(folder: string): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    if (existsSync(join(at, '.git'))) return at;
    if (dirname(at) === at) return null;
  }
}

/**
 * SHA-256 of each file of the repository that a command names, by the word that names it (`check.py`, or `--rules=rules.json`): every
 * relative path, and an absolute one that lies in the repository. The first word counts when it is a path: a bare `python3` is found
 * through PATH. Installed packages do not count.
 */
export function commandFiles(command: readonly string[], cwd: string): Record<string, string> {
  return Object.fromEntries(pathsOf(command, cwd).map(([word, path]) => [word, hashOfFile(path)]));
}

/** The words that name such a file, and the file's path. Nothing is read. */
export function pathsOf(command: readonly string[], cwd: string): [word: string, path: string][] {
  return command.flatMap((word, i): [string, string][] => {
    if (i === 0 && !/[\\/]/.test(word)) return [];
    const path = fileNamed(word, cwd);
    if (path === null || path.split(sep).includes('node_modules')) return [];
    return isAbsolute(named(word, path, cwd)) && !inRepository(path, cwd) ? [] : [[word, path]];
  });
}

/** The part of a word that names the file. */
function named(word: string, path: string, cwd: string): string {
  return partsOf(word).find((part) => resolve(cwd, part) === path) ?? word;
}

function inRepository(path: string, cwd: string): boolean {
  const root = repositoryOf(cwd);
  if (root === null) return false;
  const inside = relative(root, path);
  return !isAbsolute(inside) && inside.split(sep)[0] !== '..';
}

/** The word itself, and what follows the `=` of an option. */
function partsOf(word: string): string[] {
  return [word, ...(/^-.*?=(.+)$/s.exec(word)?.slice(1) ?? [])];
}

/** The file of a word that `commandFiles` hashed. */
export function fileNamed(word: string, cwd: string): string | null {
  for (const candidate of partsOf(word)) {
    if (candidate === '' || candidate.length > 1000 || candidate.includes('\0')) continue;
    const path = resolve(cwd, candidate);
    try {
      if (statSync(path, { throwIfNoEntry: false })?.isFile() === true) return path;
    } catch {
      // Too long for a name, or in a folder that is not ours: no file of the repository.
    }
  }
  return null;
}

/** Line ends aside, so that a checkout on Windows has the same hash; bytes that are no text count as they are. */
export function hashOfFile(path: string): string {
  const bytes = readFileSync(path);
  const text = bytes.toString('utf8');
  return Buffer.from(text, 'utf8').equals(bytes) ? sha256(normalizeNewlines(text)) : bytesHash(bytes);
}

function bytesHash(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
