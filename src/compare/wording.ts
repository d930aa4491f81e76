// Words inside the sentences of a verdict: a reason must read alike everywhere. Plain numbers: base/numbers.ts.

import { pointInterval, signed } from '../base/numbers.ts';

/** `+1.4` or `−32.9`, in points. */
export function signedPoints(delta: number): string {
  return signed(100 * delta);
}

/** `[−37.0, −29.0] points` */
export function intervalText(interval: readonly [number, number] | null): string {
  return interval === null ? 'no interval' : `${pointInterval(interval)} points`;
}

/** `3/3` */
export function tally(arm: { readonly passed: number; readonly trials: number }): string {
  return `${arm.passed}/${arm.trials}`;
}

/** At most `limit` ids, and how many more there are. */
export function someIds(ids: readonly string[], limit = 5): string {
  const shown = ids.slice(0, limit).join(', ');
  return ids.length > limit ? `${shown} and ${ids.length - limit} more` : shown;
}

/** `a`, `a and b`, `a, b and c` */
export function listing(words: readonly string[]): string {
  if (words.length < 2) return words.join('');
  return `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
