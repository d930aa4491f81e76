// The one error type for everything a person can act on. Anything else that is thrown is a defect and keeps its stack.

import type { ErrorCode } from './error-catalogue.ts';

/** Where in the user's files, suite or settings the problem stands. Lines and columns count from 1. */
export interface ErrorWhere {
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  readonly caseId?: string | undefined;
  readonly key?: string | undefined;
}

/** What the process should tell its caller: 2 = the input is wrong, 3 = could not tell, 4 = could not do the work, 5 = no rollback target. */
export type ErrorExitCode = 2 | 3 | 4 | 5;

export interface LastgoodErrorInit {
  /** Stable machine-readable name, e.g. `SUITE_UNKNOWN_KEY`. */
  readonly code: ErrorCode;
  /** What happened and what was expected, one or two sentences without a trailing hint. */
  readonly message: string;
  /** What to try next. */
  readonly hint?: string | undefined;
  readonly where?: ErrorWhere | undefined;
  /** Default 2. */
  readonly exitCode?: ErrorExitCode | undefined;
  readonly cause?: unknown;
}

/** An error whose reader can fix it: printed as a sentence with its place and a remedy, never with a stack. */
export class LastgoodError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly where: ErrorWhere;
  readonly exitCode: ErrorExitCode;

  constructor(init: LastgoodErrorInit) {
    super(init.message, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = 'LastgoodError';
    this.code = init.code;
    this.hint = init.hint;
    this.where = init.where ?? {};
    this.exitCode = init.exitCode ?? 2;
  }
}

/** Several independent problems found in one pass, so that a user fixes them in one go. */
export class LastgoodErrors extends LastgoodError {
  readonly errors: readonly LastgoodError[];

  constructor(errors: readonly LastgoodError[]) {
    const first = errors[0];
    super({
      code: first?.code ?? 'UNKNOWN',
      message: formatErrors(errors),
      exitCode: first?.exitCode,
    });
    this.errors = errors;
  }
}

/** Throws nothing, the single error, or all of them together. */
export function throwAll(errors: readonly LastgoodError[]): void {
  if (errors.length === 1 && errors[0]) throw errors[0];
  if (errors.length > 1) throw new LastgoodErrors(errors);
}

/** Problems that only differ in their case, from this many on, are one. */
const ALIKE = 4;

/** One problem a line; a problem that many cases share is printed once, with the number of cases. */
export function formatErrors(errors: readonly LastgoodError[]): string {
  const groups = new Map<string, LastgoodError[]>();
  for (const error of errors) {
    const { file, key } = error.where;
    const alike = JSON.stringify([error.code, error.message, error.hint, file, key]);
    groups.set(alike, [...(groups.get(alike) ?? []), error]);
  }
  return [...groups.values()]
    .flatMap((group) => {
      const [first] = group;
      if (first === undefined || first.where.caseId === undefined || group.length < ALIKE)
        return group.map(formatError);
      const others = group.slice(1, 4).flatMap(({ where }) => where.caseId ?? []);
      const more = group.length - 1 - others.length;
      const names = `${others.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
      return [`${formatError(first)}\n  the same in ${group.length - 1} other cases: ${names}`];
    })
    .join('\n');
}

/** `file:line:column: message [CODE]` and the hint on a line of its own. */
export function formatError(error: LastgoodError): string {
  if (error instanceof LastgoodErrors) return error.message;
  const { file, line, column, caseId, key } = error.where;
  const place = [file, line, line === undefined ? undefined : column]
    .filter((p) => p !== undefined)
    .join(':');
  const subject = [caseId === undefined ? '' : `case "${caseId}"`, key === undefined ? '' : `key "${key}"`]
    .filter(Boolean)
    .join(', ');
  const head = [place, subject].filter(Boolean).join(': ');
  return `${head ? `${head}: ` : ''}${error.message} [${error.code}]${error.hint ? `\n  try: ${error.hint}` : ''}`;
}

/** The closest of `candidates` to `word` by edit distance, when it is close enough to be a slip of the keyboard. */
export function didYouMean(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      bestDistance = distance;
      best = candidate;
    }
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(substitution, (previous[j] ?? 0) + 1, (current[j - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}

/** Is one letter added, left out, replaced, or swapped with its neighbour? Equal words are not a slip apart. */
export function oneSlipApart(a: string, b: string): boolean {
  if (a === b || Math.abs(a.length - b.length) > 1) return false;
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  let at = 0;
  while (at < short.length && short[at] === long[at]) at++;
  if (short.length < long.length) return short.slice(at) === long.slice(at + 1);
  const swapped = short[at] === long[at + 1] && short[at + 1] === long[at];
  return (
    short.slice(at + 1) === long.slice(at + 1) || (swapped && short.slice(at + 2) === long.slice(at + 2))
  );
}
