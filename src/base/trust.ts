// How far the files at hand are trusted: which of them may be read, and which code of theirs may run. Set once for each command.

import { AsyncLocalStorage } from 'node:async_hooks';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { type ErrorWhere, LastgoodError } from './errors.ts';
import type { JsonValue } from './json.ts';

/** A kind of code that a file can bring. */
export type CodeKind =
  | 'command'
  | 'check'
  | 'command grader'
  | 'javascript grader'
  | 'redact module'
  | 'address';

export interface Trust {
  /** Folder whose files may be read; null = the project that holds the file which names another one. */
  readonly root: string | null;
  /** Files outside that folder may be read too. */
  readonly allowOutside: boolean;
  /** false = no code of any kind runs. */
  readonly code: boolean;
  /** Code that stands in no file of the working tree may run after it was listed. */
  readonly allowCommands: boolean;
  /** The files come from a stranger: no code, nothing outside the root, whatever else is allowed. */
  readonly untrusted: boolean;
  /** Code that stands in a file of this working tree; the loaders add to it. */
  readonly standing: Set<string>;
  /** Lists code before it runs, once each; what stands in a local file may be left out where nothing is to be printed. */
  readonly announce: (line: string, local: boolean) => void;
}

const current = new AsyncLocalStorage<Trust>();

/** Of a program that uses the library: it answers for the files it names. What only a ledger knows is no file of its own. */
const OWN_FILES: Trust = {
  root: null,
  allowOutside: true,
  code: true,
  allowCommands: false,
  untrusted: false,
  standing: new Set(),
  announce: () => {},
};

/** The rules that hold here. */
export function trust(): Trust {
  return current.getStore() ?? OWN_FILES;
}

/** Runs `work` under these rules, whatever it awaits. */
export function withTrust<T>(rules: Trust, work: () => T): T {
  return current.run(rules, work);
}

/** Reads files of another tree (a base commit, a folder of our own) under the rules that hold, with that folder as root. */
export function withRoot<T>(root: string, work: () => T): T {
  return withTrust({ ...trust(), root: real(root) }, work);
}

/** Reads a file that this program wrote from the ledger: it may name files anywhere, and no code stands in it. */
export function withOwnFile<T>(work: () => T): T {
  return withTrust({ ...trust(), allowOutside: true, untrusted: false, standing: new Set() }, work);
}

/** The folder that a project begins at: the nearest one upwards with a `.git`, else with another mark of a project; null without any. */
export function projectRoot(folder: string): string | null {
  const marked = (names: readonly string[]): string | null => {
    for (let dir = real(folder); ; dir = dirname(dir)) {
      if (names.some((name) => existsSync(join(dir, name)))) return dir;
      if (dirname(dir) === dir) return null;
    }
  };
  return marked(['.git']) ?? marked(['lastgood.yaml', 'package.json']);
}

/** Refuses a file (also one reached through a link) outside the working tree of the document that names it. Throws `PATH_OUTSIDE`. */
export function mustBeInside(path: string, document: string | undefined, where: ErrorWhere): void {
  const rules = trust();
  if (rules.allowOutside && !rules.untrusted) return;
  const root = rootFor(document, rules);
  if (inside(root, real(path))) return;
  throw new LastgoodError({
    code: 'PATH_OUTSIDE',
    message: `the file ${JSON.stringify(path)} is outside the working tree ${root}, expected a file inside it`,
    where,
    hint: rules.untrusted
      ? 'move the file into the repository; --untrusted reads nothing outside of it'
      : 'move the file into the project, or allow it with --allow-outside',
  });
}

/** A document that is named by hand sets its own tree, except where it comes from a stranger. */
function rootFor(document: string | undefined, rules: Trust): string {
  const base = document === undefined ? resolve('.') : dirname(resolve(document));
  const given = rules.root;
  if (given !== null && (rules.untrusted || inside(given, real(base)))) return given;
  return projectRoot(base) ?? real(base);
}

function inside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

/** Links followed; of what does not exist, as far as it does. */
function real(path: string): string {
  const absolute = isAbsolute(path) ? path : resolve(path);
  try {
    return realpathSync(absolute);
  } catch {
    const above = dirname(absolute);
    return above === absolute ? absolute : join(real(above), basename(absolute));
  }
}

/** A file that cannot be read as one; `message` goes behind the file's name. */
export class UnfitFile extends Error {
  readonly code = 'UNFIT_FILE';
}

/** Larger documents, prompts and schemas are no work of a person, and would not fit into memory several times over. */
export const LARGEST_DOCUMENT = 256 * 1024 * 1024;

/** Refuses devices, which never end (`/dev/null` is empty), and files of more than `most` bytes. Throws UnfitFile or the system's error. */
export function mustBeReadable(path: string, most = Number.POSITIVE_INFINITY): void {
  const stat = statSync(path);
  if ((stat.isCharacterDevice() && real(path) !== '/dev/null') || stat.isBlockDevice())
    throw new UnfitFile('is a device, expected a file');
  if (stat.isSocket()) throw new UnfitFile('is a socket, expected a file');
  if (stat.size > most) throw new UnfitFile(`has ${stat.size} bytes, expected at most ${most}`);
}

// Objects are made by `commandCode` alone, with their keys in one order.
const keyOf = (kind: CodeKind, content: JsonValue): string => `${kind} ${JSON.stringify(content)}`;

/** Remembers code that stands in a file of the working tree. */
export function codeStands(kind: CodeKind, content: JsonValue): void {
  trust().standing.add(keyOf(kind, content));
}

/** Does this code stand in a file that was loaded? */
export function isStanding(kind: CodeKind, content: JsonValue): boolean {
  return trust().standing.has(keyOf(kind, content));
}

/** Throws `CODE_REFUSED` where no code may run. `shown` is the code as a person reads it. */
export function mustRunCode(kind: CodeKind, shown: string, where: ErrorWhere = {}): void {
  const { code, untrusted } = trust();
  if (code && !untrusted) return;
  throw new LastgoodError({
    code: 'CODE_REFUSED',
    message: `this needs code to run, which ${untrusted ? '--untrusted' : '--no-code'} refuses: ${kind} ${shown}`,
    where,
    hint: `read the code, then run it without ${untrusted ? '--untrusted' : '--no-code'}`,
    exitCode: 3,
  });
}

/** Lists code that the caller's own files name, before it runs. Throws `CODE_REFUSED`. */
export function listCode(kind: CodeKind, shown: string, where: ErrorWhere = {}): void {
  mustRunCode(kind, shown, where);
  trust().announce(`code: ${kind}: ${shown}`, true);
}

/**
 * Asks for code to be run: refused where no code may run, and where it stands in no file of this working tree unless that is
 * allowed; listed otherwise. Throws `CODE_REFUSED` or `CODE_NOT_LOCAL`.
 */
export function claimCode(kind: CodeKind, content: JsonValue, shown: string, where: ErrorWhere = {}): void {
  mustRunCode(kind, shown, where);
  const { allowCommands, announce } = trust();
  const local = isStanding(kind, content);
  announce(`code${local ? '' : ' from the ledger'}: ${kind}: ${shown}`, local);
  if (local || allowCommands) return;
  throw new LastgoodError({
    code: 'CODE_NOT_LOCAL',
    message: `this code stands in no release or suite file of this working tree and was not run: ${kind} ${shown}`,
    where,
    hint: 'the ledger or an imported file brought it: restore the file that names it, or read it and pass --allow-commands',
    exitCode: 3,
  });
}
