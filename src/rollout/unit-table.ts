// What each gate counts of each assigned unit, gathered call by call in bounded memory.

import type { ArmCounts, RolloutArm, RolloutGateSpec, RolloutUnit, UnitLook } from '../core/rollout.ts';
import { isTested } from './gate-evidence.ts';
import { type UnitColumn, weighUnits } from './unit-evidence.ts';

/** Units that are kept apart. Of more, some are left out by chance, which no data decide. */
const MOST_UNITS = 300_000;
/** The control's units are left out first, down to so many for each of the candidate's. */
const LEAST_CONTROL = 3;
/** Calls of a user that are taken to share an outcome, where nothing says which calls are of one user. */
export const ASSUMED_CALLS = 10;
/** The unit is not what the flag assigns where more of the candidate's units of several calls are in both arms. */
const MOST_MIXED = 1 / 3;
/** Of so many units of several calls. */
const FEWEST_MIXED = 20;
/** So many units of several calls that are in one arm each show that calls are not assigned one by one. */
const FEWEST_PROVEN = 8;
/** Where more calls name no unit, the unit is not known. */
const MOST_UNNAMED = 0.5;

/** Units of a window. */
export class UnitTable {
  readonly #gates: readonly RolloutGateSpec[];
  readonly #most: number;
  readonly #width: number;
  readonly #places = new Map<string, number>();
  /** By unit: calls of the candidate and of the control, then three numbers a gate. */
  #numbers = new Float64Array(4096);
  #candidates = 0;
  /** One of so many units is kept: of all, and beyond that of the control's. */
  #everyUnit = 1;
  #everyControl = 1;
  #named = 0;
  #unnamed = 0;

  constructor(gates: readonly RolloutGateSpec[], most = MOST_UNITS) {
    this.#gates = gates;
    this.#most = most;
    this.#width = 2 + 3 * gates.length;
  }

