// A workplace for programs that use lastgood as a library: the options of the command line, with defaults.

import { readFileSync } from 'node:fs';
import { packageFile } from '../base/package-files.ts';
import { SILENT } from '../base/ports.ts';
import { openWorkplace as open, type WorkplaceInput } from '../engine/workplace/open-workplace.ts';
import type { Workplace } from '../engine/workplace/workplace.ts';

/** `db`: path of the ledger, made unless `mustExist`. Everything else has a default. */
export type OpenWorkplaceInput = Pick<WorkplaceInput, 'db'> & Partial<WorkplaceInput>;

/**
 * Opens the ledger and gathers what every job needs. The caller closes `store`.
 * Defaults: keys from `process.env`, no progress, no signal, no prices (costs are unknown), real time and chance.
 * Throws `LEDGER_*` errors where the ledger cannot be opened.
 */
export async function openWorkplace(input: OpenWorkplaceInput): Promise<Workplace> {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  const never = new AbortController().signal;
  const defaults = {
    environment: process.env,
    progress: SILENT,
    version,
    node: process.versions.node,
    platform: process.platform,
    signal: never,
    hardSignal: input.signal ?? never,
  };
  return await open({ ...defaults, ...input });
}
