// Catalogue of error codes: the pre-merge check. docs/errors.md is generated from it.

import type { CatalogueEntry } from './entry.ts';

export const CHECK_CODES = {
  CHANGED_NO_GIT: {
    exits: [2],
    meaning: 'A base commit needs a git repository.',
    cause: 'The folder is not in a clone.',
    remedy: 'Run inside a clone, or leave out `--changed` and `--exam`.',
  },
  CHANGED_NO_BASE: {
    exits: [2],
    meaning: 'The base commit is not in this clone.',
    cause: 'The clone is shallow, or the name is wrong.',
    remedy: 'Fetch it: `git fetch origin main`.',
  },
  CHANGED_UNREADABLE: {
    exits: [4],
    meaning: 'git cannot read the files of the base commit.',
    cause: 'A partial clone lacks them.',
    remedy: 'Run `git fetch --refetch`, or pass `--exam head`.',
  },
  CHECK_OTHER_SUITE: {
    exits: [2],
    meaning: '`--against` names a snapshot of another suite.',
    cause: 'The reference belongs to another suite.',
    remedy: 'Check one suite at a time, or use `baseline` or `latest`.',
  },
  CHECK_OVER_LIMIT: {
    exits: [2],
    meaning: 'The check needs more calls than `--max-calls` allows.',
    cause: 'The limit is too low. Nothing was run.',
    remedy: 'Raise the limit, or use `--tier smoke` or `--changed`.',
  },
  BASELINE_FROM_THIS_CHANGE: {
    exits: [2],
    meaning: 'The baseline is part of the change that is checked.',
    cause: 'The change commits the snapshot file itself.',
    remedy: 'Commit the baseline on the main branch first.',
  },
  EXAM_NO_BASE: {
    exits: [2],
    meaning: 'The target branch of the change is not known.',
    cause: 'The CI system does not name it in this clone.',
    remedy: 'Pass `--exam origin/BRANCH`.',
  },
  EXAM_GIT_UNREADABLE: {
    exits: [2],
    meaning: 'git cannot read the repository.',
    cause: 'git is missing, or the folder has another owner.',
    remedy: 'Install git, or set `safe.directory`.',
  },
  EXAM_LEDGER: {
    exits: [2],
    meaning: 'The ledger is part of the change.',
    cause: 'The database file is committed.',
    remedy: 'Take it out of git and commit exported snapshots.',
  },
  EXAM_UNREADABLE: {
    exits: [2],
    meaning: 'The suite or the settings of the merge base cannot be used.',
    cause: 'They were already broken there.',
    remedy: 'Repair them on the main branch, or pass `--exam head`.',
  },
  EXAM_UNASKABLE: {
    exits: [2],
    meaning: 'Cases of the merge base cannot be sent with this release.',
    cause: 'A template of the release uses a variable that these cases lack.',
    remedy: 'Change the cases on the main branch first, or pass `--exam head`.',
  },
  NO_BASELINE: {
    exits: [3],
    meaning: 'The suite has no baseline.',
    cause: 'No snapshot was blessed.',
    remedy: 'Bless one: `lastgood bless REF --why TEXT`.',
  },
} as const satisfies Record<string, CatalogueEntry>;
