// Which strata belong to which statistics: strata with the same membership form a cell that is summed once.
import type { StrataSubset } from './permutation-data.ts';

/** Cells of strata that always count together. `cellOf[i]` is -1 for a stratum in no statistic. */
export interface StrataCells {
  readonly cellOf: Int32Array;
  readonly cells: number;
  /** For each statistic, its cells. */
  readonly cellsOf: readonly Int32Array[];
}

/**
 * Splits n strata into cells by the set of statistics they belong to. Statistics may overlap.
 * RangeError on an empty statistic, an index out of range or one named twice.
 */
export function strataCells(n: number, statistics: readonly StrataSubset[]): StrataCells {
  // Refine a partition statistic by statistic: (old cell, is a member) -> new cell.
  let cellOf = new Int32Array(n).fill(-1);
  let membersOf: number[][] = [];
  const overall = statistics.flatMap((members, s) => (members === null ? [s] : []));
  if (overall.length > 0) {
    if (n === 0) throw new RangeError('a statistic needs at least one stratum');
    cellOf.fill(0);
    membersOf = [overall];
  }
  for (const [s, members] of statistics.entries()) {
    if (members === null) continue;
    if (members.length === 0) throw new RangeError(`statistic ${s} has no stratum`);
    const inside = new Uint8Array(n);
    for (let t = 0; t < members.length; t++) {
      const i = members[t]!;
      if (!(Number.isInteger(i) && i >= 0 && i < n))
        throw new RangeError(`statistic ${s} names stratum ${i}, but there are ${n}`);
      if (inside[i] === 1) throw new RangeError(`statistic ${s} names stratum ${i} twice`);
      inside[i] = 1;
    }
    const renumbered = new Map<number, number>();
    const nextMembers: number[][] = [];
    const next = new Int32Array(n);
    for (let i = 0; i < n; i++) {
      const old = cellOf[i]!;
      if (old < 0 && inside[i] === 0) {
        next[i] = -1;
        continue;
      }
      const key = 2 * (old + 1) + inside[i]!;
      let cell = renumbered.get(key);
      if (cell === undefined) {
        cell = nextMembers.length;
        renumbered.set(key, cell);
        const before = old < 0 ? [] : membersOf[old]!;
        nextMembers.push(inside[i] === 1 ? [...before, s] : before);
      }
      next[i] = cell;
    }
    cellOf = next;
    membersOf = nextMembers;
  }
  const lists: number[][] = statistics.map(() => []);
  for (const [cell, members] of membersOf.entries()) for (const s of members) lists[s]!.push(cell);
  return { cellOf, cells: membersOf.length, cellsOf: lists.map((list) => Int32Array.from(list)) };
}
