// The time that a command over observations reads: whole hours, because windows are counted in them.

import { LastgoodError } from '../../base/index.ts';
import { HOUR_MS } from '../../core/observation.ts';

/** Milliseconds since 1970: from inclusive, to exclusive. The hour under way counts, as far as it is known. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** `since`: how far back in milliseconds, or since when. Throws `SINCE_RANGE` for a time in the future. */
export function timeRange(now: Date, since: number | Date): TimeRange {
  const to = Math.ceil((now.getTime() + 1) / HOUR_MS) * HOUR_MS;
  const start = typeof since === 'number' ? now.getTime() - since : since.getTime();
  const from = Math.floor(start / HOUR_MS) * HOUR_MS;
  if (from >= to - HOUR_MS && start > now.getTime() - 60_000)
    throw new LastgoodError({
      code: 'SINCE_RANGE',
      message: '--since must lie in the past',
      hint: 'write --since 24h, --since 7d or --since 2026-05-12',
    });
  return { from, to };
}
