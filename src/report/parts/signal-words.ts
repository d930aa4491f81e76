// Values of signals in words, the same in lists, on timelines and in reports.

import { grouped, milliseconds, percent, signed, signedPercent, usd } from '../../base/numbers.ts';
import type { MoveFacts } from '../../core/index.ts';

/** A value with its unit; a count of characters or tokens without it. */
export function signalValueText(unit: MoveFacts['unit'], value: number): string {
  switch (unit) {
    case 'share':
      return percent(value);
    case 'score':
      return value.toFixed(3);
    case 'usd':
      return usd(value);
    case 'ms':
      return milliseconds(value);
    case 'count':
      return grouped(value);
    case 'distance':
      return value.toFixed(4);
    case 'characters':
    case 'tokens':
    case 'number':
      return String(Number(value.toPrecision(value >= 1000 ? 4 : 3)));
  }
}

/** How far a value moved: points of a share, a difference of a score or distance, a percentage of anything else. */
export function signalChangeText(unit: MoveFacts['unit'], from: number, to: number): string {
  if (unit === 'share') return `${signed(100 * (to - from))} points`;
  if (unit === 'score') return signed(to - from, 3);
  if (unit === 'distance') return signed(to - from, 4);
  return from === 0 ? 'from 0' : signedPercent(to / from - 1);
}