  /** One call, or news of it (`calls` 0). `unit` = a random name such as a keyed hash; null = it names none. */
  add(unit: string | null, arm: RolloutArm, counts: readonly ArmCounts[]): void {
    if (unit === null) {
      this.#unnamed += 1;
      return;
    }
    this.#named += 1;
    let place = this.#places.get(unit);
    if (place === undefined) {
      if (!this.#isKept(unit, arm === 'candidate')) return;
      place = this.#places.size;
      this.#places.set(unit, place);
      if ((place + 1) * this.#width > this.#numbers.length) this.#grow();
    }
    const at = place * this.#width;
    const numbers = this.#numbers;
    if (arm === 'candidate' && numbers[at] === 0) this.#candidates += 1;
    numbers[arm === 'candidate' ? at : at + 1]! += 1;
    for (let i = 0; i < counts.length; i++) {
      const c = counts[i] as ArmCounts;
      numbers[at + 2 + 3 * i]! += c.n;
      numbers[at + 3 + 3 * i]! += c.hits;
      numbers[at + 4 + 3 * i]! += c.sum;
    }
    if (this.#places.size > this.#most) this.#thin();
  }

  #grow(): void {
    const larger = new Float64Array(this.#numbers.length * 2);
    larger.set(this.#numbers);
    this.#numbers = larger;
  }

  #isKept(unit: string, isCandidate: boolean): boolean {
    if (this.#everyUnit === 1 && this.#everyControl === 1) return true;
    const number = numberOf(unit);
    return (
      number % this.#everyUnit === 0 &&
      (isCandidate || Math.floor(number / this.#everyUnit) % this.#everyControl === 0)
    );
  }

  /** Leaves out half of the control's units; half of all where the control has few. */
  #thin(): void {
    if (this.#places.size > (1 + 2 * LEAST_CONTROL) * this.#candidates) this.#everyControl *= 2;
    else this.#everyUnit *= 2;
    const width = this.#width;
    const before = [...this.#places];
    this.#places.clear();
    this.#candidates = 0;
    for (const [unit, from] of before) {
      const isCandidate = this.#numbers[from * width]! > 0;
      if (!this.#isKept(unit, isCandidate)) continue;
      const to = this.#places.size;
      this.#places.set(unit, to);
      this.#numbers.copyWithin(to * width, from * width, (from + 1) * width);
      if (isCandidate) this.#candidates += 1;
    }
    this.#numbers.fill(0, this.#places.size * width);
  }

  /** Part of the calls that names no unit. */
  get unnamed(): number {
    return this.#unnamed / Math.max(1, this.#named + this.#unnamed);
  }

  /** Part of the candidate's units of several calls that the control answered too. */
  get mixed(): number {
    const { several, ofBoth } = this.#mixture();
    return several === 0 ? 0 : ofBoth / several;
  }

  /** Is the unit that was named what the flag assigns, as far as the calls tell? */
  isUnit(): boolean {
    const { several, ofBoth } = this.#mixture();
    return this.unnamed <= MOST_UNNAMED && (several < FEWEST_MIXED || ofBoth <= MOST_MIXED * several);
  }

  /** The same, and enough units of several calls show it. */
  isProvenUnit(): boolean {
    const { several, ofBoth } = this.#mixture();
    return this.isUnit() && several >= FEWEST_PROVEN && ofBoth <= MOST_MIXED * several;
  }

  #mixture(): { readonly several: number; readonly ofBoth: number } {
    let [several, ofBoth] = [0, 0];
    for (let at = 0; at < this.#places.size * this.#width; at += this.#width) {
      const candidate = this.#numbers[at] as number;
      const control = this.#numbers[at + 1] as number;
      if (candidate === 0 || candidate + control < 2) continue;
      several += 1;
      if (control > 0) ofBoth += 1;
    }
    return { several, ofBoth };
  }

  /** Weighs every gate. `assumed` = calls of one user that may share an outcome: 1 where units are known. */
  look(unit: RolloutUnit, assumed = 1): UnitLook {
    return {
      ...{ unit, assumed, candidate: this.#candidates, control: this.#places.size - this.#candidates },
      every: this.#everyControl,
      ...{ unnamed: this.unnamed, mixed: this.mixed },
      gates: this.#gates.map((gate, i) => {
        const found = isTested(gate) ? weighUnits(gate, this.#column(i)) : null;
        // Hölder: the product of e-values of each cluster's first calls, second calls, … to the power of one over the size.
        return found === null ? null : { ...found, logs: found.logs.map((log) => log / assumed) };
      }),
    };
  }

  #column(gate: number): UnitColumn {
    const size = this.#places.size;
    const isCandidate = new Uint8Array(size);
    const [n, hits, sum] = [new Float64Array(size), new Float64Array(size), new Float64Array(size)];
    let known = 0;
    for (let place = 0; place < size; place++) {
      const at = place * this.#width;
      const of = at + 2 + 3 * gate;
      if (!(this.#numbers[of]! > 0)) continue;
      isCandidate[known] = this.#numbers[at]! > 0 ? 1 : 0;
      n[known] = this.#numbers[of] as number;
      hits[known] = this.#numbers[of + 1] as number;
      sum[known] = this.#numbers[of + 2] as number;
      known += 1;
    }
    return {
      isCandidate: isCandidate.subarray(0, known),
      n: n.subarray(0, known),
      hits: hits.subarray(0, known),
      sum: sum.subarray(0, known),
    };
  }
}

/** 32 bits out of a name that is random already (FNV-1a, mixed once more). */
function numberOf(unit: string): number {
  let number = 2_166_136_261;
  for (let i = 0; i < unit.length; i++) number = Math.imul(number ^ unit.charCodeAt(i), 16_777_619);
  number = Math.imul(number ^ (number >>> 16), 0x85eb_ca6b);
  return (number ^ (number >>> 13)) >>> 0;
}
