// The order of the test files: the long ones first, so that both workers end together. A fresh clone has no measured
// durations to go by, and the size of a file says little.

import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, in that order. A missing one costs some seconds at the end, nothing else. */
export const LONGEST: readonly string[] = [
  'test/distributed/distributed.walk.test.ts',
  'test/cli/demo.walk.test.ts',
  'test/jobs/batch-commands.walk.test.ts',
  'test/bench/batch.walk.test.ts',
  'test/distributed/call-gate.walk.test.ts',
  'test/cli/demo-rollout.walk.test.ts',
  'test/server/rollout-killed.walk.test.ts',
  'test/jobs/check.test.ts',
  'test/security/gate-tricks.walk.test.ts',
  'test/security/limits.walk.test.ts',
  'test/jobs/nightly.walk.test.ts',
  'test/jobs/nightly-schedule.walk.test.ts',
  'test/bench/stat-quick.walk.test.ts',
  'test/jobs/check-docs.walk.test.ts',
  'test/jobs/rollback-scenarios.walk.test.ts',
  'test/client/many-agents.walk.test.ts',
  'test/jobs/check-application.walk.test.ts',
  'test/jobs/production-docs.walk.test.ts',
  'test/security/streams.walk.test.ts',
  'test/jobs/tutorials.walk.test.ts',
  'test/cli/readme.test.ts',
  'test/jobs/agent-orders.walk.test.ts',
  'test/vitest-entry/vitest-entry.walk.test.ts',
  'test/grade/deterministic.test.ts',
  'test/jobs/check-reports.walk.test.ts',
  'test/jobs/llm-stability.walk.test.ts',
  'test/security/code.test.ts',
  'test/pages/report-page.test.ts',
  'test/release/fingerprint.test.ts',
  'test/ledger/postgres-server.test.ts',
  'test/cli/wires.walk.test.ts',
  'test/jobs/reference-docs.walk.test.ts',
  'test/pages/server-pages.walk.test.ts',
  'test/pages/server-pages.test.ts',
  'test/compare/check-steps.test.ts',
  'test/cli/postgres.walk.test.ts',
  'test/jobs/timeline.test.ts',
  'test/ledger/postgres.test.ts',
  'test/cli/types.walk.test.ts',
  'test/ledger/ledger.test.ts',
  'test/cli/first-steps.test.ts',
  'test/jobs/compare-releases.walk.test.ts',
  'test/jobs/chaos.walk.test.ts',
  'test/jobs/world-moved.walk.test.ts',
  'test/jobs/privacy.test.ts',
  'test/jobs/nightly.test.ts',
  'test/jobs/rollout.test.ts',
  'test/server/page-data.test.ts',
  'test/server/shipping-pages.test.ts',
  'test/security/damaged-ledger.walk.test.ts',
  'test/jobs/llmdrift.walk.test.ts',
  'test/simulator/support-triage.test.ts',
  'test/jobs/example-suites.test.ts',
  'test/jobs/monitor.test.ts',
  'test/intake/parity.test.ts',
  'test/jobs/real-encoder.test.ts',
  'test/jobs/grid.walk.test.ts',
  'test/jobs/check-changed.test.ts',
  'test/jobs/drill.test.ts',
  'test/provider/command.test.ts',
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
