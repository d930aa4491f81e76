// What the benchmark uses of the program, in one place.

export {
  changedLayers,
  type Provider,
  type Release,
  type RollbackDecision,
  SILENT,
  type SnapshotStore,
  type Suite,
  secretMask,
} from '../../src/core/index.ts';
export { type Candidate, listCandidates } from '../../src/rollback/index.ts';
export type { Mt19937 } from '../../src/stats/index.ts';
export { suiteHash } from '../../src/suite/suite-hash.ts';
export { findRollbackTarget } from '../../src/workflow/rollback/rollback.ts';
export { runSuite } from '../../src/workflow/run/run-suite.ts';
export type { Workplace } from '../../src/workflow/workplace.ts';
