// The grade room's entry: trials in, grades out.

export {
  calibrate,
  type LabelledItem,
  majorityLabel,
} from './calibration.ts';
export { MOST_INCONSISTENT } from './consistency.ts';
export type {
  CallLimit,
  Examined,
  ExaminerCall,
  GraderContext,
  JudgeCallInfo,
  VerdictCache,
} from './context.ts';
export { capName, JUDGE_OUTPUT_TOKENS } from './judge.ts';
export { measureTrial } from './measures.ts';
export {
  createOutputEmbedder,
  type EmbeddedOutput,
  embeddedText,
  type OutputEmbedder,
} from './output-embedder.ts';
export { isRefusal } from './refusal.ts';
export { createTrialGrader, type TrialGrader } from './trial-grader.ts';
