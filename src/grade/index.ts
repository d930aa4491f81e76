// The grade room's entry: trials in, grades out.

export {
  type Calibration,
  type CalibrationOptions,
  calibrate,
  type LabelledItem,
  MOST_INCONSISTENT,
  majorityLabel,
  type Share,
} from './calibration.ts';
export type {
  CallLimit,
  CostMeter,
  Examined,
  GraderContext,
  JudgeCallInfo,
  JudgeOptions,
  Pace,
  VerdictCache,
} from './context.ts';
export { JUDGE_OUTPUT_TOKENS } from './judge.ts';
export { measureTrial } from './measures.ts';
export {
  createOutputEmbedder,
  type EmbeddedOutput,
  embeddedText,
  type OutputEmbedder,
} from './output-embedder.ts';
export { isRefusal } from './refusal.ts';
export { createTrialGrader, type TrialGrader } from './trial-grader.ts';
export type { UserGraderInput } from './user-verdict.ts';
