// What every reader of records is: records in, cases out, one at a time.

import type { JsonValue } from '../../base/json.ts';
import type { FoundCase, Place } from './found.ts';
import type { Losses } from './losses.ts';

/** Reads the records of one format. It keeps only what must be joined later. */
export interface RecordReader {
  /** `path` is where the record stood in its document: `["resourceSpans"]`, or `[]`. */
  take(record: JsonValue, place: Place, path: readonly string[]): Iterable<FoundCase>;
  /** What was waiting for records that never came. */
  finish(): Iterable<FoundCase>;
}

export type ReaderFactory = (losses: Losses) => RecordReader;

/** Reports keys of a record that its reader does not know. */
export function unknownKeys(
  record: object,
  known: ReadonlySet<string>,
  { losses, place, what }: { readonly losses: Losses; readonly place: Place; readonly what: string },
): void {
  for (const key in record)
    if (!known.has(key))
      losses.dropped(`${what} key ${JSON.stringify(key.slice(0, 80))}`, 'unknown key', place);
}
