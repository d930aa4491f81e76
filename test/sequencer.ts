// The order of the test files: the long ones first, so that both workers end together. A fresh clone has no measured
// durations to go by, and the size of a file says little.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, in that order. A missing one costs some seconds at the end, nothing else. */
export const LONGEST: readonly string[] = [
  'test/cli/demo.test.ts',
  'test/jobs/nightly-walk.test.ts',
  'test/jobs/check.test.ts',
  'test/intake/parity.test.ts',
  'test/security/gate-tricks.test.ts',
  'test/vitest-entry/vitest-entry.test.ts',
  'test/mcp/mcp.test.ts',
  'test/jobs/check-docs.test.ts',
  'test/pages/report-page.test.ts',
  'test/cli/readme.test.ts',
  'test/jobs/tutorials.test.ts',
  'test/jobs/example-suites.test.ts',
  'test/security/limits.test.ts',
  'test/security/streams.test.ts',
  'test/security/damaged-ledger.test.ts',
  'test/security/forged-imports.test.ts',
  'test/jobs/agent-orders.test.ts',
  'test/jobs/llmdrift.test.ts',
  'test/jobs/conversation-life.test.ts',
  'test/jobs/tool-loop.test.ts',
  'test/cli/wires.test.ts',
  'test/jobs/rollback-scenarios.test.ts',
  'test/jobs/llm-stability.test.ts',
  'test/compare/stored-confirmation.test.ts',
  'test/jobs/compare-releases.test.ts',
  'test/cli/judge.test.ts',
  'test/jobs/nightly-cli.test.ts',
  'test/jobs/reference-docs.test.ts',
  'test/jobs/grid.test.ts',
  'test/jobs/incident.test.ts',
  'test/cli/screens.test.ts',
  'test/bench/stat-quick.test.ts',
  'test/bench/rollback-quick.test.ts',
  'test/release/fingerprint.test.ts',
  'test/jobs/privacy.test.ts',
  'test/jobs/chaos.test.ts',
  'test/ledger/processes.test.ts',
  'test/jobs/drill.test.ts',
  'test/cli/first-steps.test.ts',
  'test/simulator/support-triage.test.ts',
  'test/jobs/ladder.test.ts',
  'test/ledger/ledger.test.ts',
  'test/jobs/nightly.test.ts',
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
