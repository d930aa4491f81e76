// Opens the ledger and gathers what every job needs: the one place where the real world is wired to the stages.

import { randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { type Clock, type Progress, type Rng, secretMask, secretValues } from '../../base/index.ts';
import type { Prices } from '../../core/index.ts';
import { openLedger } from '../../ledger/open-ledger.ts';
import type { Privacy, RedactRule, StoreMode } from './privacy.ts';
import type { Workplace } from './workplace.ts';

export interface WorkplaceInput {
  readonly db: string;
  /** The project's folder, from which the ledger keeps places of files (default: the current one). */
  readonly root?: string | undefined;
  /** A copy of the project at another commit whose files are used; the ledger keeps their places in the project. */
  readonly copy?: { readonly folder: string; readonly of: string } | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly progress: Progress;
  /** Price file; null = costs are unknown. */
  readonly pricesFile?: string | undefined;
  readonly version: string;
  readonly node: string;
  readonly platform: string;
  readonly signal: AbortSignal;
  readonly hardSignal: AbortSignal;
  readonly clock?: Clock;
  readonly rng?: Rng;
  /** Redaction rules and how much text is stored; see privacy.ts. */
  readonly redact?: readonly RedactRule[] | undefined;
  readonly storeMode?: StoreMode | undefined;
  /** Refuse to create a ledger that is not there: for commands that only read. */
  readonly mustExist?: boolean;
  /** Rows from which on the ledger is written by a thread of its own; see `LedgerOptions`. */
  readonly threadFromRows?: number | undefined;
}

/** Wall-clock time. */
export const SYSTEM_CLOCK: Clock = { now: () => new Date() };

/** Unpredictable numbers: nonces that fence a judge's input must not be guessable. */
export const SECURE_RNG: Rng = { next: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48 };

/** The caller closes `store`. */
export async function openWorkplace(input: WorkplaceInput): Promise<Workplace> {
  const privacy = await privacyOf(input);
  const project = {
    root: resolve(input.root ?? '.'),
    home: input.environment['HOME'] ?? input.environment['USERPROFILE'],
    copy: input.copy,
  };
  const { mustExist, threadFromRows } = input;
  const store = await openLedger(input.db, { create: mustExist !== true, project, threadFromRows });
  return {
    store,
    project,
    privacy,
    clock: input.clock ?? SYSTEM_CLOCK,
    rng: input.rng ?? SECURE_RNG,
    env: Object.assign((name: string) => input.environment[name], { names: Object.keys(input.environment) }),
    // The password of the ledger's address, whichever way it came.
    mask: secretMask(secretValues({ ...input.environment, LASTGOOD_DB: input.db })),
    servers: new Map(),
    progress: input.progress,
    prices: input.pricesFile === undefined ? null : await readPrices(input.pricesFile),
    environment: { lastgood: input.version, node: input.node, platform: input.platform },
    signal: input.signal,
    hardSignal: input.hardSignal,
  };
}

/** Null where everything may be kept, as in most projects. */
async function privacyOf({ redact = [], storeMode = 'all' }: WorkplaceInput): Promise<Privacy | null> {
  if (redact.length === 0 && storeMode === 'all') return null;
  return (await import('./privacy.ts')).readPrivacy(redact, storeMode);
}

/** A price file, checked. */
export async function readPrices(file: string): Promise<Prices> {
  const [{ readChecked }, { pricesSchema }] = await Promise.all([
    import('./checked-file.ts'),
    import('../../core/prices-schema.ts'),
  ]);
  return readChecked(file, pricesSchema, 'PRICES');
}
