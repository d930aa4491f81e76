// Ids of the requests of a batch, and which trials a batch holds in few bytes.

import { sha256 } from '../base/json.ts';

/** Bytes of a trial's hash that say which trials a batch holds. */
const KEPT_BYTES = 8;

/** Identity of a trial within its snapshot; 40 hexadecimal digits. */
export function trialHash(caseId: string, trial: number): string {
  return sha256(JSON.stringify([caseId, trial])).slice(0, 40);
}

/** The id of a trial's request: services take up to 64 letters, digits, `-` and `_`. */
export function requestId(batchKey: string, hash: string): string {
  return `${batchKey}-${hash}`;
}

/** Which trials a batch holds, as text for the ledger. */
export function packTrials(hashes: readonly string[]): string {
  return Buffer.concat(hashes.map((hash) => Buffer.from(hash.slice(0, 2 * KEPT_BYTES), 'hex'))).toString(
    'base64',
  );
}

/** Short forms of the hashes that `packTrials` was given, in order. */
export function unpackTrials(packed: string): string[] {
  const hex = Buffer.from(packed, 'base64').toString('hex');
  return hex.match(new RegExp(`.{${2 * KEPT_BYTES}}`, 'g')) ?? [];
}

/** A hash as `unpackTrials` gives it. */
export function shortHash(hash: string): string {
  return hash.slice(0, 2 * KEPT_BYTES);
}
