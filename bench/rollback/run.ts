// npm run bench:rollback [-- --incidents N --seed S --write]: how often is the rollback target right, and what does it cost?

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openLedger } from '../../src/snapshot/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { type Outcome, playIncident } from './play.ts';
import { resultsTable } from './table.ts';
import { CASES, MARGIN, makeIncident, SHAPES } from './worlds.ts';

const { values } = parseArgs({
  options: {
    incidents: { type: 'string', default: '330' },
    seed: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
});
const incidents = Number(values.incidents);
const firstSeed = Number(values.seed);

const folder = await mkdtemp(join(tmpdir(), 'lastgood-bench-'));
const started = Date.now();
try {
  const file = join(folder, 'suite.yaml');
  await writeFile(
    file,
    JSON.stringify({
      name: 'bench',
      trials: 3,
      policy: { margin: MARGIN },
      cases: Array.from({ length: CASES }, (_, i) => ({
        id: `case-${i}`,
        tags: [`theme-${i % 5}`],
        vars: { q: `question ${i}` },
        grade: [{ equals: 'yes' }],
      })),
    }),
  );
  const suite = await loadSuite(file);
  const store = await openLedger(join(folder, 'ledger.db'));
  const outcomes: Outcome[] = [];
  for (let i = 0; i < incidents; i++) {
    const seed = firstSeed + i;
    const rng = new Mt19937(seed);
    const shape = SHAPES[i % SHAPES.length] ?? SHAPES[0];
    outcomes.push(await playIncident(store, suite, makeIncident(seed, shape, rng), rng));
    if ((i + 1) % 20 === 0) process.stderr.write(`${i + 1}/${incidents}\n`);
  }
  await store.close();
  const seconds = Math.round((Date.now() - started) / 1000);
  const page = resultsTable(outcomes, { incidents, firstSeed, seconds });
  process.stdout.write(page);
  if (values.write) await writeFile(new URL('RESULTS.md', import.meta.url), page);
} finally {
  await rm(folder, { recursive: true, force: true });
}
