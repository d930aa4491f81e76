// The profile of hours and weekdays in a reference, as a linear estimate that can be repeated on resampled residuals.

import { betaInc } from '../../stats/beta.ts';

/** Weekdays enter the profile when chance alone would show as much in less than this share of references. */
const WEEKDAYS_AT = 0.3;

/** Levels of all hours of the week from the residuals of the reference. */
export interface Season {
  /** Hours of the week: step modulo this. */
  readonly period: number;
  /** Steps of the reference that have a value. */
  readonly used: Int32Array;
  /** Estimated coefficients: level, hours of the day, weekdays. */
  readonly weekdays: boolean;
  /** Coefficients × used steps. */
  readonly solve: readonly Float64Array[];
  /** Columns by hour of the week. */
  readonly columns: readonly Float64Array[];
}

/** Which hour of the week a step is; Monday is not first, which does not matter. */
function designRow(step: number, perDay: number, weekdays: boolean): Float64Array {
  const row = new Float64Array(perDay + (weekdays ? 6 : 0));
  row[0] = 1;
  const slot = step % perDay;
  if (slot > 0) row[slot] = 1;
  const day = Math.floor(step / perDay) % 7;
  if (weekdays && day > 0) row[perDay + day - 1] = 1;
  return row;
}

/**
 * Chooses the profile for these residuals: always the hours of the day, the weekdays when the residuals show them.
 * `first` is the index of the first step, in steps since 1970. null = a weekday or an hour is missing.
 */
export function chooseSeason(residual: ArrayLike<number>, first: number, perDay: number): Season | null {
  const used = Int32Array.from(
    Array.from({ length: residual.length }, (_, t) => t).filter((t) => !Number.isNaN(residual[t])),
  );
  const plain = fitDesign(used, first, perDay, false);
  const weekly = fitDesign(used, first, perDay, true);
  if (plain === null || weekly === null) return null;
  const left = (season: Season): number => {
    const fitted = seasonLevels(season, residual, new Float64Array(season.period));
    return used.reduce(
      (sum, t) => sum + ((residual[t] ?? 0) - (fitted[(first + t) % season.period] ?? 0)) ** 2,
      0,
    );
  };
  const rest = used.length - weekly.solve.length;
  if (rest < 6) return null;
  const [without, with_] = [left(plain), left(weekly)];
  if (!(without > with_)) return plain;
  const f = (without - with_) / 6 / (with_ / rest);
  return varianceRatioTail(f, 6, rest) <= WEEKDAYS_AT ? weekly : plain;
}

/** Levels by hour of the week, written to `out`, which has one place for each. */
export function seasonLevels(
  { solve, used, columns }: Season,
  residual: ArrayLike<number>,
  out: Float64Array,
): Float64Array {
  out.fill(0);
  for (let j = 0; j < solve.length; j++) {
    const row = solve[j]!;
    let coefficient = 0;
    for (let i = 0; i < used.length; i++) coefficient += row[i]! * residual[used[i]!]!;
    for (let h = 0; h < out.length; h++) out[h]! += columns[h]![j]! * coefficient;
  }
  return out;
}

/** P(F > f) for an F distribution with a and b degrees of freedom. */
function varianceRatioTail(f: number, a: number, b: number): number {
  const whole = b + a * f;
  return betaInc(b / whole, (a * f) / whole, b / 2, a / 2).lower;
}

function fitDesign(used: Int32Array, first: number, perDay: number, weekdays: boolean): Season | null {
  const rows = Array.from(used, (t) => designRow(first + t, perDay, weekdays));
  const width = perDay + (weekdays ? 6 : 0);
  const normal = Array.from({ length: width }, (_, i) =>
    Array.from({ length: width }, (_, j) => rows.reduce((sum, r) => sum + r[i]! * r[j]!, 0)),
  );
  const inverse = invert(normal);
  if (inverse === null) return null;
  const period = 7 * perDay;
  return {
    ...{ period, used, weekdays },
    solve: inverse.map((line) =>
      Float64Array.from(rows, (r) => r.reduce((sum, x, j) => sum + x * (line[j] ?? 0), 0)),
    ),
    columns: Array.from({ length: period }, (_, step) => designRow(step, perDay, weekdays)),
  };
}

/** Gauss-Jordan with row exchange; null when the matrix is singular. */
function invert(matrix: readonly (readonly number[])[]): number[][] | null {
  const n = matrix.length;
  const a = matrix.map((row, i) => [...row, ...Array.from({ length: n }, (_, j) => (i === j ? 1 : 0))]);
  for (let c = 0; c < n; c++) {
    let best = c;
    for (let r = c + 1; r < n; r++) if (Math.abs(a[r]![c]!) > Math.abs(a[best]![c]!)) best = r;
    if (Math.abs(a[best]![c]!) < 1e-9) return null;
    [a[c], a[best]] = [a[best]!, a[c]!];
    const pivot = a[c]![c]!;
    a[c] = a[c]!.map((x) => x / pivot);
    for (let r = 0; r < n; r++) {
      const factor = a[r]![c]!;
      if (r === c || factor === 0) continue;
      a[r] = a[r]!.map((x, j) => x - factor * a[c]![j]!);
    }
  }
  return a.map((row) => row.slice(n));
}
