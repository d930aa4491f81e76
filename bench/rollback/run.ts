// npm run bench:rollback [-- --incidents N --seed S --only SHAPE --whole N --json --write]: how often is the rollback target right, and what does it cost?

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openLedger } from '../../src/ledger/index.ts';
import { Mt19937 } from '../../src/stats/index.ts';
import { loadSuite } from '../../src/suite/index.ts';
import { type Decided, decideIncident } from './decide.ts';
import { type Outcome, playIncident } from './play.ts';
import { SESSION_SD } from './session-shapes.ts';
import { ALL_SHAPES, incidentOf } from './shapes.ts';
import { resultsTable } from './table.ts';
import { CASES, MARGIN } from './worlds.ts';

const { values } = parseArgs({
  options: {
    /** Of each shape, through the decision functions. */
    incidents: { type: 'string', default: '100' },
    /** Of each shape, through the whole program. */
    whole: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    json: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});
const firstSeed = Number(values.seed);
const shapes = ALL_SHAPES.filter((shape) => shape.includes(values.only));
const started = Date.now();

const decided: Decided[] = [];
for (const shape of shapes) {
  for (let i = 0; i < Number(values.incidents); i++) {
    const seed = firstSeed + i;
    const rng = new Mt19937(seed);
    const settings = { nights: 5, trials: 3, sessionSd: SESSION_SD };
    decided.push(await decideIncident(incidentOf(shape, seed, rng), rng, settings));
  }
  process.stderr.write(`${shape}\n`);
}
const played = Number(values.whole) > 0 ? await playAll(Number(values.whole)) : [];
const seconds = Math.round((Date.now() - started) / 1000);
const page = resultsTable(decided, played, {
  incidents: Number(values.incidents),
  firstSeed,
  whole: Number(values.whole),
  seconds,
});
process.stdout.write(values.json ? `${JSON.stringify({ decided, played }, null, 2)}\n` : page);
if (values.write) await writeFile(new URL('RESULTS.md', import.meta.url), page);

/** Some incidents of each shape through a real ledger and the real commands' code; only the answers are scripted. */
async function playAll(each: number): Promise<Outcome[]> {
  const folder = await mkdtemp(join(tmpdir(), 'lastgood-bench-'));
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
    // A tone shows in scores, and the scripted answers of the whole program only pass or fail.
    for (const [place, shape] of shapes.filter((s) => s !== 'lost tone').entries()) {
      for (let i = 0; i < each; i++) {
        const seed = firstSeed + 1000 * (place + 1) + i;
        const rng = new Mt19937(seed);
        outcomes.push(await playIncident(store, suite, incidentOf(shape, seed, rng), rng));
      }
      process.stderr.write(`${shape}, whole program\n`);
    }
    await store.close();
    return outcomes;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
