// Readings of an applied rollback in words, for reasons that are stored and for reports.

import { percent } from '../base/numbers.ts';
import type { RecoveryReading } from './applied-rollback.ts';

/** A level in the unit of its signal. Quantiles are read as shares above the usual one. */
export function levelText(value: number | null, kind: RecoveryReading['kind']): string {
  if (value === null) return 'unknown';
  return kind === 'mean' ? String(Number(value.toPrecision(3))) : percent(value);
}

/** The name of the number: `latency.p95 above 1620`. */
export function signalText({ signal, limit }: Pick<RecoveryReading, 'signal' | 'limit'>): string {
  return limit === null ? signal : `${signal} (share above ${Number(limit.toPrecision(3))})`;
}

export function readingText(r: RecoveryReading): string {
  return `${signalText(r)} ${levelText(r.target.value, r.kind)} of ${r.target.n} (usual ${levelText(r.usual, r.kind)}, incident ${levelText(r.during, r.kind)})`;
}
