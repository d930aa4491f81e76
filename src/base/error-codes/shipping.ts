// Catalogue of error codes: release tickets. docs/errors.md is generated from it.

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
} as const satisfies Record<string, CatalogueEntry>;
