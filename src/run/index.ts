// Suite × release × provider → trials.

export type { CallAdmission } from './admission.ts';
export { LONGEST_RETRY_AFTER_MS, retryDelayMs } from './backoff.ts';
export type { BatchOptions } from './batch-engine.ts';
export { Budget } from './budget.ts';
export { callBounds } from './conversation.ts';
export { estimateRun, inputTokensBound, type RunEstimate, transcriptTokensBound } from './estimate.ts';
export { costUnknown, type RunLimits } from './limits.ts';
export { Pacer } from './pacer.ts';
export { interleaveJobs, type Job, planJobs, streamJobs } from './plan.ts';
export { asksDifferently, checkRequests, renderRequest } from './render-request.ts';
export { runJobs } from './run-jobs.ts';
export type { RunHandle, RunOptions } from './run-options.ts';
export type { FirstTokenTimes, RunCounts, RunReport, Stop, StopCause } from './tally.ts';
export type { Timers } from './timers.ts';
export { judgeValidity, type TrialOutcomes } from './validity.ts';
