// How often the embedding channel is wrong, and what it sees: the generator of the other channels (vectors of unit noise per axis), the
// whole engine, gate and family included. `node bench/stat/meaning.ts [repetitions]` prints the table that docs/statistics.md quotes.

import { type AnswerVectors, compareSnapshots } from '../../src/compare/index.ts';
import { resolvePolicy, type SnapshotResults } from '../../src/core/index.ts';
import type { Mt19937 } from '../../src/stats/index.ts';
import { snapshotOf } from './snapshots.ts';
import { type ArmName, drawWorld, streamOf } from './worlds.ts';

const DIMENSION = 64;
const policy = resolvePolicy({ channels: { embedding: 'warn' } });

function normal(rng: Mt19937): number {
  return Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
}

type Arm = { readonly results: SnapshotResults; readonly vectors: Map<string, Float32Array> };

/** One comparison of two releases that pass alike. `spread` is how far the cases' own answers lie apart, in noise. */
function shifted(seed: number, n: number, k: number, shift: number, spread: number): boolean {
  const rng = streamOf(seed, 'meaning', n, k);
  const world = drawWorld({ profile: 'mature', cases: n, scenario: 'unchanged', channels: true }, rng);
  const centres = Array.from({ length: n }, () =>
    Float64Array.from({ length: DIMENSION }, () => spread * normal(rng)),
  );
  const arm = (name: ArmName, moved: number): Arm => {
    const outcomes = centres.map((_, i) => Array.from({ length: k }, () => world.run(name, i)));
    const vectors = new Map<string, Float32Array>();
    const { summary, cases } = snapshotOf(name, name, world, outcomes);
    const told = cases.map((c, i) => ({
      ...c,
      trials: c.trials.map((t) => {
        const outputHash = `${c.id}-${t.trial}`;
        const noise = outcomes[i]?.[t.trial]?.embedding() ?? new Float64Array(DIMENSION);
        const centre = centres[i] ?? new Float64Array(DIMENSION);
        const vector = noise.map((x, d) => x + (centre[d] ?? 0) + (d === 0 ? moved : 0));
        vectors.set(outputHash, Float32Array.from(vector));
        return { ...t, outputHash };
      }),
    }));
    return { results: { summary, cases: told }, vectors };
  };
  const a = arm('baseline', 0);
  const b = arm('candidate', shift);
  const vectors: AnswerVectors = {
    kind: 'vectors',
    embedder: 'bench',
    baseline: a.vectors,
    candidate: b.vectors,
    projectedFrom: null,
  };
  const { metrics } = compareSnapshots(a.results, b.results, { policy, vectors, seed, replicates: 1999 });
  return metrics.embedding.verdict === 'shifted';
}

const repetitions = Number(process.argv[2] ?? 200);
for (const [what, n, k, shift, spread] of [
  ['nothing moved', 30, 3, 0, 0],
  ['nothing moved', 100, 1, 0, 1],
  ['nothing moved', 100, 3, 0, 1],
  ['moved by 1.2 of the noise', 30, 3, 1.2, 0],
  ['moved by 1.2 of the noise', 30, 1, 1.2, 0],
  ['moved by 0.6 of the noise', 100, 3, 0.6, 0],
] as const) {
  let alarms = 0;
  for (let r = 0; r < repetitions; r++) if (shifted(1000 * n + 7 * r + k, n, k, shift, spread)) alarms++;
  console.log(
    `${what}: n=${n} k=${k} spread=${spread}: ${(alarms / repetitions).toFixed(3)} of ${repetitions}`,
  );
}
