// The order of the test files: the long ones first, so that both workers end together. A fresh clone has no measured
// durations to go by, and the size of a file says little.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, in that order. A missing one costs some seconds at the end, nothing else. */
export const LONGEST: readonly string[] = [
  'test/cli/demo.test.ts',
  'test/workflow/nightly-walk.test.ts',
  'test/workflow/check.test.ts',
  'test/workflow/check-docs.test.ts',
  'test/pages/report-page.test.ts',
  'test/cli/readme.test.ts',
  'test/workflow/llmdrift.test.ts',
  'test/cli/wires.test.ts',
  'test/workflow/rollback-scenarios.test.ts',
  'test/workflow/llm-stability.test.ts',
  'test/compare/stored-confirmation.test.ts',
  'test/workflow/compare-releases.test.ts',
  'test/cli/judge.test.ts',
  'test/workflow/nightly-cli.test.ts',
  'test/workflow/incident.test.ts',
  'test/bench/stat-quick.test.ts',
  'test/release/fingerprint.test.ts',
  'test/workflow/privacy.test.ts',
  'test/workflow/chaos.test.ts',
  'test/snapshot/processes.test.ts',
  'test/workflow/drill.test.ts',
  'test/cli/first-steps.test.ts',
  'test/simulator/support-triage.test.ts',
  'test/workflow/ladder.test.ts',
  'test/snapshot/ledger.test.ts',
  'test/workflow/nightly.test.ts',
];

/** The longest first; where durations were measured here before, these decide about the rest. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = (file: TestSpecification): number => {
      const at = LONGEST.findIndex((name) => file.moduleId.endsWith(`/${name}`));
      return at < 0 ? LONGEST.length : at;
    };
    return (await super.sort(files)).sort((a, b) => rank(a) - rank(b));
  }
}
