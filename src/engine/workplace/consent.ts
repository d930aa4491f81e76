// Which code may run that a release or a suite out of the ledger names: what stands in a file of this working tree, or was allowed.

import { readdir } from 'node:fs/promises';
import { join, sep } from 'node:path';
import {
  claimCode,
  isStanding,
  type JsonValue,
  LastgoodError,
  projectRoot,
  trust,
} from '../../base/index.ts';
import { commandCode, type Release, type Suite } from '../../core/index.ts';
import type { Workplace } from './workplace.ts';

/** Files looked through for a command before it is refused. */
const MOST_FILES = 2000;
const FOLDERS = ['releases', 'suites', 'judges'];

/**
 * Is this release's route known from imported files alone? Such a route is never run through `command`, and its address needs
 * consent. The one place that asks the ledger where a snapshot came from.
 */
async function isOnlyImported({ store }: Workplace, release: Release): Promise<boolean> {
  const known = new Map<string, { route: string | undefined; imported: boolean }>();
  for (const summary of await store.list()) {
    const imported = summary.imported === true;
    const before = known.get(summary.fingerprint);
    if (before === undefined)
      known.set(summary.fingerprint, {
        route: (await store.releaseOf(summary.id)).layerHashes.route,
        imported,
      });
    else if (!imported) before.imported = false;
  }
  // A hybrid has a fingerprint of its own, and the route of one that was run.
  const same = [...known.values()].filter((k) => k.route === release.layerHashes.route);
  return same.length > 0 && same.every((k) => k.imported);
}

/** Before a provider is made. Throws `CODE_REFUSED`, `CODE_NOT_LOCAL` or `CODE_IMPORTED`. */
export async function consentToRoute(work: Workplace, release: Release): Promise<void> {
  const { route } = release.layers;
  const where = release.file === null ? { key: 'route' } : { file: release.file, key: 'route' };
  if (route.provider === 'command') {
    const code = commandCode(release);
    const { command } = route;
    const shown = `${Array.isArray(command) ? command.map(String).join(' ') : String(command)} (release ${release.name})`;
    await findStanding(work, 'command', code, release.file);
    if (!isStanding('command', code) && (await isOnlyImported(work, release))) {
      throw new LastgoodError({
        code: 'CODE_IMPORTED',
        message: `release "${release.name}" is known from an imported file alone, and its command is never run: ${shown}`,
        where,
        hint: 'write the release into a file of this project, after reading its command',
        exitCode: 3,
      });
    }
    claimCode('command', code, shown, where);
    return;
  }
  const address = route['url'] ?? route['base-url'];
  if (typeof address !== 'string' || isStanding('address', address)) return;
  if (!(await isOnlyImported(work, release))) return;
  await findStanding(work, 'address', address, release.file);
  // Prompts and keys would go there.
  claimCode('address', address, `${address} (release ${release.name})`, where);
}

/** Before a dependent's check runs. */
export async function consentToCheck(work: Workplace, release: Release, check: string): Promise<void> {
  await findStanding(work, 'check', check, release.file);
  claimCode('check', check, check, release.file === null ? {} : { file: release.file, key: 'dependents' });
}

/** Does this check stand in a file of the working tree, or is other code allowed? */
export async function isLocalCheck(work: Workplace, release: Release, check: string): Promise<boolean> {
  await findStanding(work, 'check', check, release.file);
  return isStanding('check', check) || trust().allowCommands;
}

/** Before graders of a suite run that came out of the ledger: its own file is read, so that its modules count as standing in it. */
export async function consentToGraders(suite: Suite): Promise<void> {
  const paths = new Set<string>();
  for (const c of suite.cases)
    for (const grader of c.graders) if (grader.type === 'javascript') paths.add(grader.options.path);
  const missing = [...paths].filter((path) => !isStanding('javascript grader', path));
  if (missing.length === 0) return;
  if (suite.file !== null) {
    const { loadSuite } = await import('../../suite/load-suite.ts');
    await ignoringErrors(() => loadSuite(suite.file as string));
  }
  for (const path of missing)
    claimCode('javascript grader', path, path, suite.file === null ? {} : { file: suite.file });
}

/** Loads the release files at hand until the code stands in one of them; what cannot be loaded brings nothing. */
async function findStanding(
  work: Workplace,
  kind: 'command' | 'check' | 'address',
  content: JsonValue,
  named: string | null,
): Promise<void> {
  if (isStanding(kind, content)) return;
  const { loadRelease } = await import('../../release/load-release.ts');
  const root = work.project?.root ?? null;
  // The file a ledger names counts only where it lies in this project.
  const own = named !== null && root !== null && isBelow(root, named) ? [named] : [];
  for (const file of [...own, ...(root === null ? [] : await releaseFiles(root))]) {
    await ignoringErrors(() => loadRelease(file));
    if (isStanding(kind, content)) return;
  }
}

function isBelow(root: string, file: string): boolean {
  const top = projectRoot(root) ?? root;
  return file.startsWith(top.endsWith(sep) ? top : top + sep);
}

async function releaseFiles(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const folder of FOLDERS) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    for (const entry of entries) {
      if (found.length >= MOST_FILES) return found;
      if (entry.isFile() && /\.(ya?ml|json)$/.test(entry.name))
        found.push(join(entry.parentPath, entry.name));
    }
  }
  return found.sort();
}

async function ignoringErrors(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
  }
}
