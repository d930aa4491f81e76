// Which trials a resumed run runs again, as SQLite's SQL; `isRunAgain` says the same of a trial.

import { FATAL_CODES, FIRST_SKIPPED_OUTCOME } from '../model/trial-outcomes.ts';

/**
 * What a resumed run runs again, in SQL: trials that were skipped, and those that failed by what stopped the run (an empty account, a
 * refused key), for that says nothing about the trial it happened to hit.
 */
export const RUN_AGAIN = `(outcome >= ${FIRST_SKIPPED_OUTCOME} OR (outcome = 3
  AND code IN (SELECT id FROM word WHERE text IN (${FATAL_CODES.map((code) => `'${code}'`).join(', ')}))))`;
