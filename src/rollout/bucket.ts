// Which part of the traffic a targeting key belongs to: the same answer everywhere and for ever.

import { hash } from 'node:crypto';

const LARGEST = 2 ** 48;

/**
 * A place from 0 to 100 (exclusive), uniform over keys: the first 48 bits of the SHA-256 of flag and key. A key is in a percentage
 * when its place is below it, so a percentage that grows moves no key out.
 */
export function bucketOf(flag: string, targetingKey: string): number {
  const digest = hash('sha256', JSON.stringify([flag, targetingKey.toWellFormed()]), 'buffer');
  return (digest.readUIntBE(0, 6) / LARGEST) * 100;
}
