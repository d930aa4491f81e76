// The plan as files: the restored release, proven to load to the fingerprint it claims, the runbook, and the decision as JSON.

import { mkdir, open, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { LastgoodError, shortHash, withOwnFile } from '../../base/index.ts';
import { replaceFileWith, unwritable } from '../../base/replace-file.ts';
import type { Release } from '../../core/index.ts';
import { consentToRoute, isLocalCheck } from '../../engine/workplace/consent.ts';
import type { Workplace } from '../../engine/workplace/workplace.ts';
import { diffReleases, loadRelease, releaseToYaml } from '../../release/index.ts';
import { rollbackRunbook } from '../../report/markdown/rollback-runbook.ts';
import { restoreOrder } from '../../rollback/index.ts';
import type { RollbackResult } from './rollback.ts';

/** `file`: only the restored release; `folder`: release.yaml, runbook.md and rollback.json. */
export interface PlanPlace {
  readonly kind: 'file' | 'folder';
  readonly path: string;
}

/** Where `--write` points; checked and made before any call is paid. */
export async function preparePlan(asked: string, cwd: string): Promise<PlanPlace> {
  const path = resolve(cwd, asked);
  const isFile = /\.(ya?ml|json)$/i.test(asked) && !(await isFolder(path));
  try {
    await mkdir(isFile ? dirname(path) : path, { recursive: true });
    const probe = isFile ? path : join(path, 'runbook.md');
    await (await open(probe, 'a')).close();
  } catch (cause) {
    throw new LastgoodError({
      code: 'OUTPUT_UNWRITABLE',
      message: `the plan cannot be written: ${(cause as NodeJS.ErrnoException).code ?? String(cause)}`,
      where: { file: path },
      cause,
    });
  }
  return { kind: isFile ? 'file' : 'folder', path };
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (s) => s.isDirectory(),
    () => false,
  );
}

/** Writes the plan; returns the files. Throws RESTORE_NOT_EXACT when the written release loads to another fingerprint. */
export async function writePlan(
  work: Workplace,
  place: PlanPlace,
  result: RollbackResult,
): Promise<readonly string[]> {
  const { decision } = result;
  const target = result.target === null ? null : await writable(work, result.target);
  if (place.kind === 'file') {
    if (target === null || decision.target === null) return [];
    await writeRelease(place.path, releaseToYaml(target, dirname(place.path)), decision.target.fingerprint);
    return [place.path];
  }
  const files: string[] = [];
  const put = async (name: string, text: string): Promise<void> => {
    const file = join(place.path, name);
    await writeText(file, text);
    files.push(file);
  };
  if (target !== null && decision.target !== null) {
    const file = join(place.path, 'release.yaml');
    await writeRelease(file, releaseToYaml(target, place.path), decision.target.fingerprint);
    files.push(file);
  }
  const blessing = (await work.store.blessings(decision.suite)).findLast(
    (b) => b.snapshot === decision.baseline.id,
  );
  await put(
    'runbook.md',
    rollbackRunbook({
      decision,
      comparison: result.comparison,
      changes: layerChanges(result),
      releaseFile: target === null ? null : 'release.yaml',
      blessedBy: blessing?.by ?? null,
      at: work.clock.now().toISOString(),
    }),
  );
  await put('rollback.json', `${JSON.stringify(decision, null, 2)}\n`);
  return files;
}

function layerChanges({ current, target }: RollbackResult): Parameters<typeof rollbackRunbook>[0]['changes'] {
  if (target === null) return [];
  const diffs = diffReleases(current, target).filter((d) => d.state !== 'same');
  return restoreOrder(diffs.map((d) => d.layer)).map((layer) => ({
    layer,
    lines: diffs.find((d) => d.layer === layer)?.lines ?? [],
  }));
}

/**
 * The release as it may be written into a file of this tree, where its code would count as the project's own: a command needs
 * the same consent as to be run, and a check that only the ledger knows is left out (it is no part of what was verified).
 */
async function writable(work: Workplace, release: Release): Promise<Release> {
  if (release.layers.route.provider === 'command') await consentToRoute(work, release);
  const dependents = [];
  for (const { check, ...dependent } of release.dependents)
    dependents.push(
      check !== undefined && (await isLocalCheck(work, release, check)) ? { ...dependent, check } : dependent,
    );
  return { ...release, dependents };
}

/** A file that restores something else than what was proven is worse than none, so it is loaded before it is claimed. */
export async function writeRelease(file: string, text: string, fingerprint: string): Promise<void> {
  await writeText(file, text);
  const loaded = await withOwnFile(() => loadRelease(file));
  if (loaded.fingerprint === fingerprint) return;
  throw new LastgoodError({
    code: 'RESTORE_NOT_EXACT',
    message: `the written release loads to ${shortHash(loaded.fingerprint)}, not to ${shortHash(fingerprint)}: it must not be used`,
    where: { file },
    hint: 'restore the layers by hand from the runbook, and report this as a defect',
    exitCode: 4,
  });
}

async function writeText(file: string, text: string): Promise<void> {
  try {
    await replaceFileWith(file, [text]);
  } catch (cause) {
    throw unwritable('the plan', file, cause as NodeJS.ErrnoException);
  }
}
