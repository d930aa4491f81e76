// Catalogue of error codes: options, files and the machine. docs/errors.md is generated from it.

import type { CatalogueEntry } from './entry.ts';

export const COMMON_CODES = {
  BAD_OPTION: {
    exits: [2],
    meaning: 'An option has a value that cannot be used, or two options contradict each other.',
    cause: 'A typing error, or an option that the command does not take.',
    remedy: 'Run the command with `--help` and correct the option.',
  },
  BAD_TIME: {
    exits: [2],
    meaning: 'A time of an incident cannot be used.',
    cause: 'The text is not an ISO time, or a time lies before an earlier one.',
    remedy: 'Write times like `2026-03-15T02:00Z`, in the right order.',
  },
  DISK_FULL: {
    exits: [4],
    meaning: 'A file was not written because the disk is full.',
    cause: 'No space is left. The previous content is unchanged.',
    remedy: 'Free some space and run the command again.',
  },
  OUTPUT_UNWRITABLE: {
    exits: [2],
    meaning: 'A result file cannot be written.',
    cause: 'The folder is missing, or the permissions do not allow it.',
    remedy: 'Choose another path or correct the permissions.',
  },
  FILE_UNREADABLE: {
    exits: [2],
    meaning: 'A file that the command needs cannot be read.',
    cause: 'The path is wrong, the file is not readable, or it is too large.',
    remedy: 'Check the path and the permissions.',
  },
  FILE_NOT_UTF8: {
    exits: [2],
    meaning: 'An exported file is not UTF-8 text.',
    cause: 'An editor or a mail program stored the file in another encoding.',
    remedy: 'Fetch the file again as it was exported.',
  },
  ENV_FILE_UNREADABLE: {
    exits: [4],
    meaning: 'The `.env` file cannot be read.',
    cause: 'The file is not text, or the permissions do not allow it.',
    remedy: 'Correct the file or rename it.',
  },
  ENV_MISSING: {
    exits: [2],
    meaning: 'An environment variable that a release or a grader names is not set.',
    cause: 'The variable is missing in the environment and in `.env`.',
    remedy: 'Set the variable.',
  },
  PROXY_ADDRESS: {
    exits: [2],
    meaning: 'A proxy variable does not hold an address.',
    cause: 'The scheme is missing, or it is neither `http` nor `https`.',
    remedy: 'Write `http://HOST:PORT` or `https://HOST:PORT`.',
  },
  NODE_TOO_OLD: {
    exits: [2],
    meaning: 'The Node.js version is too old.',
    cause: 'Node 22.18 or newer is needed.',
    remedy: 'Install a current Node.js.',
  },
  ADDON_MISSING: {
    exits: [4],
    meaning: 'The SQLite addon cannot be loaded.',
    cause: 'It was built for another Node.js version or another machine.',
    remedy: 'Run `npm rebuild better-sqlite3`, or delete `node_modules` and install again.',
  },
  INIT_EXISTS: {
    exits: [2],
    meaning: '`lastgood init` would overwrite files.',
    cause: 'The folder already holds files with these names.',
    remedy: 'Choose another folder or pass `--force`.',
  },
  NOTHING_TO_VALIDATE: {
    exits: [2],
    meaning: '`lastgood validate` found no suite and no release.',
    cause: 'The folder holds none, or the path is wrong.',
    remedy: 'Name files or folders, or start with `lastgood init`.',
  },
  NO_SUITE: {
    exits: [2],
    meaning: 'The command does not know which suite to use.',
    cause: 'No suite was named, and `lastgood.yaml` has no default.',
    remedy: 'Name the suite, or set `suite:` in `lastgood.yaml`.',
  },
  NO_RELEASE: {
    exits: [2],
    meaning: 'The command does not know which release to use.',
    cause: 'No release was named, and `lastgood.yaml` has no default.',
    remedy: 'Pass `--release FILE`, or set `release:` in `lastgood.yaml`.',
  },
  SUITE_NOT_FOUND: {
    exits: [2],
    meaning: 'The suite is unknown.',
    cause: 'Neither a suite file nor a stored run has this name.',
    remedy: 'Check the name. `lastgood list` shows the stored suites.',
  },
  RELEASE_NOT_FOUND: {
    exits: [2],
    meaning: 'The release file is unknown.',
    cause: 'No file has this path or this name under `releases/`.',
    remedy: 'Check the name or pass a path.',
  },
  PATH_OUTSIDE: {
    exits: [2],
    meaning: 'A file lies outside the working tree and is not read.',
    cause: 'A suite or release names a path outside the project.',
    remedy: 'Move the file into the project, or pass `--allow-outside`.',
  },
  CODE_REFUSED: {
    exits: [3],
    meaning: 'Code that the command needs was not run.',
    cause: '`--no-code` or `--untrusted` is set.',
    remedy: 'Read the code, then run the command without that option.',
  },
  CODE_NOT_LOCAL: {
    exits: [3],
    meaning: 'A stored command was not run.',
    cause: 'No file in this working tree names the command. The ledger or an imported file brought it.',
    remedy: 'Restore the file that names it, or read it and pass `--allow-commands`.',
  },
  CODE_IMPORTED: {
    exits: [3],
    meaning: 'The command of an imported release was not run.',
    cause: 'The release is known only from an imported file.',
    remedy: 'Write the release into a file of this project after reading its command.',
  },
  COST_UNKNOWN: {
    exits: [2],
    meaning: 'A cost limit is set, but prices are not known.',
    cause: 'No price file is configured. Nothing was run.',
    remedy: 'Pass `--prices FILE`, or limit calls with `--max-calls`.',
  },
  RUN_LIMIT_INVALID: {
    exits: [2],
    meaning: 'A limit of a run is not a positive number.',
    cause: 'The value is zero, negative or not a number.',
    remedy: 'Correct the limit.',
  },
  UNKNOWN: {
    exits: [2],
    meaning: 'Several problems were reported without a code of their own.',
    cause: 'An internal list of errors was empty.',
    remedy: 'Report this as a defect.',
  },
} as const satisfies Record<string, CatalogueEntry>;
