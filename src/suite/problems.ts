// Gathers the problems of one suite, so that a person can fix them in one go, and stops before the list is longer than anybody reads.

import { LastgoodError, LastgoodErrors, throwAll } from '../base/errors.ts';

const MOST_SHOWN = 50;

export interface Problems {
  add(...errors: readonly LastgoodError[]): void;
  /** How many so far, shown or not. */
  count(): number;
  /** Throws them in the order they stand in the files. */
  throwIfAny(): void;
}

export function collectProblems(): Problems {
  const shown: LastgoodError[] = [];
  let total = 0;
  return {
    add(...errors) {
      for (const error of errors.flatMap((e) => (e instanceof LastgoodErrors ? e.errors : [e]))) {
        total++;
        if (shown.length < MOST_SHOWN) shown.push(error);
      }
    },
    count: () => total,
    throwIfAny() {
      const files = [...new Set(shown.map((e) => e.where.file))];
      const errors = shown.toSorted(
        (a, b) =>
          files.indexOf(a.where.file) - files.indexOf(b.where.file) ||
          (a.where.line ?? 0) - (b.where.line ?? 0),
      );
      if (total > shown.length) {
        errors.push(
          new LastgoodError({
            code: 'SUITE_MORE_PROBLEMS',
            message: `${total - shown.length} more problems are not shown`,
          }),
        );
      }
      throwAll(errors);
    },
  };
}
