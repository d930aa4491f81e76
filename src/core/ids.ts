// Ids of snapshots: short, unambiguous by prefix, and never mistakable for a fingerprint.

import type { Rng } from '../base/ports.ts';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** A new snapshot id: `s` and eleven Crockford base-32 digits (55 random bits). The leading `s` is no hex digit, so an id is never taken for a fingerprint. */
export function newSnapshotId(rng: Rng): string {
  let id = 's';
  for (let i = 0; i < 11; i++) id += ALPHABET[Math.floor(rng.next() * 32)];
  return id;
}
