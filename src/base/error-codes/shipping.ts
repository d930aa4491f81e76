// Catalogue of error codes: release tickets, registry, flags and the guard. docs/errors.md is generated from it.

import type { CatalogueEntry } from './entry.ts';

export const SHIPPING_CODES = {
  TICKET_NOT_FOUND: {
    exits: [2],
    meaning: 'The release ticket is unknown.',
    cause: 'There is no such file, and none of this name in `features/`.',
    remedy: 'Name a file, or one of the features that the message lists.',
  },
  TICKET_SYNTAX: {
    exits: [2],
    meaning: 'A release ticket is not valid YAML or JSON.',
    cause: 'A syntax error at the place shown.',
    remedy: 'Correct the line.',
  },
  TICKET_UNKNOWN_KEY: {
    exits: [2],
    meaning: 'A release ticket has a key that does not exist.',
    cause: 'A typing error.',
    remedy: 'Use one of the keys that the message lists.',
  },
  TICKET_MISSING_KEY: {
    exits: [2],
    meaning: 'A release ticket lacks a key without which it cannot be read.',
    cause: 'A required key is not there.',
    remedy: 'Add the key.',
  },
  TICKET_BAD_VALUE: {
    exits: [2],
    meaning: 'A value in a release ticket cannot be used.',
    cause:
      'An unknown signal or flag, a text without its unit, a ladder that does not rise, a gate without exactly one rule.',
    remedy: 'Correct the value as the message says.',
  },
  WHO_AND_WHY: {
    exits: [2],
    meaning: 'A decision was not stored, because it does not say who made it and why.',
    cause: '`--by` or `--why` is missing, and git knows no `user.name`.',
    remedy: 'Pass `--by NAME` and `--why TEXT`.',
  },
  DECISION_TEXT: {
    exits: [2],
    meaning: 'A name or a reason cannot be stored.',
    cause: 'It holds a control character, or it is longer than 500 characters.',
    remedy: 'Write one short line of plain text.',
  },
  SHIPPING_CHANGED: {
    exits: [4],
    meaning: 'Another person changed the same thing at the same time, and nothing was written.',
    cause: 'Two people decided within a second.',
    remedy: 'Read the history, then run the command again if it is still needed.',
  },
  FLAG_KEY: {
    exits: [2],
    meaning: 'A flag cannot be set under this key.',
    cause: 'The key has other characters, or it begins with `ai.` and is not one of the six.',
    remedy: 'Use one of the six `ai.*` flags, or a key of your own.',
  },
  FLAG_VALUE: {
    exits: [2],
    meaning: 'A flag cannot have this value.',
    cause: 'The flag has another type, or only some values are allowed.',
    remedy: 'Use a value as the message says.',
  },
  FLAG_CONDITION: {
    exits: [2],
    meaning: 'The condition of a flag cannot be read.',
    cause: 'The operator is missing or unknown, or a number is expected.',
    remedy: 'Write `--when "PROPERTY=VALUE,VALUE"` or `--when "PROPERTY>NUMBER"`.',
  },
  FLAG_LIMIT: {
    exits: [2],
    meaning: 'A flag would have too many rules or conditions.',
    cause: 'Each evaluation goes through all of them, so their number is bounded.',
    remedy: 'Compute a segment in the application, and decide by the segment.',
  },
  FLAG_UNKNOWN: {
    exits: [2],
    meaning: 'The flag is not set in this environment.',
    cause: 'The key is mistyped, or the flag was only set elsewhere.',
    remedy: 'Run `lastgood flag list`, or set the flag first.',
  },
  SERVER_ANSWER: {
    exits: [4],
    meaning: 'A lastgood server did not answer as expected.',
    cause: 'It is not running at this address, or the token is missing or has another role.',
    remedy: 'Check the address, and set the token in the environment.',
  },
  APPROVAL_UNKNOWN: {
    exits: [2],
    meaning: 'There is no approval with this id.',
    cause: 'The id is mistyped.',
    remedy: 'Run `lastgood approvals list`.',
  },
  APPROVAL_ANSWERED: {
    exits: [2],
    meaning: 'An approval was answered already, used, or is too old.',
    cause: 'Another person was faster, or a day has passed.',
    remedy: 'Nothing. The agent asks for a new approval when it repeats the action.',
  },
  REGISTRY_UNKNOWN: {
    exits: [2],
    meaning: 'The registry does not have this feature or release.',
    cause: 'The name is mistyped, or the feature never pointed there.',
    remedy: 'Run `lastgood registry list` or `lastgood registry history FEATURE`.',
  },
  REGISTRY_CURRENT: {
    exits: [2],
    meaning: 'The release in force cannot be deprecated.',
    cause: 'The feature still points to it.',
    remedy: 'Point the feature to another release first.',
  },
  REGISTRY_DOUBTFUL: {
    exits: [3],
    meaning:
      'A feature was not pointed to a release, because the ledger does not show that the release is good.',
    cause: 'There is no valid snapshot that passes, or the release was withdrawn or ended.',
    remedy:
      "Run the feature's suite on the release, or pass `--override REASON`; the reason stays on record.",
  },
  ROLLOUT_NONE: {
    exits: [2],
    meaning: 'The feature has no rollout in this environment.',
    cause: 'None was started, or the name of the feature or environment is mistyped.',
    remedy: 'Run `lastgood rollout start FEATURE --why TEXT`.',
  },
  ROLLOUT_RUNNING: {
    exits: [3],
    meaning: 'A rollout was not started, because another one of the feature is under way.',
    cause: 'The earlier rollout was neither promoted nor ended.',
    remedy: 'Run `lastgood rollout abort` or `lastgood rollout promote`, then start again.',
  },
  ROLLOUT_NOT_READY: {
    exits: [3],
    meaning: 'A rollout was not started, because a condition is open.',
    cause: 'The ticket has gaps, or the ledger does not show what a start needs.',
    remedy: 'Close the condition as `lastgood ticket check` says, or waive it by name with a reason.',
  },
  ROLLOUT_CONTROL: {
    exits: [3],
    meaning: 'A rollout was not started, because its control is not what users get.',
    cause: 'The registry points the feature to another release than the control of the ticket.',
    remedy: 'Correct the ticket or the registry.',
  },
  ROLLOUT_GATE: {
    exits: [2, 3],
    meaning: 'A gate of the ticket cannot be read.',
    cause: 'Its rule does not fit its signal, or there are no observations of the control to compare with.',
    remedy: 'Change the rule, or send observations of the control first.',
  },
  ROLLOUT_STATE: {
    exits: [3],
    meaning: 'The rollout is in no state for this decision.',
    cause: 'It is over already, or its last stage is not complete.',
    remedy: 'Run `lastgood rollout status FEATURE`.',
  },
  ROLLOUT_THREAD: {
    exits: [4],
    meaning: 'The thread of the server that reads rollouts ended.',
    cause: 'It ran out of memory, or it failed.',
    remedy: 'Load the page again: it shows what the log has. Then decide again if it is still needed.',
  },
  ROLLOUT_CHANGED: {
    exits: [4],
    meaning: 'Another process changed the rollout at the same time, and this change does not count.',
    cause: 'Two steps or decisions fell into the same second.',
    remedy: 'Read the status. Run the command again if it is still needed.',
  },
  ROLLOUT_UNTAGGED: {
    exits: [],
    meaning: 'A warning: most observations of the feature name neither release of the rollout.',
    cause: 'The application sends observations without the `variant` of the flag answer.',
    remedy: 'Send `variant` with each observation.',
  },
  ROLLBACK_UNVERIFIED: {
    exits: [3, 5],
    meaning: 'A rollback was not applied, because no target was proven by running it.',
    cause:
      'No candidate passed, the proof is older than 24 hours or of another release than the one in force, or the registry has doubts about the target.',
    remedy:
      'Run `lastgood rollback SUITE` and read why each candidate was refused. Protect users meanwhile with `lastgood flag set` or `lastgood stop`.',
  },
  ROLLBACK_NONE: {
    exits: [2],
    meaning: 'No rollback of the feature was applied in this environment.',
    cause: 'None was started, or the name of the feature or environment is mistyped.',
    remedy: 'Run `lastgood rollback FEATURE --apply --why TEXT`.',
  },
  ROLLBACK_BUSY: {
    exits: [3],
    meaning: 'A rollback was not applied, because a rollout of the feature is under way.',
    cause: 'Both would set `ai.rollout.percent`.',
    remedy:
      'Run `lastgood rollout abort FEATURE` if its candidate is the cause. Then apply again if users are still hurt.',
  },
  ROLLBACK_RUNNING: {
    exits: [3],
    meaning: 'A rollout was not started, because an applied rollback of the feature is not over.',
    cause: "Its signals are still watched, or it was stopped and waits for a person's decision.",
    remedy: 'Read `lastgood rollback status FEATURE`. `lastgood rollback cancel FEATURE` ends it.',
  },
  ROLLBACK_CHANGED: {
    exits: [3],
    meaning:
      'An applied rollback ended, because another person or program changed a pointer or flag that it had set.',
    cause: 'A person or another program decided in the middle; their change stays.',
    remedy:
      'Read `lastgood flag history` and `lastgood registry history FEATURE`. Apply again with `--override REASON` if it is still needed.',
  },
  ROLLBACK_RACE: {
    exits: [4],
    meaning: 'Another process stepped the applied rollback at the same time, and this step does not count.',
    cause: 'Two steps or decisions fell into the same second.',
    remedy: 'Read the status. Run the command again if it is still needed.',
  },
  ROLLBACK_STATE: {
    exits: [3],
    meaning: 'The applied rollback is in no state for this decision.',
    cause: 'It is over, or everybody has the target already.',
    remedy: 'Run `lastgood rollback status FEATURE`.',
  },
  ROLLBACK_NOT_RECOVERED: {
    exits: [],
    meaning:
      'Code of a report with exit 1: an applied rollback stopped, because a signal that moved is shown not to be back.',
    cause: 'The target does not cure what users see, or the cause lies outside of the release.',
    remedy:
      'Find the cause. `lastgood rollback FEATURE --apply --now --why TEXT` continues all the same; `lastgood rollback cancel FEATURE` ends it.',
  },
  ROLLBACK_WORSE: {
    exits: [],
    meaning:
      'Code of a report with exit 1: an applied rollback stopped, because the target fails more often than what it replaces.',
    cause: 'Errors, schema failures or blocks of the target are more than a point higher.',
    remedy: 'Run `lastgood rollback cancel FEATURE --why TEXT`, then find out why the target fails.',
  },
  ROLLBACK_SIGNAL: {
    exits: [2],
    meaning: 'A signal that `--watch` names cannot be watched.',
    cause: 'Nothing is known of it, or it did not move for the worse.',
    remedy: 'Read `lastgood timeline FEATURE`, and name a signal that moved.',
  },
  ROLLBACK_NOT_WATCHED: {
    exits: [],
    meaning: 'A warning: which signals moved with the incident could not be looked for.',
    cause: 'There are no observations, or too few before the incident.',
    remedy: 'Send observations. Name signals that moved with `--watch SIGNAL`.',
  },
  ROLLBACK_TICKET: {
    exits: [],
    meaning:
      'A warning: the ticket of the feature cannot be read, so the flags of its first-rollback are not set.',
    cause: 'The file in `features/` has an error.',
    remedy: 'Set the flags by hand, and correct the file: `lastgood ticket check FEATURE`.',
  },
  DRILL_ENVIRONMENT: {
    exits: [2, 3],
    meaning: 'A drill cannot flip the flags of this environment.',
    cause:
      'It is production, it points to another release than the one that is drilled, or a rollout or rollback is under way there.',
    remedy: 'Name a staging environment, and point its registry to the release that is drilled.',
  },
} as const satisfies Record<string, CatalogueEntry>;
