// How often the evidence of one gate ever passes 20 where nothing changed: many looks at users who come back. Much cheaper than whole ladders.
// node bench/rollout/sequences.ts [--reps N --seed S]

import { parseArgs } from 'node:util';
import type { ArmCounts, RolloutArm, RolloutGateSpec } from '../../src/core/rollout.ts';
import { learnUnits, logEValue, NO_EVIDENCE, UNIT_WEIGHTS } from '../../src/rollout/gate-evidence.ts';
import { UnitTable } from '../../src/rollout/unit-table.ts';
import { Draws } from './draws.ts';

const { values } = parseArgs({
  options: { reps: { type: 'string', default: '300' }, seed: { type: 'string', default: '4400001' } },
});
const CALLS = 12_000;

const plain = { over: null, forMs: null, flags: {}, action: 'pause', reference: null } as const;
const known = (share: number): ArmCounts => ({ n: 7000, hits: 7000 * share, sum: 0 });
const REJECTION: RolloutGateSpec = {
  ...{ ...plain, signal: 'review-rejection', measure: { kind: 'share', of: 'known' }, history: known(0.1) },
  rule: { kind: 'worse-by', share: 0.05 },
};
const SCHEMA: RolloutGateSpec = {
  ...{ ...plain, signal: 'schema-failures', measure: { kind: 'share', of: 'known' }, history: known(0.002) },
  rule: { kind: 'above', share: 0.01, whileControlBelow: null },
};
const COST: RolloutGateSpec = {
  ...{ ...plain, signal: 'cost-per-call', measure: { kind: 'ratio', bounded: false }, history: known(1) },
  rule: { kind: 'times', times: 1.25, of: 'control' },
};

interface Row {
  readonly gate: RolloutGateSpec;
  readonly users: number;
  readonly heavy: number;
  readonly icc: number;
  readonly percent: number;
  /** Part of the calls of one user. */
  readonly whale: number;
}
const row = (gate: RolloutGateSpec, more: Partial<Row>): Row => ({
  ...{ gate, users: 500, heavy: 1, icc: 0.3, percent: 10, whale: 0 },
  ...more,
});
const ROWS: readonly Row[] = [
  row(REJECTION, { icc: 0 }),
  row(REJECTION, { icc: 0.2 }),
  row(REJECTION, { icc: 0.5 }),
  row(REJECTION, { icc: 1 }),
  row(REJECTION, { percent: 1, users: 3000 }),
  row(REJECTION, { percent: 50, heavy: 1.5 }),
  row(REJECTION, { whale: 0.2 }),
  row(SCHEMA, { icc: 0.2 }),
  row(SCHEMA, { percent: 50 }),
  row(COST, { icc: 0.5, heavy: 1.5 }),
  row(COST, { percent: 50, icc: 0.2 }),
];

/** The highest ln of the e-value on the way. */
function highest({ gate, users, heavy, icc, percent, whale }: Row, seed: number): number {
  const draws = new Draws(seed);
  const sizes = Array.from({ length: users }, () => Math.exp(heavy * draws.normal()));
  if (whale > 0) sizes[0] = (sizes.reduce((a, b) => a + b, 0) * whale) / (1 - whale);
  let all = 0;
  const until = sizes.map((size) => {
    all += size;
    return all;
  });
  const share = gate.history.hits / gate.history.n;
  const isCost = gate.measure.kind === 'ratio';
  const people = sizes.map((_, i) => ({
    name: `u${i}`,
    arm: (draws.uniform() * 100 < percent ? 'candidate' : 'control') as RolloutArm,
    rate: isCost ? Math.exp(0.7 * Math.sqrt(icc) * draws.normal()) : draws.userRate(share, icc),
  }));
  const table = new UnitTable([gate]);
  let [top, next] = [0, 1000 / percent];
  for (let call = 1; call <= CALLS; call++) {
    const at = draws.uniform() * all;
    let [low, high] = [0, users - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((until[middle] as number) > at) high = middle;
      else low = middle + 1;
    }
    const { name, arm, rate } = people[low] as (typeof people)[number];
    const cost = isCost ? 0.01 * rate * Math.exp(0.7 * Math.sqrt(1 - icc) * draws.normal()) : 0;
    const hits = isCost || draws.uniform() < rate ? 1 : 0;
    table.add(name, arm, [{ n: 1, hits, sum: cost }]);
    if (call < next) continue;
    next = call * 1.1;
    const logs = table.look('user').gates[0]?.logs;
    if (logs !== undefined)
      top = Math.max(top, logEValue(gate, learnUnits(NO_EVIDENCE, logs, 0), 1, UNIT_WEIGHTS));
  }
  return top;
}

const out = [
  '| gate | users | sd of ln calls | correlation | candidate | largest user | sequences | e-value ever ≥ 20 |',
  '|---|---|---|---|---|---|---|---|',
];
const reps = Number(values.reps);
for (const r of ROWS) {
  const over = Array.from({ length: reps }, (_, i) => highest(r, Number(values.seed) + i)).filter(
    (log) => log >= Math.log(20),
  ).length;
  const rate = over / reps;
  const share = `${(100 * rate).toFixed(1)}% ± ${(100 * Math.sqrt((rate * (1 - rate)) / reps)).toFixed(1)}`;
  out.push(
    `| ${r.gate.signal} | ${r.users} | ${r.heavy} | ${r.icc} | ${r.percent}% | ${r.whale === 0 ? '–' : `${r.whale * 100}%`} | ${reps} | ${share} |`,
  );
  process.stderr.write(`${out.at(-1)}\n`);
}
process.stdout.write(`${out.join('\n')}\n`);
