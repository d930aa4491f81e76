// How long does a whole comparison take, slices, channels, cases and all? Run: node bench/stat/compare-speed.ts
// Seconds are of the processor, so that other work on the machine does not count. A plain loop of
// random draws is timed beside it, so that the numbers of two machines can be compared.

import { compareSnapshots } from '../../src/compare/index.ts';
import { type Comparison, resolvePolicy } from '../../src/core/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { snapshotOf } from './snapshots.ts';
import { streamOf, trueRates, uniformDrop, worldOf } from './worlds.ts';

/** Both arms of a suite of `n` cases with `k` trials each and a change of 2 points. */
function arms(n: number, k: number) {
  const rng = streamOf(7, 'speed', n, k);
  const before = trueRates('mature', n, rng);
  const typical = Float64Array.from({ length: n }, () => 5);
  const world = worldOf(
    { before, after: uniformDrop(before, 0.02), lengths: { typical, candidateFactor: 1.02 } },
    rng,
  );
  const outcomes = (arm: 'baseline' | 'candidate') =>
    Array.from({ length: n }, (_, i) => Array.from({ length: k }, () => world.run(arm, i)));
  return {
    a: snapshotOf('sbaseline', 'baseline', world, outcomes('baseline')),
    b: snapshotOf('scandidate', 'candidate', world, outcomes('candidate')),
  };
}

function plainLoop(): number {
  const rng = new Mt19937(1);
  const start = process.cpuUsage();
  let guard = 0;
  for (let i = 0; i < 1e8; i++) guard ^= rng.uint32();
  const seconds = process.cpuUsage(start).user / 1e6;
  console.log(`plain loop of 100,000,000 draws: ${seconds.toFixed(2)} s (${guard >>> 0})`);
  return seconds;
}

const plain = plainLoop();
for (const [n, k, limit] of [
  [100, 3, null],
  [1000, 5, 3],
  [20_000, 3, 2],
  [100_000, 1, 5],
] as const) {
  const { a, b } = arms(n, k);
  const times: number[] = [];
  let last: Comparison | undefined;
  for (let run = 0; run < 3; run++) {
    const start = process.cpuUsage();
    last = compareSnapshots(a, b, { policy: resolvePolicy(undefined), interleaved: true });
    times.push(process.cpuUsage(start).user / 1e6);
  }
  const best = Math.min(...times);
  console.log(
    `${n.toLocaleString('en-US')} cases × ${k}: best of three ${best.toFixed(2)} s (${times.map((t) => t.toFixed(2)).join(', ')}), ${(best / plain).toFixed(2)} × plain${limit === null ? '' : `, wanted under ${limit} s`}; ${last?.engine.replicates} replicates, ${last?.slices.length} slices, ${last?.verdict}`,
  );
}
