// A process that works on a ledger for processes.walk.test.ts: `node ledger.child.ts open|write|read PATH …`.

import { openLedger } from '../../src/ledger/index.ts';
import { answered, closing, graded, newSnapshot, refundCase, refundSuite } from './world.ts';

const [task, path = '', name = '', size = '0'] = process.argv.slice(2);
const suite = refundSuite(Array.from({ length: 50 }, (_, i) => refundCase(`ticket-${i}`, { trials: 1000 })));
const ledger = await openLedger(path);

if (task === 'write' || task === 'write-until-killed') {
  const id = `swriter${name}`;
  await ledger.begin(newSnapshot(id, suite));
  for (let n = 0; task === 'write-until-killed' || n < Number(size); n++) {
    const caseId = `ticket-${n % 50}`;
    const output = { text: `Writer ${name} says that refund ${n} is on its way.`, toolCalls: [] };
    const rows = [2 * n, 2 * n + 1].map((trial) => graded(answered(caseId, trial, { output })));
    await ledger.append(id, rows);
    // Only what was acknowledged is promised: the line is with the kernel before the next batch begins, also while the parent does not read.
    const line = `${caseId} ${2 * n} ${2 * n + 1}\n`;
    await new Promise((resolve) => process.stdout.write(line, resolve));
  }
  await ledger.finish(id, closing({}));
}

if (task === 'read') {
  process.stdin.resume();
  let over = false;
  process.stdin.on('end', () => {
    over = true;
  });
  let reads = 0;
  while (!over) {
    for (const summary of await ledger.list()) {
      const { cases } = await ledger.results(summary.id);
      const trials = cases.reduce((sum, c) => sum + c.trials.length, 0);
      if (trials < summary.trials)
        throw new Error(`${summary.id} counts ${summary.trials} trials and shows ${trials}`);
      for await (const _ of ledger.trials(summary.id, 'ticket-0')) reads++;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  process.stdout.write(`${reads}\n`);
}

await ledger.close();
