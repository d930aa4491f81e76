// Opens the log of shipping beside the ledger of a job.

import type { ShippingStore } from '../../core/index.ts';
import { isServerAddress } from '../../ledger/model/address.ts';
import { openShipping as open } from '../../ledger/sqlite/open-observations.ts';

/** The caller closes it. */
export async function openShippingLog(
  db: string,
  options: { readonly create?: boolean } = {},
): Promise<ShippingStore> {
  if (isServerAddress(db))
    return (await import('../../ledger/postgres/open-ledger.ts')).openServerShipping(db, options);
  return open(db, options);
}

/** Hands the log to a job, and closes it whatever happens. `create: false` refuses to make a ledger that is not there. */
export async function withShipping<T>(
  db: string,
  options: { readonly create?: boolean },
  job: (shipping: ShippingStore) => Promise<T>,
): Promise<T> {
  const shipping = await openShippingLog(db, options);
  try {
    return await job(shipping);
  } finally {
    await shipping.close();
  }
}
