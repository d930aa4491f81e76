// lastgood worker: takes trials of distributed runs from the ledger's database, calls, grades and writes them.

import type { Register } from '../options/register.ts';
import { type CommonOptions, printJson, reading, wholeNumber, withWorkplace } from '../options/session.ts';

/** Calls in flight at once of one worker. */
const CONCURRENCY = 8;

interface WorkerOptions extends CommonOptions {
  readonly concurrency?: number;
  readonly once?: boolean;
}

export const registerWorker: Register = (program, io, exit) => {
  reading(
    program
      .command('worker')
      .description('make the calls of distributed runs (`lastgood run --distributed`) of this ledger')
      .option(
        '--concurrency <n>',
        `calls in flight at once (default ${CONCURRENCY})`,
        wholeNumber('--concurrency', 1),
      )
      .option('--once', 'end when no run has trials to take'),
  ).action(async (options: WorkerOptions) => {
    const [{ openTaking, runWorker }, { ledgerPlace, readSettings }, { hostname }] = await Promise.all([
      import('../../jobs/worker/worker.ts'),
      import('../../engine/workplace/settings-file.ts'),
      import('node:os'),
    ]);
    const place = ledgerPlace(io, options.db, await readSettings(io.cwd));
    const taking = await openTaking(place, hostname());
    try {
      await withWorkplace(io, options, { mustExist: true }, async ({ work }) => {
        if (options.quiet !== true) io.err(`worker ${taking.worker} takes trials; Ctrl-C ends it\n`);
        const { concurrency = CONCURRENCY, once = false } = options;
        const result = await runWorker(work, { taking, concurrency, once });
        if (options.json) printJson(io, { schemaVersion: 1, kind: 'worker', ...result });
        else if (once)
          io.out(
            `${result.runs.length === 0 ? 'no run has trials to take' : `worked on ${result.runs.join(', ')}`}\n`,
          );
        if (result.refused.length > 0 && result.runs.length === 0 && once) exit(2);
      });
    } finally {
      await taking.close();
    }
  });
};
