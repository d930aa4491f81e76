// What commands that take observations in share: how much is stored, and the rules that lines are checked by.

import { type Command, InvalidArgumentError } from 'commander';
import { OBSERVATION_STORES, type ObservationStoreMode } from '../../core/observation.ts';
import type { LineRules } from '../../jobs/observe/check-line.ts';
import type { Io } from '../terminal/io.ts';
import type { CommonOptions } from './session.ts';

export interface ObserveOptions extends CommonOptions {
  readonly store?: ObservationStoreMode;
  readonly sample?: number;
  readonly prices?: string;
}

/** Adds the options that say what is stored. */
export function observing(command: Command): Command {
  return command
    .option(
      '--store <what>',
      'numbers (default): no texts; outputs: answers and their inputs, too',
      storeMode,
    )
    .option(
      '--sample <share>',
      'share of the answers whose texts are stored, chosen by id (default 1)',
      share,
    )
    .option('--prices <file>', 'price file for answers that come without their cost');
}

function storeMode(text: string): ObservationStoreMode {
  const found = OBSERVATION_STORES.find((mode) => mode === text);
  if (found === undefined) throw new InvalidArgumentError(`one of ${OBSERVATION_STORES.join(', ')}`);
  return found;
}

function share(text: string): number {
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (!(value > 0 && value <= 1))
    throw new InvalidArgumentError('a share above 0 and up to 1, e.g. 0.1 or 10%');
  return value;
}

/** The ledger and the rules of this project under these options. */
export async function observeRules(
  io: Io,
  options: ObserveOptions,
): Promise<{ readonly db: string; readonly rules: LineRules }> {
  const [{ ledgerPlace, readSettings }, { lineRules }, { resolve }] = await Promise.all([
    import('../../engine/workplace/settings-file.ts'),
    import('../../jobs/observe/line-rules.ts'),
    import('node:path'),
  ]);
  const settings = await readSettings(io.cwd);
  const rules = await lineRules({
    environment: io.environment,
    redact: settings.redact ?? [],
    projectStore: settings.store,
    store: options.store,
    sample: options.sample ?? 1,
    pricesFile: options.prices === undefined ? settings.prices : resolve(io.cwd, options.prices),
  });
  return { db: ledgerPlace(io, options.db, settings), rules };
}
