// The project that the tests run in: its settings and its ledger.

import { resolve } from 'node:path';
import type { Progress, Warning } from '../base/index.ts';
import { ledgerPlace, readSettings, type Settings } from '../engine/workplace/settings-file.ts';
import type { Workplace } from '../engine/workplace/workplace.ts';
import { openWorkplace } from '../library/open-workplace.ts';

export interface PlaceOptions {
  /** The project's folder, with `lastgood.yaml`. Default: where vitest was started. */
  readonly cwd?: string | undefined;
  /** The ledger, a file or `postgres://…`; default: `LASTGOOD_DB`, that of `lastgood.yaml`, else `snapshots/lastgood.db`. */
  readonly db?: string | undefined;
  /** Price file, for costs and `maxCostUsd`; default: that of `lastgood.yaml`. */
  readonly prices?: string | undefined;
}

export interface Place {
  readonly cwd: string;
  readonly settings: Settings;
  readonly work: Workplace;
  /** What the run warned of. */
  readonly warnings: readonly Warning[];
}

/** The caller closes `work.store`. */
export async function openPlace(options: PlaceOptions, signal?: AbortSignal): Promise<Place> {
  const cwd = resolve(options.cwd ?? '.');
  const settings = await readSettings(cwd);
  const warnings: Warning[] = [];
  const progress: Progress = { warn: (warning) => warnings.push(warning), step: () => {} };
  const work = await openWorkplace({
    db: ledgerPlace({ cwd, environment: process.env }, options.db, settings),
    root: cwd,
    pricesFile: options.prices === undefined ? settings.prices : resolve(cwd, options.prices),
    redact: settings.redact,
    storeMode: settings.store,
    progress,
    ...(signal === undefined ? {} : { signal }),
  });
  return { cwd, settings, work, warnings };
}
