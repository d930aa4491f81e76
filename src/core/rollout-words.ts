// Numbers of a rollout as they are shown, in reasons that are stored and in reports.

import { percent } from '../base/numbers.ts';
import type { GateReading } from './rollout.ts';

export function valueText(value: number | null, unit: GateReading['unit']): string {
  if (value === null) return 'unknown';
  return unit === 'share' ? percent(value) : String(Number(value.toPrecision(3)));
}

/** An e-value by its logarithm to base 10. */
export function powerText(log10: number): string {
  const text = log10.toFixed(1);
  return `10^${text === '-0.0' ? '0.0' : text}`;
}
