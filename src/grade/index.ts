// The grade room's entry: trials in, grades out.

export {
  type CalibrationOptions,
  calibrate,
  type LabelledItem,
  majorityLabel,
} from './calibration.ts';
export { MOST_INCONSISTENT } from './consistency.ts';
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
