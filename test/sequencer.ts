// The order of the test files: the long ones first, so that the two workers end together. A fresh clone has no measured
// durations to go by; the size of a file says little.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that take more than about five seconds, the longest first. A name that is gone does no harm, nor does a missing one. */
const LONG: readonly string[] = [
  'test/cli/demo.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = (file: TestSpecification): number => {
      const at = LONG.findIndex((name) => file.moduleId.endsWith(`/${name}`));
      return at < 0 ? LONG.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
