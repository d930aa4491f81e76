// Counts on their way into windows of hours and days, and how they are written.

import { DAY_MS, HOUR_MS, type WindowCounts } from '../../core/observation.ts';

/** Ids of a window's place, as its unique index has them. */
export interface WindowPlace {
  readonly feature: number;
  readonly release: number;
  readonly variant: number;
  readonly template: number;
  readonly segment: number;
}

/** Counts that are gathered for windows before they are written. */
export class WindowChanges {
  readonly all = new Map<
    string,
    { readonly at: number; readonly place: WindowPlace; readonly counts: WindowCounts }
  >();

  /** `sign` -1 takes the counts back. */
  add(at: number, p: WindowPlace, counts: WindowCounts, sign: 1 | -1): void {
    const start = Math.floor(at / HOUR_MS) * HOUR_MS;
    const key = `${p.feature} ${start} ${p.release} ${p.variant} ${p.template} ${p.segment}`;
    let change = this.all.get(key);
    if (change === undefined) {
      change = { at: start, place: p, counts: new Map() };
      this.all.set(key, change);
    }
    for (const [name, count] of counts)
      change.counts.set(name, (change.counts.get(name) ?? 0) + sign * count);
  }
}

/** The days that the hours lie in. */
export function days({ all }: WindowChanges): WindowChanges {
  const byDay = new WindowChanges();
  for (const { at, place, counts } of all.values()) {
    const start = Math.floor(at / DAY_MS) * DAY_MS;
    byDay.add(start, place, counts, 1);
  }
  return byDay;
}

export function parseCounts(text: string): WindowCounts {
  const list = JSON.parse(text) as (string | number)[];
  const counts: WindowCounts = new Map();
  for (let i = 0; i + 1 < list.length; i += 2) counts.set(list[i] as string, list[i + 1] as number);
  return counts;
}

/** Counts that came to 0 are left out. */
export function countsText(counts: WindowCounts): string {
  const list: (string | number)[] = [];
  for (const [name, count] of counts) if (count !== 0) list.push(name, count);
  return JSON.stringify(list);
}
