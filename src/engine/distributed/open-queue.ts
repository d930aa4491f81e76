// Opens the queue of shared runs in the ledger's database.

import { LastgoodError } from '../../base/errors.ts';
import type { RunSharing, RunTaking } from '../../core/shared-run.ts';
import { isServerAddress, shownPlace } from '../../ledger/model/address.ts';

/** The caller closes it. Throws `DISTRIBUTED_LEDGER` for a ledger in a file. */
export async function openSharing(place: string): Promise<RunSharing> {
  checkPlace(place, 'run --distributed');
  return (await import('../../ledger/shared-runs/sharing.ts')).openRunSharing(place);
}

/** The caller closes it. Throws `DISTRIBUTED_LEDGER` for a ledger in a file. */
export async function openTaking(place: string, host: string): Promise<RunTaking> {
  checkPlace(place, 'worker');
  return (await import('../../ledger/shared-runs/taking.ts')).openRunTaking(place, host);
}

function checkPlace(place: string, command: string): void {
  if (isServerAddress(place)) return;
  throw new LastgoodError({
    code: 'DISTRIBUTED_LEDGER',
    message: `\`lastgood ${command}\` needs a ledger on a PostgreSQL server, and ${shownPlace(place)} is a file; nothing was run`,
    hint: 'pass --db postgres://USER@HOST/DATABASE, or set LASTGOOD_DB',
  });
}
