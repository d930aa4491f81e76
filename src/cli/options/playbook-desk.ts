// Opens what a playbook is filled from, and checks one: for `playbook`, `playbook check` and `drill`.

import { LastgoodError } from '../../base/errors.ts';
import type { SecretMask } from '../../base/index.ts';
import type { Playbook, PlaybookCheck, PlaybookPart } from '../../core/index.ts';
import { DEFAULT_ENVIRONMENT } from '../../core/shipping.ts';
import type { Io } from '../terminal/io.ts';
import { ledgerOf, withProduction } from './production.ts';
import type { CommonOptions } from './session.ts';
import { withShippingLog } from './shipping-options.ts';

export interface PlaybookOptions extends CommonOptions {
  readonly environment?: string;
  /** Where the pages are. */
  readonly url?: URL;
  /** How old a verified target and a drill may be, in ms. */
  readonly maxAge?: number;
}

interface MadePlaybook {
  readonly playbook: Playbook;
  readonly parts: readonly PlaybookPart[];
  /** For what is written into a file. */
  readonly mask: SecretMask;
}

/** The playbook of a ticket file, or of a name under features/. */
export async function makePlaybook(io: Io, asked: string, options: PlaybookOptions): Promise<MadePlaybook> {
  const [{ playbookJob }, { DEFAULT_MAX_AGE_MS }, { withGuard }, { webhookOf }] = await Promise.all([
    import('../../jobs/playbook/playbook.ts'),
    import('../../jobs/playbook/playbook-parts.ts'),
    import('../../jobs/guard/open-guard.ts'),
    import('../../engine/workplace/webhook-address.ts'),
  ]);
  return withShippingLog(io, options, async ({ work, settings, shipping }) =>
    withGuard(await ledgerOf(io, options), (guard) =>
      withProduction(io, options, async (observations) => ({
        mask: work.mask,
        ...(await playbookJob(
          { work, shipping, guard, observations },
          {
            ...{ asked, environment: options.environment ?? DEFAULT_ENVIRONMENT, cwd: io.cwd },
            ...{ server: options.url ?? null, ledger: await ledgerWords(io, options) },
            webhook: hasWebhook(() => webhookOf(work, settings.webhook)),
            maxAgeMs: options.maxAge ?? DEFAULT_MAX_AGE_MS,
          },
        )),
      })),
    ),
  );
}

/** Makes the playbook and runs its commands. */
export async function rehearsePlaybook(
  io: Io,
  asked: string,
  options: PlaybookOptions,
): Promise<PlaybookCheck> {
  const { run } = io;
  if (run === undefined) throw new Error('a playbook is checked by the program that has its commands');
  const { checkPlaybook } = await import('../../jobs/playbook/check-playbook.ts');
  const { playbook, parts } = await makePlaybook(io, asked, options);
  return checkPlaybook(playbook, parts, { run, clock: { now: () => new Date() }, signal: io.signal });
}

/** A variable that is not set here is found by the playbook, and does not end it. */
function hasWebhook(address: () => URL | null): boolean {
  try {
    return address() !== null;
  } catch (error) {
    if (error instanceof LastgoodError) return false;
    throw error;
  }
}

/** `--db PLACE` for the commands of the playbook; none where lastgood.yaml or the default says the same. */
async function ledgerWords(io: Io, options: CommonOptions): Promise<readonly string[]> {
  const { ledgerPlace, readSettings, scheduledLedger } = await import(
    '../../engine/workplace/settings-file.ts'
  );
  const settings = await readSettings(io.cwd);
  const place = ledgerPlace(io, options.db, settings);
  if (place === settings.db) return [];
  const inside = scheduledLedger(io.cwd, place);
  return ['--db', inside.startsWith('..') ? place : inside];
}
