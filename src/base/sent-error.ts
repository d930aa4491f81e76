// Errors between threads: what a person can act on keeps its code, hint and place.

import type { ErrorCode } from './error-catalogue.ts';
import { type ErrorExitCode, type ErrorWhere, LastgoodError } from './errors.ts';

/** An error as it travels: one that a person can fix keeps what tells them how. */
export type SentError =
  | {
      readonly known: true;
      readonly code: ErrorCode;
      readonly message: string;
      readonly hint: string | undefined;
      readonly where: ErrorWhere;
      readonly exitCode: ErrorExitCode;
    }
  | { readonly known: false; readonly message: string; readonly stack: string | undefined };

export function sentError(error: unknown): SentError {
  if (error instanceof LastgoodError) {
    const { code, message, hint, where, exitCode } = error;
    return { known: true, code, message, hint, where, exitCode };
  }
  return error instanceof Error
    ? { known: false, message: error.message, stack: error.stack }
    : { known: false, message: String(error), stack: undefined };
}

export function receivedError(sent: SentError): Error {
  if (sent.known) return new LastgoodError(sent);
  const error = new Error(sent.message);
  if (sent.stack !== undefined) error.stack = sent.stack;
  return error;
}
