// Catalogue of error codes: distributed runs and their workers. docs/errors.md is generated from it.

import type { CatalogueEntry } from './entry.ts';

export const DISTRIBUTED_CODES = {
  DISTRIBUTED_LEDGER: {
    exits: [2],
    meaning: 'A distributed run needs a ledger on a PostgreSQL server.',
    cause: '`--distributed` or `lastgood worker` was used with a ledger in a file. Nothing was run.',
    remedy: 'Pass `--db postgres://USER@HOST/DATABASE`, or set `LASTGOOD_DB`.',
  },
  DISTRIBUTED_LOCAL: {
    exits: [2],
    meaning: 'The run cannot be distributed.',
    cause:
      'It needs files or programs of one machine: a `command` or `replay` route, a grader outside lastgood, or redaction rules. Nothing was run.',
    remedy: 'Run it without `--distributed`.',
  },
  DISTRIBUTED_LIMIT: {
    exits: [2],
    meaning: 'A limit cannot be kept over several workers.',
    cause:
      '`--max-cost` is given, and a call of the release has no upper bound of its cost. Nothing was run.',
    remedy: 'Use `--max-calls`, or bound the tokens of a reply in the params of the release.',
  },
  TRIAL_SET_ASIDE: {
    exits: [],
    meaning: 'A trial of a distributed run was set aside.',
    cause: 'Every worker that took it ended, or reported an error. It counts as failed, with the reason.',
    remedy: 'Read the reason, then run the suite anew.',
  },
  WORKER_REFUSED: {
    exits: [],
    meaning: 'A worker does not work on a distributed run.',
    cause: 'It lacks an environment variable that a release names, or cannot make the calls.',
    remedy: 'Set the variable on that machine and start the worker again. Other workers do the trials.',
  },
  WORKERS_MISSING: {
    exits: [],
    meaning: 'A distributed run has no worker.',
    cause: 'No `lastgood worker` is connected to the ledger.',
    remedy: 'Start `lastgood worker` with the same `--db`.',
  },
  BATCH_FAILED: {
    exits: [],
    meaning: 'A worker could not finish a batch of trials.',
    cause: 'The ledger or the worker failed. The batch goes to another worker, four times at most.',
    remedy: 'Read the reason.',
  },
} as const satisfies Record<string, CatalogueEntry>;
