// Catalogue of error codes: observations, signals and the server. docs/errors.md is generated from it.

import type { CatalogueEntry } from './entry.ts';

export const PRODUCTION_CODES = {
  LINE_NOT_UTF8: {
    exits: [3],
    meaning: 'A line of observations is not UTF-8 text.',
    cause: 'The file or the request is in another encoding, or damaged.',
    remedy: 'Send UTF-8. The other lines were taken.',
  },
  LINE_NOT_JSON: {
    exits: [3],
    meaning: 'A line of observations is not a JSON object.',
    cause: 'The line was cut off, or a JSON document was sent in place of JSON lines.',
    remedy: 'Send one JSON object a line. The other lines were taken.',
  },
  LINE_TOO_LONG: {
    exits: [3],
    meaning: 'A line of observations is longer than 1 MiB.',
    cause: 'The answer or its messages are very long, or line breaks are missing.',
    remedy: 'Leave out the texts and send `length` instead, or cut them.',
  },
  LINE_TOO_DEEP: {
    exits: [3],
    meaning: 'A line of observations is nested too deeply.',
    cause: 'It has more than 100 lists and maps inside each other.',
    remedy: 'Send deep values as text.',
  },
  LINE_SHAPE: {
    exits: [3],
    meaning: 'A line is neither an observation nor an outcome.',
    cause: 'A required field is missing, or a field has a value of the wrong kind.',
    remedy: 'Correct the field that the message names. docs/production.md lists all fields.',
  },
  LINE_TIME: {
    exits: [3],
    meaning: 'The time of an observation cannot be used.',
    cause: 'It has no time zone, or it lies more than a day in the future.',
    remedy: 'Send `2026-05-12T06:00:00Z`, or milliseconds since 1970.',
  },
  LINE_EXPIRED: {
    exits: [3],
    meaning: 'An observation is older than what the ledger still counts.',
    cause: '`lastgood db prune --observation-days` removed the observations of its time.',
    remedy: 'Nothing; a second copy would be counted twice.',
  },
  NO_FEATURE: {
    exits: [2],
    meaning: 'There are no observations of this feature.',
    cause: 'The name is mistyped, or nothing was sent under it.',
    remedy: 'Run `lastgood signals` without a name to list the features.',
  },
  JUDGE_NO_ANSWERS: {
    exits: [3],
    meaning: 'There is no stored answer that a judge could score.',
    cause: 'Observations of this time are stored by numbers only, or were sent without a question.',
    remedy: 'Store texts with `--store outputs`, or name a longer time with `--since`.',
  },
  JUDGE_SERIES: {
    exits: [2],
    meaning: 'Scores of this name come from another judge, another question, or the application.',
    cause: 'The judge release or the rubric changed, or the name is used twice.',
    remedy: 'Choose another name with `--as`, and point the monitor at it.',
  },
  NO_MONITORS: {
    exits: [2],
    meaning: 'The feature has nothing to judge.',
    cause: 'Its file in `features/` has no `monitors:`.',
    remedy: 'Add monitors. docs/monitors.md shows how.',
  },
  SINCE_RANGE: {
    exits: [2],
    meaning: 'The time range of `--since` cannot be used.',
    cause:
      'The text is neither a duration such as `7d` nor an ISO time, or it is shorter than an hour or in the future.',
    remedy: 'Write `--since 24h`, `--since 7d` or `--since 2026-05-12`.',
  },
  RELEASE_UNSEEN: {
    exits: [2],
    meaning: 'No observation of this time was made by the release that was asked for.',
    cause: 'The name is mistyped, the release served at another time, or observations were sent without it.',
    remedy: 'Use a name that the message lists, or widen `--since`.',
  },
  DECISION_MARK: {
    exits: [2],
    meaning: 'Decisions cannot be marked like this.',
    cause: 'The value of `--mark` is unknown, or the ids, the person or the reason are missing.',
    remedy: 'Write `--mark reviewed --id ID --by NAME --why TEXT`.',
  },
  DECISION_UNKNOWN: {
    exits: [2],
    meaning: 'An id to mark is not a stored decision of this release.',
    cause: 'The id is mistyped, the observation acted on nothing, or it lies before `--since`.',
    remedy: 'List the decisions first. Nothing was marked.',
  },
  DECISION_AMBIGUOUS: {
    exits: [2],
    meaning: 'An id to mark belongs to several decisions.',
    cause: 'A redaction rule replaced the part in which the ids differ.',
    remedy: 'Send ids that no `redact` rule matches. Nothing was marked.',
  },
  RESIDUE_TIME: {
    exits: [2],
    meaning: 'The times of an incident cannot be used.',
    cause: 'The rollback lies in the future, or the change does not lie before it.',
    remedy:
      'Write `--rollback` with the time when the rollback was in effect, and `--change` with an earlier one.',
  },
  RESIDUE_CHANGE: {
    exits: [2],
    meaning: 'When the incident began cannot be found in the observations.',
    cause: 'They name no release, or one release gave most answers before and after the rollback.',
    remedy: 'Name the time with `--change`.',
  },
  SHADOW_NO_INPUTS: {
    exits: [3],
    meaning: 'There is no stored input that a candidate could be run on.',
    cause:
      'Observations of this time are stored by numbers only, or were sent without `messages` and `input`.',
    remedy: 'Store questions with `--store outputs`, or name a longer time with `--since`.',
  },
  SHADOW_RESUME: {
    exits: [2],
    meaning: 'The snapshot does not belong to a shadow run of this feature.',
    cause: 'The id is mistyped, or it is a snapshot of another command.',
    remedy: 'Use the command that the interrupted run printed as `next`.',
  },
  TOKEN_EXISTS: {
    exits: [2],
    meaning: 'There is a token of this name already.',
    cause: 'Names of tokens are unique, so that one can be removed.',
    remedy: 'Choose another name, or run `lastgood token remove NAME` first.',
  },
  TOKEN_UNKNOWN: {
    exits: [2],
    meaning: 'There is no token of this name.',
    cause: 'The name is mistyped, or the token was removed before.',
    remedy: 'Run `lastgood token list`.',
  },
  SERVE_NEEDS_TOKENS: {
    exits: [2],
    meaning: 'The server was not started on an address that others can reach.',
    cause: 'There is no token, so anybody could read and write.',
    remedy: 'Run `lastgood token add NAME --role observe` first, or serve on 127.0.0.1.',
  },
  SERVE_ADDRESS: {
    exits: [4],
    meaning: 'The server cannot listen on this address.',
    cause: 'The port is taken, or the address does not belong to this machine.',
    remedy: 'Choose another `--port` or `--host`.',
  },
} as const satisfies Record<string, CatalogueEntry>;
