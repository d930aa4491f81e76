// What the benchmark uses of the program, in one place.

export { SILENT, secretMask } from '../../src/base/index.ts';
export {
  changedLayers,
  mapCases,
  type Provider,
  type Release,
  type RollbackDecision,
  type SnapshotStore,
  type Suite,
} from '../../src/core/index.ts';
export { runSuite } from '../../src/engine/arms/run-suite.ts';
export type { Workplace } from '../../src/engine/workplace/workplace.ts';
export { findRollbackTarget } from '../../src/jobs/rollback/rollback.ts';
export { type Candidate, listCandidates } from '../../src/rollback/index.ts';
export type { Mt19937 } from '../../src/stats/index.ts';
export { suiteHash } from '../../src/suite/suite-hash.ts';
