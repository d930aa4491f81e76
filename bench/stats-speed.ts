// How fast is the permutation engine? Each figure is a ratio to a plain loop of random draws timed in the same run, so that
// the numbers of two machines can be compared. Run: node bench/stats-speed.ts
import {
  Mt19937,
  type PooledStrata,
  type StrataSubset,
  stratifiedExact,
  westfallYoungBinaryK1,
  withinStratumPermutation,
} from '../src/stats/index.ts';

function seconds(run: () => void): number {
  const start = performance.now();
  run();
  return (performance.now() - start) / 1000;
}

/** Binary values at about a 90% rate, k in each arm of n strata. */
function world(n: number, k: number, rng: Mt19937): PooledStrata {
  return {
    values: Float64Array.from({ length: 2 * n * k }, () => (rng.next() < 0.9 ? 1 : 0)),
    kA: new Int32Array(n).fill(k),
    kB: new Int32Array(n).fill(k),
  };
}

/** One statistic over all strata and `count` over equal parts. */
function parts(n: number, count: number): StrataSubset[] {
  const of = (c: number): Int32Array =>
    Int32Array.from({ length: n }, (_, i) => i).filter((i) => i % count === c);
  return [null, ...Array.from({ length: count }, (_, c) => of(c))];
}

const rng = new Mt19937(1);
let guard = 0;
const draws = 1e8;
const plain = seconds(() => {
  for (let i = 0; i < draws; i++) guard ^= rng.uint32();
});
console.log(`plain loop: ${draws} draws in ${plain.toFixed(2)} s (guard ${guard >>> 0})`);

function report(name: string, took: number): void {
  console.log(
    `${name.padEnd(66)} ${took.toFixed(2).padStart(6)} s   ${(took / plain).toFixed(2).padStart(7)} x plain`,
  );
}

const small = world(1000, 5, rng);
const wide = world(100_000, 1, rng);
const scores: PooledStrata = { ...wide, values: wide.values.map(() => rng.next()) };
const signs = Int8Array.from({ length: 100_000 }, (_, i) => wide.values[2 * i + 1]! - wide.values[2 * i]!);

report(
  '1,000 strata x (5+5), 10 statistics, 9,999 replicates',
  seconds(() => withinStratumPermutation(small, parts(1000, 9), { seed: 1 })),
);
report(
  '100,000 strata x (1+1) yes/no, 10 statistics, 9,999 replicates',
  seconds(() => withinStratumPermutation(wide, parts(100_000, 9), { seed: 1 })),
);
report(
  '100,000 strata x (1+1) scores, 10 statistics, 9,999 replicates',
  seconds(() => withinStratumPermutation(scores, parts(100_000, 9), { seed: 1 })),
);
report(
  '100,000 strata x (1+1) yes/no as binomials (westfallYoungBinaryK1)',
  seconds(() => westfallYoungBinaryK1(signs, parts(100_000, 9), { seed: 1 })),
);
const strata = Array.from({ length: 100_000 }, () => ({
  xA: Math.floor(6 * rng.next()),
  kA: 5,
  xB: Math.floor(6 * rng.next()),
  kB: 5,
}));
report(
  '100,000 strata x (5+5) yes/no, exact (stratifiedExact)',
  seconds(() => stratifiedExact(strata)),
);
