// The cases of a large stored suite: read from the server once, set aside in a file without a name, and read from there page by page.

import { ScratchFile } from '../../base/scratch-file.ts';
import { CASE_PAGE, PagedCases } from '../../core/case-list.ts';
import type { Case } from '../../core/suite.ts';

/**
 * `read` gives cases from a place on. Whoever goes through a list of cases does so without waiting, and a server can only be asked with it.
 * Throws `SUITE_TEMP_FILE` where there is no room.
 */
export async function spooledCases(
  count: number,
  read: (from: number, count: number) => Promise<readonly Case[]>,
): Promise<PagedCases> {
  const file = new ScratchFile('SUITE_TEMP_FILE', 'the stored suite is large, and its cases');
  /** Where each page begins; one more for the end of the last. */
  const starts = [0];
  const atOnce = CASE_PAGE * 8;
  for (let from = 0; from < count; from += atOnce) {
    const cases = await read(from, atOnce);
    for (let at = 0; at < cases.length; at += CASE_PAGE) {
      file.append(Buffer.from(JSON.stringify(cases.slice(at, at + CASE_PAGE)), 'utf8'));
      starts.push(file.length);
    }
  }
  return new PagedCases(count, (page) => {
    const from = starts[page] as number;
    const cases = JSON.parse(file.text(from, (starts[page + 1] as number) - from)) as Case[];
    // JSON has no undefined.
    return cases.map((c) => ({ ...c, expected: c.expected }));
  });
}
