// Opens the log of the guard, and answers approvals for a person.

import type { SecretMask } from '../../base/index.ts';
import type { Approval, GuardStore } from '../../core/index.ts';
import { signed } from '../../engine/records/signature.ts';
import { isServerAddress } from '../../ledger/model/address.ts';
import { openGuard as open } from '../../ledger/sqlite/open-observations.ts';

/** The caller closes it. */
export async function openGuardLog(
  db: string,
  options: { readonly create?: boolean } = {},
): Promise<GuardStore> {
  if (isServerAddress(db))
    return (await import('../../ledger/postgres/open-ledger.ts')).openServerGuard(db, options);
  return open(db, options);
}

/** Hands the log to a job, and closes it whatever happens. */
export async function withGuard<T>(db: string, job: (guard: GuardStore) => Promise<T>): Promise<T> {
  const guard = await openGuardLog(db);
  try {
    return await job(guard);
  } finally {
    await guard.close();
  }
}

/** Throws `WHO_AND_WHY`, `APPROVAL_UNKNOWN` or `APPROVAL_ANSWERED`. */
export function answerApproval(
  mask: SecretMask,
  guard: GuardStore,
  request: {
    readonly id: string;
    readonly granted: boolean;
    readonly by?: string | undefined;
    readonly why?: string | undefined;
    readonly now: Date;
  },
): Promise<Approval> {
  const { id, granted, now } = request;
  const { by, why } = signed(mask, { ...request, command: `approvals ${granted ? 'grant' : 'deny'} ${id}` });
  return guard.answer(id, { granted, by, why, now: now.getTime() });
}
