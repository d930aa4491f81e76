// Catalogue of error codes: settings, prices and events. docs/errors.md is generated from it.

import type { CatalogueEntry } from './entry.ts';

export const CONFIG_CODES = {
  CONFIG_SYNTAX: {
    exits: [2],
    meaning: '`lastgood.yaml` is not valid YAML.',
    cause: 'A syntax error at the place shown.',
    remedy: 'Correct the line.',
  },
  CONFIG_UNKNOWN_KEY: {
    exits: [2],
    meaning: '`lastgood.yaml` has a key that does not exist.',
    cause: 'A typing error, or a key of another file.',
    remedy: 'Use one of the keys that the message lists.',
  },
  CONFIG_MISSING_KEY: {
    exits: [2],
    meaning: '`lastgood.yaml` lacks a key.',
    cause: 'A required key is not there.',
    remedy: 'Add the key.',
  },
  CONFIG_BAD_VALUE: {
    exits: [2],
    meaning: 'A value in `lastgood.yaml` has the wrong type.',
    cause: 'The value is not what the key expects.',
    remedy: 'Correct the value as the message says.',
  },
  PRICES_SYNTAX: {
    exits: [2],
    meaning: 'The price file is not valid YAML or JSON.',
    cause: 'A syntax error at the place shown.',
    remedy: 'Correct the line.',
  },
  PRICES_UNKNOWN_KEY: {
    exits: [2],
    meaning: 'The price file has a key that does not exist.',
    cause: 'A typing error.',
    remedy: 'Use one of the keys that the message lists.',
  },
  PRICES_MISSING_KEY: {
    exits: [2],
    meaning: 'The price file lacks a key.',
    cause: 'A required key is not there.',
    remedy: 'Add the key.',
  },
  PRICES_BAD_VALUE: {
    exits: [2],
    meaning: 'A value in the price file cannot be used.',
    cause: 'The value is not what the key expects.',
    remedy: 'Correct the value as the message says.',
  },
  EVENT_SYNTAX: {
    exits: [2],
    meaning: 'An event file is not valid YAML, JSON or JSON lines.',
    cause: 'A syntax error at the place shown.',
    remedy: 'Correct the line.',
  },
  EVENT_UNKNOWN_KEY: {
    exits: [2],
    meaning: 'An event has a key that does not exist.',
    cause: 'A typing error.',
    remedy: 'Use one of the keys that the message lists.',
  },
  EVENT_MISSING_KEY: {
    exits: [2],
    meaning: 'An event lacks a key.',
    cause: '`at`, `kind` or `text` is not there.',
    remedy: 'Add the key.',
  },
  EVENT_BAD_VALUE: {
    exits: [2],
    meaning: 'A value of an event cannot be used.',
    cause: 'The value is not what the key expects.',
    remedy: 'Correct the value as the message says.',
  },
  EVENT_TIME: {
    exits: [2],
    meaning: 'The time of an event cannot be read.',
    cause: 'The text is not an ISO date or time.',
    remedy: 'Write `2026-05-12` or `2026-05-12T06:00:00Z`.',
  },
  EVENT_TEXT: {
    exits: [2],
    meaning: 'The text of an event is too long.',
    cause: 'Events hold one short sentence.',
    remedy: 'Shorten the text and put details behind `--ref`.',
  },
  EVENT_FILE_SHAPE: {
    exits: [2],
    meaning: 'An event file does not hold a list.',
    cause: 'The file holds one map or a text.',
    remedy: 'Write a list of events.',
  },
  EVENT_NO_LIST: {
    exits: [2],
    meaning: "The file of an incident's events does not hold a list.",
    cause: 'The file has another shape.',
    remedy: 'Write a list of events, each with `at`, `kind` and `text`.',
  },
  EVENT_CSV: {
    exits: [2],
    meaning: 'An event file in CSV cannot be read.',
    cause: 'A quote is open, or the header lacks a column.',
    remedy: 'Correct the file at the place shown.',
  },
} as const satisfies Record<string, CatalogueEntry>;
