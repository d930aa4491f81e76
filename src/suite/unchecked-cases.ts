// Cases that no grader can fail, and expected answers that none compares with.

import { type ErrorWhere, LastgoodError } from '../base/errors.ts';
import type { Warning } from '../base/ports.ts';

/** Cases without any grader. */
export interface Graderless {
  count: number;
  /** Those of them with an `expected`. */
  withExpected: number;
  first: ErrorWhere | null;
}

/** The first case is named, all are counted; where they have an `expected`, the hint says how to compare with it. */
export function withoutGrader({ count, withExpected, first }: Graderless, file: string): LastgoodError[] {
  if (first === null) return [];
  return [
    new LastgoodError({
      code: 'SUITE_NO_GRADER',
      message:
        count === 1
          ? 'the case has no grader, so nothing could ever fail'
          : `${count} cases have no grader, so nothing could ever fail; this is the first of them`,
      where: first,
      hint:
        withExpected > 0
          ? `to compare each answer with its \`expected\`, add to ${file}: defaults: { grade: [equals] } (or [contains], [icontains], [number])`
          : 'add `grade:` to the case, or `defaults: { grade: [...] }` to the suite',
    }),
  ];
}

/** An expected answer that nothing compares with looks like a check and is none. */
export function unreadExpected(unread: number, cases: number): Warning {
  return {
    code: 'EXPECTED_NOT_READ',
    message: `${unread} of ${cases} ${cases === 1 ? 'case' : 'cases'} ${unread === 1 ? 'has' : 'have'} an \`expected\` that no grader reads`,
    hint: 'add a grader without a value, such as `equals` or `contains`: it compares with `expected`',
  };
}
