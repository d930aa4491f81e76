// The guard's rules of a feature, out of its ticket beside the application. Read again when the file changed.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LastgoodError } from '../../base/index.ts';
import type { GuardRules } from '../../core/index.ts';
import { readText } from '../../engine/workplace/checked-file.ts';
import { parseTicket } from '../../rollout/index.ts';

/** A feature without a ticket, or without a guard in it, can be stopped, and nothing else. */
const NO_RULES: GuardRules = { rate: {}, approveAbove: {}, fail: 'closed' };

export type FoundRules =
  | { readonly ok: true; readonly rules: GuardRules }
  /** The ticket cannot be read: what it forbids is not known, so nothing is allowed. */
  | { readonly ok: false; readonly code: string };

/** Looks rules up by feature, in `features/` of a project. */
export function ticketRules(project: string): (feature: string) => Promise<FoundRules> {
  const cached = new Map<string, { readonly stamp: string; readonly found: FoundRules }>();
  return async (feature) => {
    const file = join(project, 'features', `${feature}.yaml`);
    const info = await stat(file).catch((error: NodeJS.ErrnoException) => error);
    if (info instanceof Error)
      return info.code === 'ENOENT' || info.code === 'ENOTDIR'
        ? { ok: true, rules: NO_RULES }
        : { ok: false, code: info.code ?? 'FILE_UNREADABLE' };
    const stamp = `${info.mtimeMs}:${info.size}:${info.ino}`;
    const known = cached.get(feature);
    if (known?.stamp === stamp) return known.found;
    const found = await read(file);
    cached.set(feature, { stamp, found });
    return found;
  };
}

async function read(file: string): Promise<FoundRules> {
  try {
    return { ok: true, rules: parseTicket(await readText(file), file).guard ?? NO_RULES };
  } catch (error) {
    if (!(error instanceof LastgoodError)) throw error;
    return { ok: false, code: error.code };
  }
}
