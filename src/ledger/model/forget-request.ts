// What is to be taken out of a ledger for good, and the account of what went.

import { LastgoodError } from '../../base/errors.ts';
import { isJsonObject, type JsonValue } from '../../base/json.ts';

/** Shorter texts would take ordinary words out of unrelated rows. */
const SHORTEST = 4;

export type ForgetRequest =
  | {
      readonly kind: 'text';
      readonly text: string;
      /** Also where it is only a part of a longer value; default: whole values only. */
      readonly substring?: boolean | undefined;
    }
  | { readonly kind: 'case'; readonly caseId: string };

/** What was taken out of a ledger. */
export interface Forgotten {
  /** Whole payloads (prompts, answers, schemas) that went. */
  readonly payloads: number;
  /** Rows (grade reasons, messages, cases, labels, records, judge replies) from which the text was taken. */
  readonly rows: number;
  /** Snapshots that held it; files exported from them still do. */
  readonly snapshots: readonly string[];
  /** Values of which the text is only a part, and which stay: `substring` takes it out of them too. */
  readonly partial: number;
}

export interface ForgetReport extends Forgotten {
  /** Nothing was changed: what would have been. */
  readonly dryRun: boolean;
}

/** Throws `FORGET_TOO_SHORT`. */
export function mustBeLongEnough(request: ForgetRequest): void {
  if (request.kind === 'text' && request.text.trim().length < SHORTEST)
    throw new LastgoodError({
      code: 'FORGET_TOO_SHORT',
      message: `A text to forget must have at least ${SHORTEST} characters; a shorter one would be taken out of ordinary words.`,
    });
}

export function unknownCase(caseId: string): LastgoodError {
  return new LastgoodError({
    code: 'CASE_UNKNOWN',
    message: `No snapshot in the ledger has a case "${caseId}".`,
    hint: '`lastgood show REF` lists the cases of a snapshot',
  });
}

/** Ends a transaction without a trace. */
export class RollBack extends Error {}

/** The reasons that grades, or replies of a judge, give. */
export function reasonsIn(value: JsonValue): string[] {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).flatMap(reasonsIn);
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, child]) =>
    child === undefined ? [] : key === 'reason' && typeof child === 'string' ? [child] : reasonsIn(child),
  );
}

/** A stored comparison without the examples it shows of a case. */
export function withoutExamples(value: JsonValue, caseId: string): JsonValue {
  if (Array.isArray(value)) return (value as readonly JsonValue[]).map((v) => withoutExamples(v, caseId));
  if (!isJsonObject(value)) return value;
  const own = value['id'] === caseId || value['caseId'] === caseId;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, child]) =>
      child === undefined || (own && key === 'example') ? [] : [[key, withoutExamples(child, caseId)]],
    ),
  );
}
